"""Estimates declared tables: figures, intervals, paired tests, the best of each block, and what is missing."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd

from robustrank.analysis.entries import NONE, NOTHING, Entry, fact_key
from robustrank.analysis.estimated import BASELINE, PAIR, UNDEFENDED, RenderedTable, TableRow, Value
from robustrank.analysis.notes import captioned, missing_notes
from robustrank.analysis.rowset import RowSet
from robustrank.analysis.unit_table import Seeds, UnitTable, joined, ordered, query_means
from robustrank.measures.measure_names import is_measure
from robustrank.measures.significance import Run, clopper_pearson, holm, paired_permutation_test, seeded_interval
from robustrank.randomness import derive
from robustrank.tables import PLACE, Column, Table, Values, first

Keys = tuple[str, ...]
_FEWEST = 10  # units; below no figure is called the best
_TEAM = ("family", "ranker", "defense")  # what rows of a block may differ in


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


@dataclass
class Estimates:
    """The figures of the rows of a run, each computed once, whatever tables show it.

    Attributes:
        rowset: The rows.
        settings: How to count.
        values: What is known: a figure with its interval, by what it is of.
    """

    rowset: RowSet
    settings: Settings
    values: dict[Any, Value] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._units: dict[tuple[str, ...], UnitTable] = {}
        self.undefended = next((entry.key for entry in self.rowset.present("defense") if entry.name == NONE), "")
        self._rows = {task.name: self.rowset.of_task(task.name) for task in self.rowset.tasks}

    def units(self, axes: Sequence[str]) -> UnitTable:
        """Return what was measured on each unit, by these axes."""
        axes = tuple(axes)
        if axes not in self._units:
            self._units[axes] = UnitTable(self.rowset.measured, axes)
        return self._units[axes]

    def table(
        self,
        table: Table,
        *,
        where: Mapping[str, Sequence[Entry]] | None = None,
        sort: str = "",
    ) -> RenderedTable:
        """Return the table with its figures, a row for each combination of its keys; one without a figure shows –.

        Args:
            table: Its columns have values for their wildcards.
            where: The entries that rows may be about, by axis; other axes are free.
            sort: The title of the column that rows are ordered by, with a minus for descending; "" is the usual order.
        """
        rowset = self._rows.get(table.task, self.rowset) if table.task else self.rowset
        for axis, entries in (where or {}).items():
            rowset = rowset.restricted(axis, *entries)
        axes = (*table.place, *(axis for axis in table.rows if axis not in table.place))
        lines = ordered(_applying(table, rowset), axes, self.rowset.entries)
        blocks = [tuple(k for name, k in zip(axes, keys, strict=True) if name not in _TEAM) for keys in lines]
        named = {_named(axes, keys): keys for keys in lines}
        columns = [_Estimator(self, axes, column, named).values() for column in table.columns]
        columns = [_with_best(values, blocks, column) for values, column in zip(columns, table.columns, strict=True)]
        rows = self._rows_of(axes, lines, blocks, table, columns)
        if sort:
            rows = _sorted(rows, table, sort)
        values = [value for row in rows for value in row.values]
        missing = sum(value.estimate is None for value in values)
        notes = missing_notes(rowset.rows) + ((f"– : undefined or not measured ({missing} cells).",) if missing else ())
        return RenderedTable(
            table.name,
            captioned(table.title, rowset, interval_text(values, self.settings)),
            " ".join(text for text in (table.note, self._legend(rows)) if text),
            axes,
            table.units,
            with_counts(table.columns, rows, table.units),
            rows,
            notes,
            table.headline,
        )

    def value(self, column: Column, place: Mapping[str, str], seeds: Callable[[], Seeds]) -> Value:
        """Return a figure with its interval, computed once.

        Args:
            column: How it is computed.
            place: What it is about, by axis.
            seeds: Returns what it is made of.
        """
        how = (column.measures, column.unit, column.statistic, column.of_means, column.reference, column.exact)
        key = (*how, column.share, tuple(sorted(place.items())))
        if key not in self.values:
            self.values[key] = self._computed(column, place, seeds())
        return self.values[key]

    def _computed(self, column: Column, place: Mapping[str, str], seeds: Seeds) -> Value:
        units = len({unit for samples in seeds.values() for unit in samples.units})
        figure = point_estimate(column, seeds)
        if figure is None:
            return Value(None, units=units)
        ends, method = interval(column, seeds, self.rng("interval", place), self.settings)
        return Value(figure, ends, units, seeds=len(seeds), method=method)

    def rng(self, use: str, place: Mapping[str, str]) -> np.random.Generator:
        """Return the generator of a collection's draws, the same in every table: equal figures have equal intervals."""
        return derive(self.settings.seed, "report", use, place.get("collection", ""))

    def _rows_of(
        self,
        axes: Sequence[str],
        lines: Sequence[Keys],
        blocks: Sequence[Keys],
        table: Table,
        columns: Sequence[Sequence[Value]],
    ) -> tuple[TableRow, ...]:
        """Return the rows, which say where blocks begin, and how many of the table's units each is about."""
        rows: list[TableRow] = []
        for i, keys in enumerate(lines):
            entries = tuple(self.rowset.entries[axis][key] for axis, key in zip(axes, keys, strict=True))
            values = tuple(of_column[i] for of_column in columns)
            counts = [v.units for v, c in zip(values, table.columns, strict=True) if c.units in (None, table.units)]
            rows.append(TableRow(entries, values, i > 0 and blocks[i] != blocks[i - 1], max(counts, default=0)))
        return tuple(rows)

    def _legend(self, rows: Sequence[TableRow]) -> str:
        """Return how to read the table: bold, and the marks that were tested for."""
        values = [value for row in rows for value in row.values]
        pieces = []
        if any(value.best for value in values):
            pieces.append("Bold: best of each block, its interval apart from all others.")
        meanings: Mapping[str, str] = {
            BASELINE: f"from the baseline {self.settings.baseline.label} under the same conditions",
            UNDEFENDED: "from the same ranker without the defense",
            PAIR: "from the random-edit baseline",
        }
        tested = [
            f"{mark} {text}" for mark, text in meanings.items() if any(mark in value.p_values for value in values)
        ]
        if tested:
            over = "queries' means over seeds" if any(value.seeds > 1 for value in values) else "queries"
            test = f"paired permutation test over {over}, Holm-adjusted p < {1 - self.settings.level:.2g}"
            pieces.append(f"Significantly different {', '.join(tested)}: {test}.")
        return " ".join(pieces)


def point_estimate(column: Column, seeds: Seeds) -> float | None:
    """Return the mean over seeds of the column's figure; None where it is undefined under one, or without seeds."""
    figures = [_figure(column, samples.arrays) for samples in seeds.values()]
    mean = math.fsum(figures) / len(figures) if figures else math.nan
    return None if math.isnan(mean) else mean


def interval(
    column: Column, seeds: Seeds, rng: np.random.Generator, settings: Settings
) -> tuple[tuple[float, float] | None, str]:
    """Return the column's interval and its method; (None, "") where none can be stated.

    A share of queries under one seed, or one that does not differ between units or queries, has Clopper and Pearson's
    interval over queries: resampling would find no variance where there is none in the sample. All others are resampled
    over queries, units of one query together, and widened for seeds; a mean of values from 0 to 1 is one.
    """
    if not settings.rounds or column.exact:
        return None, ""
    statistic = column.statistic or column.of_means or first
    mean = statistic is first
    runs = [
        Run([np.asarray(column.unit(*s.arrays), dtype=np.float64)] if mean else s.arrays, s.queries)
        for s in seeds.values()
    ]
    of_means = column.statistic is None
    exact = _exact(runs, settings.level) if column.share and mean and not column.signed else None
    if exact is not None and exact.is_due:
        return exact.ends, "Clopper-Pearson"
    ends = seeded_interval(runs, statistic, rng, settings.rounds, settings.level, of_means=of_means)
    if exact is not None and ends[0] == ends[1]:
        return exact.ends, "Clopper-Pearson"
    if math.isnan(ends[0]):
        return None, ""
    is_measured = mean and column.unit is first and any(is_measure(select.measure) for select in column.measures[:1])
    is_within = exact is not None or is_measured
    return (max(0.0, ends[0]), min(1.0, ends[1])) if is_within else ends, "bootstrap"


@dataclass(frozen=True)
class _Exact:
    """Clopper and Pearson's interval of a share over queries, and whether it is due whatever resampling says."""

    ends: tuple[float, float]
    is_due: bool


def _exact(runs: Sequence[Run], level: float) -> _Exact | None:
    shares = np.concatenate([run.arrays[0] for run in runs])
    queries = len({query for run in runs for query in run.queries})
    if queries < 2 or not ((shares >= 0) & (shares <= 1)).all():
        return None
    is_binary = bool(np.isin(shares, (0, 1)).all())
    is_due = is_binary and (len(shares) == queries or len(set(shares.tolist())) == 1)
    return _Exact(clopper_pearson(round(float(shares.mean()) * queries), queries, level), is_due)


def _figure(column: Column, arrays: Sequence[Values]) -> float:
    if column.statistic:
        return float(column.statistic(*arrays))
    if column.of_means:
        return float(column.of_means(*(np.mean(array) for array in arrays)))
    return float(np.mean(column.unit(*arrays)))


def _applying(table: Table, rowset: RowSet) -> pd.DataFrame:
    """Return the rows that a table's rows are made of: what it shows, and what broke or is undefined.

    A row that was only ever skipped, or that has other facts alone, does not apply; the notes say why.
    """
    facts = {fact_key(fact) for column in table.columns for fact in column.facts}
    tasks = {column.task for column in table.columns if column.task}
    rows = rowset.rows[rowset.rows["status"] != "skipped"]
    if tasks and not table.task:
        keys = {task.key for task in rowset.tasks if task.name in tasks}
        rows = rows[rows["task"].isin(keys)]
    return rows[rows["fact"].isin(facts) | rows["value"].isna()] if facts else rows


@dataclass(frozen=True)
class _Estimator:
    """One column of one table at work."""

    estimates: Estimates
    axes: Sequence[str]
    column: Column
    lines: Mapping[Keys, Keys]  # by what tells a row apart: its keys but the ranker's family

    def values(self) -> list[Value]:
        """Return the column's values, one for each row, tests adjusted over all of them."""
        values = {keys: self._value(keys) for keys in self.lines.values()}
        tests = {(keys, mark): p for keys in values for mark, p in self._tests(keys)}
        adjusted = dict(zip(tests, holm(list(tests.values())).tolist(), strict=True))
        for (keys, mark), p in adjusted.items():
            if not math.isnan(p):
                value, differs = values[keys], p < 1 - self.estimates.settings.level
                p_values = {**value.p_values, mark: p}
                values[keys] = replace(value, p_values=p_values, marks=value.marks + (mark if differs else ""))
        return list(values.values())

    def _value(self, keys: Keys) -> Value:
        return self.estimates.value(self.column, self._place(keys), lambda: self._paired_samples(keys))

    def _tests(self, keys: Keys) -> list[tuple[str, float]]:
        """Return the marks of the counterparts of a row, and p against each, by the queries' means over seeds."""
        rounds = self.estimates.settings.permutations
        if not self.estimates.settings.rounds:
            return []
        if self.column.paired:
            seeds = self._paired_samples(keys).values()
            attacked, control = (query_means((s.queries, s.arrays[i]) for s in seeds) for i in (0, 1))
            return [(PAIR, _p(attacked, control, self.estimates.rng("pair", self._place(keys)), rounds))]
        if not self.column.compare:
            return []
        return [
            (
                mark,
                _p(
                    self._by_query(keys),
                    self._by_query(counterpart),
                    self.estimates.rng(mark, self._place(keys)),
                    rounds,
                ),
            )
            for mark, counterpart in self._counterparts(keys).items()
        ]

    def _counterparts(self, keys: Keys) -> dict[str, Keys]:
        """Return the rows that ``keys`` is tested against: those that differ in the ranker or the defense alone."""
        counterparts = {BASELINE: self._at(keys, ranker=self.estimates.settings.baseline.key)}
        if self.estimates.undefended:
            counterparts[UNDEFENDED] = self._at(keys, defense=self.estimates.undefended)
        return {mark: line for mark, line in counterparts.items() if line is not None and line != keys}

    def _at(self, keys: Keys, **changed: str) -> Keys | None:
        """Return the row that differs from ``keys`` as told, and in the ranker's family; None if there is none."""
        if not set(changed) <= {*self.axes, "defense"}:
            return None
        wanted = tuple(changed.get(axis, key) for axis, key in zip(self.axes, keys, strict=True))
        return self.lines.get(_named(self.axes, wanted))

    def _place(self, keys: Keys) -> dict[str, str]:
        """Return what a row is about, its task among it."""
        place = {axis: key for axis, key in zip(self.axes, keys, strict=True) if axis != "family"}
        return place if "task" in place else {**place, "task": self.column.task_key}

    def _by_query(self, keys: Keys) -> dict[str, float]:
        """Return the mean over seeds of what each query's units contribute."""
        return query_means((s.queries, self.column.unit(*s.arrays)) for s in self._paired_samples(keys).values())

    def _samples(self, keys: Keys, facts: Sequence[Any]) -> Seeds:
        place = {**dict(zip(self.axes, keys, strict=True)), **self._place(keys)}
        axes = (*PLACE, *(axis for axis in self.axes if axis not in PLACE))
        return self.estimates.units(axes).paired_samples([place[axis] for axis in axes], facts)

    def _paired_samples(self, keys: Keys) -> Seeds:
        """Return the units that have every fact of the column, those of the reference last."""
        if not keys:
            return {}
        samples = self._samples(keys, self.column.facts)
        if not self.column.reference:
            return samples
        baseline = self._at(keys, ranker=self.estimates.settings.baseline.key, defense=self.estimates.undefended)
        return joined(samples, self._samples(baseline, self.column.reference_facts)) if baseline else {}


def _p(values: Mapping[str, float], counterpart: Mapping[str, float], rng: np.random.Generator, rounds: int) -> float:
    common = [query for query in values if query in counterpart]
    return paired_permutation_test(
        [values[query] for query in common], [counterpart[query] for query in common], rng, rounds
    )


def _named(axes: Sequence[str], keys: Keys) -> Keys:
    """Return what tells a row from the others: its keys, but for the family, which follows from the ranker."""
    return tuple(key for axis, key in zip(axes, keys, strict=True) if axis != "family")


def compact(rendered: RenderedTable) -> RenderedTable:
    """Return the table without the axes on which its rows do not differ, as a lone collection."""
    shown = [i for i, axis in enumerate(rendered.keys) if not _is_alike(axis, {row.keys[i] for row in rendered.lines})]
    lines = tuple(replace(row, keys=tuple(row.keys[i] for i in shown)) for row in rendered.lines)
    return replace(rendered, keys=tuple(rendered.keys[i] for i in shown), lines=lines)


def _is_alike(axis: str, keys: Set[Entry]) -> bool:
    """Return whether rows do not differ on an axis of their place, or have no defense, or no attack."""
    if axis == "defense":
        return all(key.name in ("", NONE) for key in keys)
    return len(keys) < 2 if axis in (*PLACE, "family") else keys == {NOTHING}


def _sorted(rows: Sequence[TableRow], table: Table, sort: str) -> tuple[TableRow, ...]:
    """Return the rows by a column, undefined figures last; blocks are no longer together."""
    titles = [column.title for column in table.columns]
    position, sign = titles.index(sort.removeprefix("-")), -1 if sort.startswith("-") else 1

    def rank(row: TableRow) -> tuple[bool, float]:
        figure = row.values[position].estimate
        return figure is None, sign * (figure or 0.0)

    return tuple(replace(row, opens=False) for row in sorted(rows, key=rank))


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
    """Mark the best of each block where its interval is apart from those of all its rivals."""
    if column.higher_is_better is None:
        return list(values)
    sign = 1 if column.higher_is_better else -1
    members: dict[Keys, list[int]] = {}
    for position, (value, block) in enumerate(zip(values, blocks, strict=True)):
        if value.estimate is not None:
            members.setdefault(block, []).append(position)
    marked = list(values)
    for rivals in members.values():
        best, *others = sorted(rivals, key=lambda position: -sign * (values[position].estimate or 0.0))
        if others and all(_is_apart(values[best], values[other], sign) for other in others):
            marked[best] = replace(values[best], best=True)
    return marked


def _is_apart(best: Value, other: Value, sign: int) -> bool:
    if best.interval is None or other.interval is None or min(best.units, other.units) < _FEWEST:
        return False
    return min(sign * end for end in best.interval) > max(sign * end for end in other.interval)


def interval_text(values: Iterable[Value], settings: Settings) -> str:
    """Return how the intervals of values were made, in words; "" where there are none."""
    values = [value for value in values if value.interval]
    if not values:
        return ""
    methods = sorted({value.method for value in values})
    text = f"{100 * settings.level:g} % CI ({', '.join(methods)}) over queries"
    several = max(value.seeds for value in values)
    return text + (f" and {several} seeds" if several > 1 else "")
