"""Makes every table that rows allow: those declared for their task, and for whatever is left, plain means."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import pandas as pd

from robustrank.errors import UsageError, nearest
from robustrank.report.catalogue import SUMMARY, TABLES
from robustrank.report.fill import Settings, fill
from robustrank.report.notes import missing_notes
from robustrank.report.tables import Column, Filled, Table
from robustrank.report.units import NONE, by_unit, first_ranker, natural, ordered, over_seeds, plug_in

_WIDTH = 8  # columns of a table of plain means


def settings_for(rows: pd.DataFrame, baseline: str | None, seed: int = 0) -> Settings:
    """Return how to count: against ``baseline``, or the first ranker of the tables where none is named.

    Raises:
        UsageError: No row speaks of the baseline.
    """
    rankers = sorted(set(rows["ranker"]))
    if baseline is not None and baseline not in rankers:
        raise UsageError(
            f"no row is about the baseline {baseline!r}", allowed=", ".join(rankers), hint=nearest(baseline, rankers)
        )
    return Settings(first_ranker(rows) if baseline is None else baseline, seed)


def make_tables(rows: pd.DataFrame, settings: Settings) -> list[Filled]:
    """Return the report's tables: for each collection the summary, then each task's; the plain ones last."""
    made = []
    names: dict[str, int] = {}
    for collection in sorted(set(rows["collection"]), key=natural):
        for part in _parts(rows[rows["collection"] == collection]):
            table = replace(part.table, name=_unique(f"{part.table.name}-{collection}-{part.setting}", names))
            made.append(part.fill(table, settings))
    return sorted(made, key=lambda table: table.further)


@dataclass(frozen=True)
class _Part:
    """A table without "*" and the rows it is about."""

    table: Table
    rows: pd.DataFrame
    measured: pd.DataFrame
    setting: str = ""  # the task's parameters, where several settings have to be told apart

    def fill(self, table: Table, settings: Settings) -> Filled:
        """Return the table with its figures."""
        keys = tuple(key for key in table.rows if key != "defense" or set(self.rows["defense"]) - {NONE})
        collection, tasks = self.rows["collection"].iloc[0], sorted(set(self.rows["task"]), key=natural)
        caption = f"{table.caption} Collection {collection}; {', '.join(tasks)}."
        # A line that was only ever skipped does not apply; the notes say why.
        lines = ordered(self.rows[self.rows["status"] != "skipped"], keys, settings.baseline)
        table = replace(table, rows=keys, caption=caption)
        return fill(table, by_unit(self.measured, keys), lines, settings, missing_notes(self.rows))

    @cached_property
    def measures(self) -> set[str]:
        """The measures that have a value."""
        return set(self.measured["measure"])


def _parts(rows: pd.DataFrame) -> Iterator[_Part]:
    """Yield what one collection's rows allow, the summary first."""
    measured = over_seeds(rows)
    tasks = _Tasks(sorted(set(rows["task"]), key=_task_order))
    summary = replace(SUMMARY, columns=tuple(_summary_columns(tasks, measured)))
    if summary.columns:
        yield _Part(summary, rows, measured)
    for task in tasks.labels:
        part = _Part(SUMMARY, rows[rows["task"] == task], measured[measured["task"] == task], tasks.setting(task))
        for table in _tables(task, part):
            columns = tuple(replace(column, task=task) for column in table.columns)
            yield replace(part, table=replace(table, columns=columns))


@dataclass(frozen=True)
class _Tasks:
    """The tasks of a collection, by label."""

    labels: list[str]

    def setting(self, label: str) -> str:
        """Return the parameters of a task, where its plug-in stands here with several."""
        alone = sum(plug_in(other) == plug_in(label) for other in self.labels) == 1
        return "" if alone else label.partition(":")[2] or "default"


def _task_order(label: str) -> tuple[int, list[tuple[int, int, str]]]:
    known = [table.task for table in TABLES]
    name = plug_in(label)
    return known.index(name) if name in known else len(known), natural(label)


def _summary_columns(tasks: _Tasks, measured: pd.DataFrame) -> Iterator[Column]:
    for column in SUMMARY.columns:
        for label in tasks.labels:
            if plug_in(label) == column.task:
                setting = tasks.setting(label)
                title = f"{column.title} ({setting})" if setting else column.title
                measures = set(measured.loc[measured["task"] == label, "measure"])
                yield from _expanded(replace(column, task=label, title=title), measures)


def _tables(task: str, part: _Part) -> list[Table]:
    """Return the tables of one task, without "*": declared ones, then plain means of what they leave."""
    declared = [
        table
        for declaration in TABLES
        if declaration.task == plug_in(task)
        for table in _bound(declaration, part.measures)
        if table.columns
    ]
    used = {name for table in declared for column in table.columns for name in column.measures + column.reference}
    left = sorted(part.measures - used, key=natural)
    if declared and not left:
        return declared
    return declared + list(_plain_tables(task, part, left, further=bool(declared)))


def _plain_tables(task: str, part: _Part, measures: Sequence[str], further: bool) -> Iterator[Table]:
    """Yield tables of means; one without columns where nothing was measured, to say so."""
    rows = ("attack", "ranker", "defense") if set(part.rows["attack"]) - {""} else ("ranker", "defense")
    units = "units" if set(part.rows["doc_id"]) - {""} else "queries"
    for number, start in enumerate(range(0, max(1, len(measures)), _WIDTH), start=1):
        columns = tuple(Column(name, (name,)) for name in measures[start : start + _WIDTH])
        name = f"{plug_in(task)}-measures-{number}"
        yield Table(name, "Means of measures.", task, columns, rows, units, further=further)


def _bound(table: Table, measures: set[str]) -> Iterator[Table]:
    """Yield the table with its "*" replaced by what they match among ``measures``."""
    if not table.each:
        columns = tuple(found for column in table.columns for found in _expanded(column, measures))
        yield replace(table, columns=columns)
        return
    for text in _matches([table.each], measures):
        columns = tuple(found for column in table.columns for found in _expanded(_named(column, text), measures))
        name, caption = (part.replace("*", text) for part in (table.name, table.caption))
        yield replace(table, name=name, caption=caption, columns=columns)


def _expanded(column: Column, measures: set[str]) -> Iterator[Column]:
    """Yield a column for every match of its "*"; none where a measure it needs has no value."""
    needed = column.measures + column.reference
    if any("*" in name for name in needed):
        yield from (_named(column, text) for text in _matches(column.measures, measures))
    elif set(needed) <= measures:
        yield column


def _matches(patterns: Iterable[str], measures: set[str]) -> list[str]:
    """Return the texts that "*" can stand for, so that every pattern is a measure."""
    found = [
        {match[1] for name in measures if (match := re.fullmatch(re.escape(pattern).replace(r"\*", "([^/]+)"), name))}
        for pattern in patterns
    ]
    return sorted(set.intersection(*found), key=lambda text: natural(text.casefold()))


def _named(column: Column, text: str) -> Column:
    measures = tuple(name.replace("*", text) for name in column.measures)
    return replace(column, title=column.title.replace("*", text), measures=measures)


def _unique(text: str, names: dict[str, int]) -> str:
    """Return ``text`` as a file name that no other table has."""
    slug = re.sub(r"[^a-z0-9]+", "-", text.casefold()).strip("-") or "table"
    while slug in names:
        names[slug] += 1
        slug = f"{slug}-{names[slug]}"
    names[slug] = 1
    return slug
