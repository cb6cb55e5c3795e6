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


def summary(part: Part) -> tuple[Table, Part]:
    """Return the summary of a collection, and the rows it is made of.

    A mean over easy attacks for one ranker and hard ones for another would rank nothing. So the attacks of a
    task that were not made on every line are left out, and a note says which were kept.
    """
    kept = {task: _shared(part.of(task).measured) for task in part.tasks if part.of(task).has("attack")}
    left_out = pd.Series(False, index=part.rows.index)
    for task, attacks in kept.items():
        left_out |= (part.rows["task"] == task) & ~part.rows["attack"].isin(attacks)
    fair = Part(part.rows[~left_out])
    named = [f"{task}: {', '.join(sorted(attacks, key=natural)) or 'none'}" for task, attacks in kept.items()]
    note = f"{SUMMARY.note} Attacks made on every line, over which means are taken: {'; '.join(named)}." if named else ""
    return replace(SUMMARY, columns=tuple(_columns(fair, part)), note=note), fair


def _shared(measured: pd.DataFrame) -> set[str]:
    """Return the attacks that were measured on every ranker and defense that any was measured on."""
    lines = [set(attacks) for _, attacks in measured.groupby(["ranker", "defense"])["attack"]]
    return set.intersection(*lines) if lines else set()


def _columns(fair: Part, part: Part) -> Iterator[Column]:
    for column in SUMMARY.columns:
        for task in fair.tasks:
            if plug_in(task) == column.task:
                setting = part.setting(task)
                title = f"{column.title} ({setting})" if setting else column.title
                yield from expand.columns([replace(column, task=task, title=title)], fair.of(task).measures)
