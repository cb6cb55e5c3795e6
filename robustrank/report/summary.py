"""The summary table: one line a ranker, one figure a task, over conditions that every line has met."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pandas as pd

from robustrank.report import patterns
from robustrank.report.catalogue import SUMMARY
from robustrank.report.rowset import RowSet
from robustrank.report.tables import Column, Table
from robustrank.report.unit_table import natural, plug_in


def summary(rowset: RowSet, declared: Table = SUMMARY) -> tuple[Table, RowSet]:
    """Return the summary of a collection, or another table of columns of several tasks, and the rows it is made of.

    A mean over easy attacks for one ranker and hard ones for another would rank nothing. So the attacks of a
    task that were not made on every line are left out, and a note says which were kept.
    """
    fair = shared_conditions(rowset)
    named = [
        f"{task}: {', '.join(sorted(set(fair.of(task).rows['attack']), key=natural)) or 'none'}"
        for task in rowset.tasks
        if rowset.of(task).has("attack")
    ]
    attacks = f"Attacks made on every line, over which means are taken: {'; '.join(named)}." if named else ""
    note = f"{declared.note} {attacks}".strip()
    return replace(declared, columns=tuple(_columns(declared, fair, rowset)), note=note), fair


def shared_conditions(rowset: RowSet) -> RowSet:
    """Return the rows of the attacks that were measured on every ranker and defense that any was measured on."""
    rows, measured = rowset.rows, rowset.measured
    kept = pd.Series(True, index=rows.index)
    for task in rowset.tasks:
        own = measured[measured["task"] == task]
        lines = [set(attacks) for _, attacks in own.groupby(["ranker", "defense"])["attack"]]
        if lines:
            kept &= (rows["task"] != task) | rows["attack"].isin(set.intersection(*lines))
    return RowSet(rows[kept])


def _columns(declared: Table, fair: RowSet, rowset: RowSet) -> Iterator[Column]:
    for column in declared.columns:
        for task in fair.tasks:
            if plug_in(task) == column.task:
                setting = rowset.setting(task)
                title = f"{column.title} ({setting})" if setting else column.title
                yield from patterns.columns([replace(column, task=task, title=title)], fair.of(task).measures)
