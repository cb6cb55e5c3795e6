"""The rows of a run, of one collection or of one task, and what tables have to know of them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import pandas as pd

from robustrank.report.entries import NOTHING, Entries, Entry, entries_of, fact_of, keyed
from robustrank.report.order import natural
from robustrank.report.unit_table import measured
from robustrank.rows import Fact


@dataclass(frozen=True)
class RowSet:
    """Rows with keys in place of labels.

    Attributes:
        rows: All of them, those without a value too.
        entries: What the keys stand for, by axis.
        setting: The label of the one task they are of, where its plug-in is in the collection with several parameters.
    """

    rows: pd.DataFrame
    entries: Entries
    setting: str = ""

    @classmethod
    def of_run(cls, frame: pd.DataFrame) -> RowSet:
        """Return the rows of a run, from :func:`robustrank.report.load.load_rows`."""
        return cls(keyed(frame), entries_of(frame))

    @cached_property
    def measured(self) -> pd.DataFrame:
        """The rows with a value."""
        return measured(self.rows)

    @cached_property
    def facts(self) -> frozenset[Fact]:
        """What has a value."""
        return frozenset(map(fact_of, self.measured["fact"].unique()))

    @cached_property
    def tasks(self) -> list[Entry]:
        """The tasks that rows are of."""
        return self.present("task")

    @property
    def group_labels(self) -> dict[str, str]:
        """What is printed for each group of rows."""
        return {key: entry.label for key, entry in self.entries["group"].items()}

    def present(self, axis: str) -> list[Entry]:
        """Return the entries of an axis that rows are about, in order."""
        keys = sorted(self.rows[axis].unique(), key=natural)
        return [self.entries[axis][key] for key in keys if key != NOTHING.key]

    def restricted(self, axis: str, entry: Entry) -> RowSet:
        """Return the rows about one entry of an axis."""
        return replace(self, rows=self.rows[self.rows[axis] == entry.key])

    def of(self, task: Entry) -> RowSet:
        """Return the rows of one task."""
        return replace(self.restricted("task", task), setting=self.setting_of(task))

    def setting_of(self, task: Entry) -> str:
        """Return the task's label where its plug-in is here with several parameters, to tell them apart; else ""."""
        return task.label if [t.name for t in self.tasks].count(task.name) > 1 else ""

    def has(self, column: str) -> bool:
        """Return whether some row is about a document, an attack or whatever ``column`` names."""
        return bool((self.rows[column] != "").any())
