"""Estimates a declared table: figures, intervals, paired tests, the best of each block, and what is missing."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from robustrank.measures.significance import Run, holm, paired_permutation_test, seeded_interval
from robustrank.randomness import derive
from robustrank.report import numbers
from robustrank.report.entries import NONE, Entry, fact_key
from robustrank.report.notes import captioned, missing_notes
from robustrank.report.rowset import RowSet
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
from robustrank.report.unit_table import Seeds, UnitTable, joined, ordered, query_means

Keys = tuple[str, ...]


@dataclass(frozen=True)
class Settings:
    """How a report counts.

    Attributes:
        baseline: The ranker that others are compared with.
        seed: Of the resamples and permutations.
        rounds: Bootstrap resamples; 0 leaves intervals out.
        permutations: Sign patterns drawn by a paired test.
        level: The confidence of intervals; a p below 1 - level gets a mark.
    """

    baseline: Entry
    seed: int = 0
    rounds: int = 1000
    permutations: int = 10_000
    level: float = 0.95


def estimate_table(table: Table, rowset: RowSet, settings: Settings) -> RenderedTable:
    """Return the table with its figures, a row for each combination of its keys; one without a figure shows –.

    Args:
        table: Its columns have values for their wildcards.
        rowset: The rows of one collection.
        settings: How to count.
    """
    undefended = all(entry.name == NONE for entry in rowset.present("defense"))
    axes = [axis for axis in table.rows if not (axis == "defense" and undefended)]
    axes = [name for axis in axes for name in (("family", axis) if axis == "ranker" else (axis,))]
    lines = ordered(_applying(table, rowset), axes, rowset.entries)
    units = UnitTable(rowset.measured, axes)
    blocks = [_block(axes, keys) for keys in lines]
    none = next((entry.key for entry in rowset.present("defense") if entry.name == NONE), "")
    collection = " ".join(entry.key for entry in rowset.present("collection"))
    columns = [_Estimator(axes, c, units, lines, settings, none, collection).values() for c in table.columns]
    columns = [_with_best(values, blocks, column) for values, column in zip(columns, table.columns, strict=True)]
    rows = _table_rows(axes, lines, blocks, table, columns, rowset)
    values = [value for row in rows for value in row.values]
    missing = sum(value.estimate is None for value in values)
    legend = " ".join(text for text in (table.note, _legend(rows, settings)) if text)
    notes = missing_notes(rowset.rows)
    notes += (f"– : undefined or not measured ({missing} cells).",) if missing else ()
    counted = with_counts(table.columns, rows, table.units)
    caption = captioned(
        table.caption, rowset, interval_text(values, settings) if any(v.interval for v in values) else ""
    )
    return RenderedTable(table.name, caption, legend, tuple(axes), table.units, counted, rows, notes)


def _applying(table: Table, rowset: RowSet) -> pd.DataFrame:
    """Return the rows that a table's rows are made of: what it shows, and what broke or is undefined.

    A row that was only ever skipped, or that has other facts alone, does not apply; the notes say why.
    """
    facts = {fact_key(fact) for column in table.columns for fact in column.facts}
    rows = rowset.rows[rowset.rows["status"] != "skipped"]
    return rows[rows["fact"].isin(facts) | rows["value"].isna()] if facts else rows


def point_estimate(column: Column, seeds: Seeds) -> float | None:
    """Return the mean over seeds of the column's figure; None where it is undefined under one, or without seeds."""
    figures = [_figure(column, samples.arrays) for samples in seeds.values()]
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
        Run([np.asarray(column.unit(*s.arrays), dtype=np.float64)] if mean else s.arrays, s.queries)
        for s in seeds.values()
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
class _Estimator:
    """One column of one table at work."""

    axes: Sequence[str]
    column: Column
    units: UnitTable
    lines: Sequence[Keys]
    settings: Settings
    undefended: str  # the key of the defense that leaves the ranker as it is; "" where rows have none such
    collection: str

    def values(self) -> list[Value]:
        """Return the column's values, one for each row, tests adjusted over all of them."""
        values = {keys: self._value(keys) for keys in self.lines}
        tests = {(keys, mark): p for keys in self.lines for mark, p in self._tests(keys)}
        adjusted = dict(zip(tests, holm(list(tests.values())).tolist(), strict=True))
        for (keys, mark), p in adjusted.items():
            if not math.isnan(p):
                value, differs = values[keys], p < 1 - self.settings.level
                p_values = {**value.p_values, mark: p}
                values[keys] = replace(value, p_values=p_values, marks=value.marks + (mark if differs else ""))
        return list(values.values())

    def _value(self, keys: Keys) -> Value:
        seeds = self._paired_samples(keys)
        units = len({unit for samples in seeds.values() for unit in samples.units})
        figure = point_estimate(self.column, seeds)
        if figure is None:
            return Value(None, units=units)
        ends = interval(self.column, seeds, self._rng("interval", keys), self.settings)
        return Value(figure, ends, units, seeds=len(seeds))

    def _tests(self, keys: Keys) -> list[tuple[str, float]]:
        """Return the marks of the counterparts of a row, and p against each, by the queries' means over seeds."""
        rounds = self.settings.permutations
        if self.column.paired:
            seeds = self._paired_samples(keys).values()
            attacked, control = (query_means((s.queries, s.arrays[i]) for s in seeds) for i in (0, 1))
            return [(PAIR, _p(attacked, control, self._rng("pair", keys), rounds))]
        if not self.column.compare:
            return []
        return [
            (mark, _p(self._by_query(keys), self._by_query(counterpart), self._rng(mark, keys), rounds))
            for mark, counterpart in self._counterparts(keys).items()
        ]

    def _counterparts(self, keys: Keys) -> dict[str, Keys]:
        """Return the rows that ``keys`` is tested against: those that differ in the ranker or the defense alone."""
        counterparts = {BASELINE: self._at(keys, ranker=self.settings.baseline.key)}
        if self.undefended:
            counterparts[UNDEFENDED] = self._at(keys, defense=self.undefended)
        return {mark: line for mark, line in counterparts.items() if line is not None and line != keys}

    def _at(self, keys: Keys, **changed: str) -> Keys | None:
        """Return the row that differs from ``keys`` as told, and in the ranker's family; None if there is none."""
        wanted = {name: changed.get(name, key) for name, key in self._named(keys).items()}
        return next((line for line in self.lines if self._named(line) == wanted), None)

    def _named(self, keys: Keys) -> dict[str, str]:
        return {name: key for name, key in zip(self.axes, keys, strict=True) if name != "family"}

    def _by_query(self, keys: Keys) -> dict[str, float]:
        """Return the mean over seeds of what each query's units contribute."""
        return query_means((s.queries, self.column.unit(*s.arrays)) for s in self._paired_samples(keys).values())

    def _paired_samples(self, keys: Keys) -> Seeds:
        """Return the units that have every fact of the column, those of the reference last."""
        samples = self.units.paired_samples(self.column.task_key, keys, self.column.facts)
        if not self.column.reference:
            return samples
        baseline = self._at(keys, ranker=self.settings.baseline.key, defense=self.undefended) or ()
        return joined(samples, self.units.paired_samples(self.column.task_key, baseline, self.column.reference_facts))

    def _rng(self, use: str, keys: Keys) -> np.random.Generator:
        """Return the generator of what a row is about: one quantity has one interval, whatever table it is in."""
        named = self._named(keys)
        defense = named.get("defense", "")
        about = [named.get("attack", ""), named.get("ranker", ""), "" if defense == self.undefended else defense]
        return derive(self.settings.seed, "report", use, self.collection, self.column.task_key, *about)


def _p(values: Mapping[str, float], counterpart: Mapping[str, float], rng: np.random.Generator, rounds: int) -> float:
    common = [query for query in values if query in counterpart]
    return paired_permutation_test(
        [values[query] for query in common], [counterpart[query] for query in common], rng, rounds
    )


def _block(axes: Sequence[str], keys: Keys) -> Keys:
    return tuple(key for name, key in zip(axes, keys, strict=True) if name not in ("family", "ranker", "defense"))


def _table_rows(
    axes: Sequence[str],
    lines: Sequence[Keys],
    blocks: Sequence[Keys],
    table: Table,
    columns: Sequence[Sequence[Value]],
    rowset: RowSet,
) -> tuple[TableRow, ...]:
    """Return the rows, which say where blocks and families begin, and how many of the table's units each is about."""
    rows: list[TableRow] = []
    family = axes.index("family") if "family" in axes else None
    for i, keys in enumerate(lines):
        entries = tuple(rowset.entries[axis][key] for axis, key in zip(axes, keys, strict=True))
        opens = i > 0 and blocks[i] != blocks[i - 1]
        turns = i > 0 and not opens and family is not None and keys[family] != lines[i - 1][family]
        values = tuple(of_column[i] for of_column in columns)
        counts = [value.units for value, c in zip(values, table.columns, strict=True) if c.units in (None, table.units)]
        rows.append(TableRow(entries, values, opens, turns, max(counts, default=0)))
    return tuple(rows)


def with_counts(columns: Sequence[Column], rows: Sequence[TableRow], units: str) -> tuple[Column, ...]:
    """Return the columns; one that is over other units than its rows count says in its heading over how many.

    Args:
        columns: Of a table.
        rows: Its rows.
        units: What the rows count; "" where they do not count, and every column says it.
    """
    counted = []
    for position, column in enumerate(columns):
        cells = [(row, row.values[position].units) for row in rows if row.values[position].estimate is not None]
        sizes = sorted({count for _, count in cells})
        alike = units and column.units in (None, units) and all(count == row.units for row, count in cells)
        if column.exact or column.units == "" or alike or not sizes:
            counted.append(column)
            continue
        span = f"{sizes[0]:,}" if len(sizes) == 1 else f"{sizes[0]:,}–{sizes[-1]:,}"
        counted.append(replace(column, count=f"n = {span}{f' {column.units}' if column.units else ''}"))
    return tuple(counted)


def _with_best(values: Sequence[Value], blocks: Sequence[Keys], column: Column) -> list[Value]:
    """Mark the best of each block; figures that look the same are equally good."""
    if column.higher_is_better is None:
        return list(values)
    choose = max if column.higher_is_better else min
    members: dict[Keys, list[Value]] = {}
    for value, block in zip(values, blocks, strict=True):
        if value.estimate is not None:
            members.setdefault(block, []).append(value)
    best = {
        block: numbers.estimate(choose(rivals, key=lambda value: value.estimate or 0.0), column)
        for block, rivals in members.items()
        if len(rivals) > 1
    }
    return [
        replace(v, best=v.estimate is not None and numbers.estimate(v, column) == best.get(block))
        for v, block in zip(values, blocks, strict=True)
    ]


def interval_text(values: Iterable[Value], settings: Settings) -> str:
    """Return how the intervals of values were made, in words."""
    counts = sorted({value.seeds for value in values if value.interval})
    several = [count for count in counts if count > 1]
    method = f"{100 * settings.level:g} % bootstrap CI over queries"
    if several:
        method += f" and {'up to ' if len(counts) > 1 else ''}{several[-1]} seeds"
    return f"{method} (B = {settings.rounds:,})"


def _legend(rows: Sequence[TableRow], settings: Settings) -> str:
    """Return how to read the table: bold, and the marks that were tested for."""
    values = [value for row in rows for value in row.values]
    pieces = ["Bold: best of each block."] if any(value.best for value in values) else []
    meanings: Mapping[str, str] = {
        BASELINE: f"from the baseline {settings.baseline.label} under the same conditions",
        UNDEFENDED: "from the same ranker without the defense",
        PAIR: "from the random-edit baseline",
    }
    tested = [f"{mark} {text}" for mark, text in meanings.items() if any(mark in value.p_values for value in values)]
    if tested:
        over = "queries' means over seeds" if any(value.seeds > 1 for value in values) else "queries"
        test = f"paired permutation test over {over}, Holm-adjusted p < {1 - settings.level:.2g}"
        pieces.append(f"Significantly different {', '.join(tested)}: {test}.")
    return " ".join(pieces)
