"""The rows of a run, or of a part of it, and what tables have to know of them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from functools import cached_property

import pandas as pd

from robustrank.analysis.entries import NOTHING, Entries, Entry, entries_of, fact_of, keyed
from robustrank.analysis.order import natural
from robustrank.analysis.unit_table import measured
from robustrank.rows import Fact


@dataclass(frozen=True)
class RowSet:
    """Rows with keys in place of labels.

    Attributes:
        rows: All of them, those without a value too.
        entries: What the keys stand for, by axis.
    """

    rows: pd.DataFrame
    entries: Entries

    @classmethod
    def of_run(cls, frame: pd.DataFrame) -> RowSet:
        """Return the rows of a run, from :func:`robustrank.analysis.load.load_rows`."""
        return cls(keyed(frame), entries_of(frame))

    @cached_property
    def measured(self) -> pd.DataFrame:
        """The rows with a value."""
        return measured(self.rows)

    @cached_property
    def facts(self) -> frozenset[Fact]:
        """What has a value."""
        return frozenset(map(fact_of, self.rows["fact"][self.rows["value"].notna()].unique()))

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

    def restricted(self, axis: str, *entries: Entry) -> RowSet:
        """Return the rows about some entries of an axis."""
        return replace(self, rows=self.rows[self.rows[axis].isin({entry.key for entry in entries})])

    def of_task(self, name: str) -> RowSet:
        """Return the rows of all settings of a task."""
        return self.restricted("task", *(task for task in self.tasks if task.name == name))

    def settings(self) -> dict[str, str]:
        """Return by its key the label of each task whose plug-in is here with several parameters; else ""."""
        counts = Counter(task.name for task in self.tasks)
        return {task.key: task.label if counts[task.name] > 1 else "" for task in self.tasks}

    def has(self, column: str) -> bool:
        """Return whether some row is about a document, an attack or whatever ``column`` names."""
        return bool((self.rows[column] != "").any())
