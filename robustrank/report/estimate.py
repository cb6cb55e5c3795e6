"""Fills a declared table: figures, intervals, paired tests, the best of each block, and what is missing."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from robustrank.measures.significance import Run, holm, paired_permutation_test, seeded_interval
from robustrank.randomness import derive
from robustrank.report.numbers import number
from robustrank.report.tables import (
    BASELINE,
    PAIR,
    UNDEFENDED,
    Column,
    RenderedTable,
    Table,
    TableRow,
    Value,
    Values,
    first,
)
from robustrank.report.unit_table import FAMILIES, NONE, Seeds, UnitTable, joined, query_means

Keys = tuple[str, ...]


@dataclass(frozen=True)
class Settings:
    """How a report counts.

    Attributes:
        baseline: The ranker that others are compared with.
        seed: Of the resamples and permutations.
        rounds: Bootstrap resamples; 0 leaves intervals out.
        permutations: Sign patterns drawn by a paired test.
        level: The confidence of intervals; a p below 1 - level earns a mark.
    """

    baseline: str
    seed: int = 0
    rounds: int = 1000
    permutations: int = 10_000
    level: float = 0.95


def fill(
    table: Table, units: UnitTable, lines: Sequence[Keys], settings: Settings, notes: tuple[str, ...] = ()
) -> RenderedTable:
    """Return the table with its figures.

    Args:
        table: Its columns name their task and hold no "*".
        units: What was measured, by ``table.rows``.
        lines: What the lines are about, in their order; one without a figure shows –.
        settings: How to count.
        notes: What to say below, before the notes on what is undefined.
    """
    columns = [_Filler(table, column, units, lines, settings).values() for column in table.columns]
    blocks = [_block(table.rows, keys) for keys in lines]
    for position, column in enumerate(table.columns):
        columns[position] = _with_best(columns[position], blocks, column)
    rendered = _lines(table.rows, lines, blocks, columns)
    titled = tuple(_counted(column, values) for column, values in zip(table.columns, columns, strict=True))
    undefined = sum(value.estimate is None for line in rendered for value in line.values)
    notes += (f"– : undefined or not measured ({undefined} cells).",) if undefined else ()
    legend = " ".join(rowset for rowset in (table.note, _legend(rendered, settings)) if rowset)
    return RenderedTable(
        table.name, table.caption, legend, table.rows, table.units, titled, rendered, notes, table.further
    )


def estimate(column: Column, seeds: Seeds) -> float | None:
    """Return the mean over seeds of the column's figure; None where it is undefined under one, or without seeds."""
    figures = [_figure(column, own.arrays) for own in seeds.values()]
    mean = math.fsum(figures) / len(figures) if figures else math.nan
    return None if math.isnan(mean) else mean


def interval(column: Column, seeds: Seeds, rng: np.random.Generator, settings: Settings) -> tuple[float, float] | None:
    """Return the column's bootstrap interval over queries and seeds; None where none can be stated.

    Units of one query are drawn together.
    """
    if not settings.rounds or column.exact:
        return None
    statistic = column.statistic or column.of_means or first
    mean = not (column.statistic or column.of_means)
    runs = [
        Run([np.asarray(column.unit(*own.arrays), dtype=np.float64)] if mean else own.arrays, own.queries)
        for own in seeds.values()
    ]
    of_means = column.statistic is None
    ends = seeded_interval(runs, statistic, rng, settings.rounds, settings.level, of_means=of_means)
    return None if math.isnan(ends[0]) else ends


def _figure(column: Column, arrays: Sequence[Values]) -> float:
    if column.statistic:
        return float(column.statistic(*arrays))
    if column.of_means:
        return float(column.of_means(*(np.mean(array) for array in arrays)))
    return float(np.mean(column.unit(*arrays)))


@dataclass(frozen=True)
class _Filler:
    """One column of one table at work."""

    table: Table
    column: Column
    units: UnitTable
    lines: Sequence[Keys]
    settings: Settings

    def values(self) -> list[Value]:
        """Return the column's values, a line each, tests corrected over all of them."""
        made = {keys: self._value(keys) for keys in self.lines}
        tests = {(keys, mark): p for keys in self.lines for mark, p in self._tests(keys)}
        adjusted = dict(zip(tests, holm(list(tests.values())).tolist(), strict=True))
        for (keys, mark), p in adjusted.items():
            if not math.isnan(p):
                value, seen = made[keys], p < 1 - self.settings.level
                made[keys] = replace(
                    value, p_values={**value.p_values, mark: p}, marks=value.marks + (mark if seen else "")
                )
        return list(made.values())

    def _value(self, keys: Keys) -> Value:
        seeds = self._aligned(keys)
        units = len({unit for own in seeds.values() for unit in own.units})
        figure = estimate(self.column, seeds)
        if figure is None:
            return Value(None, units=units)
        ends = interval(self.column, seeds, self._rng("interval", keys), self.settings)
        return Value(figure, ends, units, seeds=len(seeds))

    def _tests(self, keys: Keys) -> list[tuple[str, float]]:
        """Return the marks of the counterparts of a line, and p against each, by the queries' means over seeds."""
        rounds = self.settings.permutations
        if self.column.paired:
            seeds = self._aligned(keys).values()
            own, control = (query_means((run.queries, run.arrays[i]) for run in seeds) for i in (0, 1))
            return [(PAIR, _p(own, control, self._rng("pair", keys), rounds))]
        if not self.column.compare:
            return []
        return [
            (mark, _p(self._by_query(keys), self._by_query(counterpart), self._rng(mark, keys), rounds))
            for mark, counterpart in self._counterparts(keys).items()
        ]

    def _counterparts(self, keys: Keys) -> dict[str, Keys]:
        """Return the lines that ``keys`` is tested against: those that differ in the ranker or the defense alone."""
        others = {
            BASELINE: self._at(keys, ranker=self.settings.baseline),
            UNDEFENDED: self._at(keys, defense=NONE),
        }
        return {mark: other for mark, other in others.items() if other is not None and other != keys}

    def _at(self, keys: Keys, **changed: str) -> Keys | None:
        """Return the line that differs from ``keys`` as told, and in the ranker's family; None if there is none."""

        def named(line: Keys) -> dict[str, str]:
            return {name: key for name, key in zip(self.table.rows, line, strict=True) if name != "family"}

        wanted = {name: changed.get(name, key) for name, key in named(keys).items()}
        return next((line for line in self.lines if named(line) == wanted), None)

    def _by_query(self, keys: Keys) -> dict[str, float]:
        """Return the mean over seeds of what each query's units contribute."""
        return query_means((own.queries, self.column.unit(*own.arrays)) for own in self._aligned(keys).values())

    def _aligned(self, keys: Keys) -> Seeds:
        """Return the units that have every measure of the column, those of the reference last."""
        own = self.units.paired_samples(self.column.task, keys, self.column.measures)
        if not self.column.reference:
            return own
        baseline = self._at(keys, ranker=self.settings.baseline, defense=NONE)
        return joined(own, self.units.paired_samples(self.column.task, baseline or (), self.column.reference))

    def _rng(self, use: str, keys: Keys) -> np.random.Generator:
        return derive(self.settings.seed, "report", use, self.table.name, self.column.title, *keys)


def _p(own: Mapping[str, float], other: Mapping[str, float], rng: np.random.Generator, rounds: int) -> float:
    common = [query for query in own if query in other]
    return paired_permutation_test([own[query] for query in common], [other[query] for query in common], rng, rounds)


def _block(names: Sequence[str], keys: Keys) -> Keys:
    return tuple(key for name, key in zip(names, keys, strict=True) if name not in ("family", "ranker", "defense"))


def _lines(
    names: Sequence[str], lines: Sequence[Keys], blocks: Sequence[Keys], columns: Sequence[Sequence[Value]]
) -> tuple[TableRow, ...]:
    """Return the lines, which say where blocks and families begin."""
    made: list[TableRow] = []
    for i, keys in enumerate(lines):
        shown = tuple(
            FAMILIES.get(key, key or "other") if name == "family" else key
            for name, key in zip(names, keys, strict=True)
        )
        opens = i > 0 and blocks[i] != blocks[i - 1]
        place = names.index("family") if "family" in names else None
        turns = i > 0 and not opens and place is not None and keys[place] != lines[i - 1][place]
        made.append(TableRow(shown, tuple(values[i] for values in columns), opens, turns))
    return tuple(made)


def _counted(column: Column, values: Sequence[Value]) -> Column:
    if not column.counted:
        return column
    return replace(column, title=f"{column.title} ({max((value.units for value in values), default=0)})")


def _with_best(values: list[Value], blocks: Sequence[Keys], column: Column) -> list[Value]:
    """Mark the best of each block; figures that look the same are equally good."""
    if column.higher_is_better is None:
        return values
    choose = max if column.higher_is_better else min
    found: dict[Keys, list[float]] = {}
    for value, block in zip(values, blocks, strict=True):
        if value.estimate is not None:
            found.setdefault(block, []).append(value.estimate)
    shown = {block: number(choose(figures), column) for block, figures in found.items() if len(figures) > 1}
    return [
        replace(value, best=value.estimate is not None and number(value.estimate, column) == shown.get(block))
        for value, block in zip(values, blocks, strict=True)
    ]


def over(values: Iterable[Value]) -> str:
    """Return what the intervals of values are over, in words."""
    counts = sorted({value.seeds for value in values if value.interval})
    several = [count for count in counts if count > 1]
    if not several:
        return "over queries"
    number = f"{several[0]}" if len(several) == 1 else f"{several[0]} to {several[-1]}"
    return f"over queries and{', where seeds differ,' if several != counts else ''} {number} seeds"


def _legend(lines: Sequence[TableRow], settings: Settings) -> str:
    """Return how to read the table: bold, brackets and the marks that were tested for."""
    values = [value for line in lines for value in line.values]
    percent = f"{100 * settings.level:g} %"
    parts = ["Best of each block in bold."] if any(value.best for value in values) else []
    if any(value.interval for value in values):
        parts.append(f"Brackets: {percent} bootstrap interval {over(values)}, {settings.rounds:,} resamples.")
    meanings: Mapping[str, str] = {
        BASELINE: f"from the baseline {settings.baseline} under the same conditions",
        UNDEFENDED: "from the same ranker without the defense",
        PAIR: "from its control",
    }
    tested = [f"{mark} {text}" for mark, text in meanings.items() if any(mark in value.p_values for value in values)]
    if tested:
        means = "means a query, over seeds" if any(value.seeds > 1 for value in values) else "means a query"
        test = f"paired permutation test of {means}, p < {1 - settings.level:.2g} after Holm over the column"
        parts.append(f"Differs {', '.join(tested)}: {test}.")
    return " ".join(parts)
