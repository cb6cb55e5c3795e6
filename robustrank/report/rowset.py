"""The rows of one collection, or of one of its tasks, and what tables have to know of them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import pandas as pd

from robustrank.report.unit_table import measured, natural, plug_in


@dataclass(frozen=True)
class RowSet:
    """Rows of one collection.

    Attributes:
        rows: All of them, those without a value too.
    """

    rows: pd.DataFrame

    @cached_property
    def measured(self) -> pd.DataFrame:
        """The rows with a value."""
        return measured(self.rows)

    @cached_property
    def measures(self) -> frozenset[str]:
        """The measures with a value."""
        return frozenset(self.measured["measure"])

    @cached_property
    def tasks(self) -> list[str]:
        """The labels of the tasks."""
        return sorted(set(self.rows["task"]), key=natural)

    def of(self, task: str) -> RowSet:
        """Return the part that one task measured."""
        return RowSet(self.rows[self.rows["task"] == task])

    def setting(self, task: str) -> str:
        """Return the task's parameters where its plug-in is here with several, to tell them apart; else ""."""
        alone = sum(plug_in(other) == plug_in(task) for other in self.tasks) == 1
        return "" if alone else task.partition(":")[2] or "default"

    def has(self, key: str) -> bool:
        """Return whether some row is about a document, an attack or whatever ``key`` names."""
        return bool((self.rows[key] != "").any())
