"""What tasks promise."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any, ClassVar

from robustrank.engine.cell import plan
from robustrank.engine.context import Context
from robustrank.engine.resources import Resources
from robustrank.experiment import check
from robustrank.plugins import create, find
from robustrank.plugins.specification import parse
from robustrank.rows import Row, checked_row
from robustrank.testing.samples import require


class TaskConformance:
    """Yields valid rows, the same each time, and says no less than the pairs it scores."""

    plugin: ClassVar[str]  # a specification
    experiment: ClassVar[dict[str, Any]] = {  # what the task is run on; further keys of an experiment file
        "collections": ["robustrank.testing.samples:SampleReader"],
        "rankers": ["bm25"],
    }
    attack: ClassVar[str] = "keyword-stuffing"  # for tasks that attack documents

    def test_rows_are_valid_and_the_same_each_time(self) -> None:
        """Rows of the schema, one for each fact, with a value or a reason; equal in two runs."""
        first, second = self.rows()[0], self.rows()[0]
        require(bool(first), "the task yielded no row")
        for row in first:
            require(isinstance(row, Row), f"the task yielded a {type(row).__name__}, not a Row")
            checked_row(row.as_dict())
            require(row.value is not None or bool(row.note), f"a row without a value has no reason: {row}")
        facts = [(r.query_id, r.doc_id, r.measure, r.condition, r.cutoff, r.k, r.radius, r.group) for r in first]
        require(len(set(facts)) == len(facts), "two rows are about one fact")
        require(first == second, "two runs gave different rows")

    def test_calls_is_an_upper_bound(self) -> None:
        """``calls`` is at least the number of pairs that the ranker scored."""
        _, context, calls = self.rows()
        scored = context.served.scored + context.served.cached
        if calls is None:
            return  # an attack without a budget that does not say what it asks
        require(scored <= calls, f"{scored} pairs were scored, and calls() says {calls} at most")

    def rows(self) -> tuple[list[Row], Context, int | None]:
        """Return the rows of the first cell, its context, and what ``calls`` said before it ran."""
        attacks = {"document_attack": self.attack, "query_attack": "character-typos"}
        axes = find("task", parse(self.plugin).name).axes
        named = [attacks[axis] for axis in axes if axis in attacks]
        raw = {"name": "conformance", **self.experiment, "attacks": named, "tasks": [self.plugin]}
        experiment = check(raw, "conformance")
        with tempfile.TemporaryDirectory(prefix="conformance-") as cache:
            resources = Resources(experiment, Path(cache))
            cell = plan(experiment, resources)[0]
            context = Context(cell, resources)
            task = create("task", cell.task)
            calls = task.calls(context)
            return list(task.run(context)), context, calls
