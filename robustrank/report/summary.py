"""The summary table: one row per ranker, one figure per task, over conditions that every row has met."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pandas as pd

from robustrank.report.catalogue import SUMMARY
from robustrank.report.rowset import RowSet
from robustrank.report.selection import expand_columns
from robustrank.report.tables import Column, Table


def summary(rowset: RowSet, declared: Table = SUMMARY) -> tuple[Table, RowSet]:
    """Return the summary of a collection, or another table of columns of several tasks, and the rows it is made of.

    A mean over easy attacks for one ranker and hard ones for another would rank nothing. So the attacks of a
    task that were not made on every row are left out, and a note says which were kept.
    """
    fair = shared_conditions(rowset)
    named = [
        f"{task.label}: {', '.join(attack.label for attack in rows.present('attack')) or 'none'}"
        for task in rowset.tasks
        if rowset.of(task).has("attack") and (rows := fair.of(task))
    ]
    attacks = f"Attacks made on every row, over which means are taken: {'; '.join(named)}." if named else ""
    note = f"{declared.note} {attacks}".strip()
    return replace(declared, columns=tuple(_columns(declared, fair, rowset)), note=note), fair


def shared_conditions(rowset: RowSet) -> RowSet:
    """Return the rows of the attacks that were measured on every ranker and defense that any was measured on."""
    rows, measured = rowset.rows, rowset.measured
    is_shared = pd.Series(True, index=rows.index)
    for task in rowset.tasks:
        of_task = measured[measured["task"] == task.key]
        met = [set(attacks) for _, attacks in of_task.groupby(["ranker", "defense"])["attack"]]
        if met:
            is_shared &= (rows["task"] != task.key) | rows["attack"].isin(set.intersection(*met))
    return replace(rowset, rows=rows[is_shared])


def _columns(declared: Table, fair: RowSet, rowset: RowSet) -> Iterator[Column]:
    for column in declared.columns:
        for task in fair.tasks:
            if task.name == column.task:
                setting = rowset.setting_of(task)
                title = f"{column.title} ({setting})" if setting else column.title
                named = replace(column, task_key=task.key, title=title)
                yield from expand_columns([named], fair.of(task).facts, rowset.group_labels)
