"""The summary table: one line a ranker, one figure a task, over conditions that every line has met."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pandas as pd

from robustrank.report import expand
from robustrank.report.catalogue import SUMMARY
from robustrank.report.part import Part
from robustrank.report.tables import Column, Table
from robustrank.report.units import natural, plug_in


def summary(part: Part, declared: Table = SUMMARY) -> tuple[Table, Part]:
    """Return the summary of a collection, or another table of columns of several tasks, and the rows it is made of.

    A mean over easy attacks for one ranker and hard ones for another would rank nothing. So the attacks of a
    task that were not made on every line are left out, and a note says which were kept.
    """
    fair = shared_conditions(part)
    named = [
        f"{task}: {', '.join(sorted(set(fair.of(task).rows['attack']), key=natural)) or 'none'}"
        for task in part.tasks
        if part.of(task).has("attack")
    ]
    attacks = f"Attacks made on every line, over which means are taken: {'; '.join(named)}." if named else ""
    note = f"{declared.note} {attacks}".strip()
    return replace(declared, columns=tuple(_columns(declared, fair, part)), note=note), fair


def shared_conditions(part: Part) -> Part:
    """Return the rows of the attacks that were measured on every ranker and defense that any was measured on."""
    rows, measured = part.rows, part.measured
    kept = pd.Series(True, index=rows.index)
    for task in part.tasks:
        own = measured[measured["task"] == task]
        lines = [set(attacks) for _, attacks in own.groupby(["ranker", "defense"])["attack"]]
        if lines:
            kept &= (rows["task"] != task) | rows["attack"].isin(set.intersection(*lines))
    return Part(rows[kept])


def _columns(declared: Table, fair: Part, part: Part) -> Iterator[Column]:
    for column in declared.columns:
        for task in fair.tasks:
            if plug_in(task) == column.task:
                setting = part.setting(task)
                title = f"{column.title} ({setting})" if setting else column.title
                yield from expand.columns([replace(column, task=task, title=title)], fair.of(task).measures)
