"""Tables that an experiment declares, of declared columns, of facts, and of differences."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from robustrank.analysis.entries import Entry
from robustrank.analysis.estimate import Estimates, compact
from robustrank.analysis.estimated import RenderedTable
from robustrank.analysis.rowset import RowSet
from robustrank.errors import UsageError, nearest
from robustrank.report_settings import ColumnChoice, UserTable
from robustrank.rows import Fact, fact_text
from robustrank.tables import PLACE, Column, Select, Table, first

Known = Mapping[str, Sequence[Column]]  # declared columns, by what they are called


def user_table(declared: UserTable, estimates: Estimates, known: Known) -> RenderedTable:
    """Return the table with its figures.

    Args:
        declared: As the experiment file has it.
        estimates: Of the run.
        known: The columns that the run's tasks declare.

    Raises:
        UsageError: A column, an axis or a label is not one of the run.
    """
    where = f"report: tables: {declared.name}"
    rowset = estimates.rowset
    chosen: dict[str, tuple[Entry, ...]] = {
        axis: tuple(entry(rowset, axis, label, where) for label in labels) for axis, labels in declared.where.items()
    }
    columns = [column for choice in declared.columns for column in columns_of(choice, rowset, known, where)]
    tasks = {column.task for column in columns}
    alone = len(tasks) == 1
    if not alone:  # each setting of a task gives a column
        columns = [c for column in columns for c in _of_settings(column, rowset, chosen.get("task", ()))]
    place = PLACE if alone else ("collection",)
    title = declared.sort.removeprefix("-")
    if title and title not in (names := {name: c.title for c in columns for name in (c.key, c.title)}):
        raise UsageError(
            f"no column {title!r} to sort by", where=where, allowed=", ".join(names), hint=nearest(title, names)
        )
    sort = declared.sort.replace(title, names[title]) if title else ""
    pooled = {axis: entries for axis, entries in chosen.items() if axis not in (*place, *declared.rows)}
    for axis, entries in pooled.items():  # rows of the table do not name it: figures are of these alone
        rowset = rowset.restricted(axis, *entries)
    estimates = replace(estimates, rowset=rowset, values={}) if pooled else estimates
    note = " ".join(filter(None, (declared.note, *_pooled(rowset, tasks, declared.rows, chosen))))
    of_task = rowset.restricted("task", *(task for task in rowset.tasks if task.name in tasks))
    table = Table(
        declared.name, declared.title, tuple(columns), declared.rows, note=note, place=place,
        task=tasks.pop() if alone else "", units="" if not alone else "targets" if of_task.has("doc_id") else "queries",
    )  # fmt: skip
    return compact(estimates.table(table, where=chosen, sort=sort))


def _pooled(
    rowset: RowSet, tasks: Collection[str], rows: Collection[str], chosen: Mapping[str, Sequence[Entry]]
) -> Iterator[str]:
    """Yield a sentence for each axis that rows of a table do not name, and over which its figures are means."""
    of_tasks = rowset.restricted("task", *(task for task in rowset.tasks if task.name in tasks))
    for axis in ("attack", "ranker", "defense"):
        present = [entry for entry in of_tasks.present(axis) if axis not in chosen or entry in chosen[axis]]
        if axis not in rows and len(present) > 1:
            yield f"Figures are means over {axis}s: {', '.join(entry.label for entry in present)}."


def entry(rowset: RowSet, axis: str, label: str, where: str) -> Entry:
    """Return the entry of a label.

    Raises:
        UsageError: No row is about it.
    """
    entries = {entry.label: entry for entry in rowset.present(axis)}
    if label not in entries:
        what = f"no row is about {axis} {label!r}"
        raise UsageError(what, where=where, allowed=", ".join(entries) or "none", hint=nearest(label, entries))
    return entries[label]


def columns_of(choice: ColumnChoice, rowset: RowSet, known: Known, where: str) -> list[Column]:
    """Return the columns that a choice stands for: one for each task that has it.

    Raises:
        UsageError: There is none such.
    """
    if choice.difference:
        columns = [_difference(choice, rowset, known, where)]
    else:
        columns = _named(choice, known) or _facts(choice, rowset)
    if not columns:
        names = [*known, *sorted({_typed(fact) for fact in rowset.facts})]
        what = f"no column {choice.column!r}"
        raise UsageError(what, where=where, allowed=", ".join(names), hint=nearest(choice.column, names))
    changes: dict[str, Any] = {"title": choice.title} if choice.title else {}
    changes |= {name: value for name in ("digits", "percent") if (value := getattr(choice, name)) is not None}
    changes |= {} if choice.ci else {"exact": True}
    return [replace(column, **changes) for column in columns]


def _named(choice: ColumnChoice, known: Known) -> list[Column]:
    task, _, name = choice.column.rpartition(".") if choice.column not in known else (choice.task, "", choice.column)
    return [column for column in known.get(name, ()) if task in ("", column.task)]


def _facts(choice: ColumnChoice, rowset: RowSet) -> list[Column]:
    """Return a column for each task that measured the fact."""
    measure, _, condition = choice.column.rpartition("/") if "/" in choice.column else (choice.column, "", "")
    about = {name: getattr(choice, name) for name in ("cutoff", "k", "radius", "group")}
    select = Select(measure, condition or choice.condition, **about)
    tasks = {task.name for task in rowset.tasks if select.fact in rowset.restricted("task", task).facts}
    better = choice.higher_is_better
    return [
        Column(choice.column, (select,), higher_is_better=better, compare=False, task=task)
        for task in sorted(tasks)
        if choice.task in ("", task)
    ]


def _difference(choice: ColumnChoice, rowset: RowSet, known: Known, where: str) -> Column:
    parts = [
        columns_of(ColumnChoice(column=name, task=choice.task), rowset, known, where)
        for name in choice.difference or ()
    ]
    pairs = [(a, b) for a in parts[0] for b in parts[1] if a.task == b.task]
    plain = [(a, b) for a, b in pairs if not (a.statistic or a.of_means or b.statistic or b.of_means)]
    whole = [(a, b) for a, b in plain if a.unit is first and b.unit is first]
    if not whole:
        what = f"the difference of {' and '.join(choice.difference or ())} is not a mean of differences of units"
        raise UsageError(what, where=where, allowed="two means of one task, as asr and control-asr")
    a, b = whole[0]
    title = f"{a.title} - {b.title}"
    more: dict[str, Any] = {"unit": np.subtract, "paired": True, "signed": True, "id": "", "compare": False}
    return replace(a, title=title, measures=(a.measures[0], b.measures[0]), **more)


def _of_settings(column: Column, rowset: RowSet, chosen: Sequence[Entry]) -> list[Column]:
    tasks = [task for task in rowset.tasks if task.name == column.task and (not chosen or task in chosen)]
    several = len(tasks) > 1
    titles = {task.key: f"{column.title} ({task.label})" if several else column.title for task in tasks}
    return [replace(column, title=titles[task.key], task_key=task.key) for task in tasks]


def _typed(fact: Fact) -> str:
    return f"{fact.measure}/{fact.condition}" if fact.condition else fact_text(fact).partition(" ")[0]
