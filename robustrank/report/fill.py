"""Fills a declared table: figures, intervals, paired tests, the best of each block, and what is missing."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from robustrank.measures.significance import bootstrap_interval, holm, paired_permutation_test
from robustrank.randomness import derive
from robustrank.report.numbers import number
from robustrank.report.tables import BASELINE, PAIR, UNDEFENDED, Column, Filled, Line, Table, Value, Values
from robustrank.report.units import NONE, Aligned, Units, query_means

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


def fill(table: Table, units: Units, lines: Sequence[Keys], settings: Settings, notes: tuple[str, ...] = ()) -> Filled:
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
    filled = tuple(
        Line(keys, tuple(values[i] for values in columns), i > 0 and blocks[i] != blocks[i - 1])
        for i, keys in enumerate(lines)
    )
    undefined = sum(value.estimate is None for line in filled for value in line.values)
    notes += (f"– : undefined or not measured ({undefined} cells).",) if undefined else ()
    legend = " ".join(part for part in (table.note, _legend(filled, settings)) if part)
    return Filled(
        table.name, table.caption, legend, table.rows, table.units, table.columns, filled, notes, table.further
    )


def estimate(column: Column, arrays: Sequence[Values]) -> float | None:
    """Return the column's figure of arrays aligned by unit; None where it is undefined."""
    if not len(arrays[0]):
        return None
    value = float(column.statistic(*arrays) if column.statistic else np.mean(column.unit(*arrays)))
    return None if math.isnan(value) else value


def interval(
    column: Column, arrays: Sequence[Values], queries: Sequence[str], rng: np.random.Generator, settings: Settings
) -> tuple[float, float] | None:
    """Return the column's bootstrap interval over queries; None where none can be stated.

    Units of one query are drawn together.
    """
    if not settings.rounds:
        return None
    rounds, level = settings.rounds, settings.level
    if column.statistic:
        # Cluster by cluster is slow, and for one unit a query it draws what drawing units draws.
        clusters = queries if len(set(queries)) < len(queries) else None
        ends = bootstrap_interval(arrays, column.statistic, rng, rounds, level, clusters=clusters)
    else:
        _, means, counts = query_means(queries, column.unit(*arrays))
        ends = bootstrap_interval([means * counts, counts], _ratio_of_sums, rng, rounds, level, vectorized=True)
    return None if math.isnan(ends[0]) else ends


def _ratio_of_sums(sums: Values, counts: Values, axis: int = -1) -> Values:
    """Return the mean over units, from each query's sum and count: what drawing queries makes of a mean."""
    means: Values = sums.sum(axis=axis) / counts.sum(axis=axis)
    return means


@dataclass(frozen=True)
class _Filler:
    """One column of one table at work."""

    table: Table
    column: Column
    units: Units
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
        data = self._aligned(keys)
        figure = estimate(self.column, data.arrays)
        if figure is None:
            return Value(None, units=len(data.units))
        ends = interval(self.column, data.arrays, data.queries, self._rng("interval", keys), self.settings)
        return Value(figure, ends, len(data.units))

    def _tests(self, keys: Keys) -> list[tuple[str, float]]:
        """Return the marks of the counterparts of a line, and p against each."""
        rounds = self.settings.permutations
        if self.column.paired:
            data = self._aligned(keys)
            own, control = (query_means(data.queries, array)[1] for array in data.arrays[:2])
            return [(PAIR, paired_permutation_test(own, control, self._rng("pair", keys), rounds))]
        if not self.column.compare:
            return []
        tests = []
        for mark, counterpart in self._counterparts(keys).items():
            means, others = self._by_query(keys), self._by_query(counterpart)
            common = [query for query in means if query in others]
            pair = [means[query] for query in common], [others[query] for query in common]
            tests.append((mark, paired_permutation_test(*pair, self._rng(mark, keys), rounds)))
        return tests

    def _counterparts(self, keys: Keys) -> dict[str, Keys]:
        """Return the lines that ``keys`` is tested against: those that differ in the ranker or the defense alone."""
        named = dict(zip(self.table.rows, keys, strict=True))
        others = {
            BASELINE: tuple({**named, "ranker": self.settings.baseline}.values()),
            UNDEFENDED: tuple({**named, "defense": NONE}.values()),
        }
        return {mark: other for mark, other in others.items() if other != keys and other in self.lines}

    def _by_query(self, keys: Keys) -> dict[str, float]:
        """Return the mean of what each query's units contribute."""
        data = self._aligned(keys)
        queries, means, _ = query_means(data.queries, self.column.unit(*data.arrays))
        return dict(zip(queries, means.tolist(), strict=True))

    def _aligned(self, keys: Keys) -> Aligned:
        """Return the units that have every measure of the column, those of the reference last."""
        own = self.units.aligned(self.column.task, keys, self.column.measures)
        if not self.column.reference:
            return own
        named = dict(zip(self.table.rows, keys, strict=True))
        baseline = {**named, "ranker": self.settings.baseline, "defense": NONE}
        at = [baseline[key] for key in self.table.rows]
        return own.joined(self.units.aligned(self.column.task, at, self.column.reference))

    def _rng(self, use: str, keys: Keys) -> np.random.Generator:
        return derive(self.settings.seed, "report", use, self.table.name, self.column.title, *keys)


def _block(names: Sequence[str], keys: Keys) -> Keys:
    return tuple(key for name, key in zip(names, keys, strict=True) if name not in ("ranker", "defense"))


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


def _legend(lines: Sequence[Line], settings: Settings) -> str:
    """Return how to read the table: bold, brackets and the marks that were tested for."""
    values = [value for line in lines for value in line.values]
    percent = f"{100 * settings.level:g} %"
    parts = ["Best of each block in bold."] if any(value.best for value in values) else []
    if any(value.interval for value in values):
        parts.append(f"Brackets: {percent} bootstrap interval over queries, {settings.rounds:,} resamples.")
    meanings: Mapping[str, str] = {
        BASELINE: f"from {settings.baseline} under the same conditions",
        UNDEFENDED: "from the same ranker without the defense",
        PAIR: "from its control",
    }
    tested = [f"{mark} {text}" for mark, text in meanings.items() if any(mark in value.p_values for value in values)]
    if tested:
        test = f"paired permutation test of means a query, p < {1 - settings.level:.2g} after Holm over the column"
        parts.append(f"Differs {', '.join(tested)}: {test}.")
    return " ".join(parts)
