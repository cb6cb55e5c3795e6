"""What a run has come to, for programs: JSON on standard output, and a JUnit file for the machines that read those."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from robustrank.printing import printable

if TYPE_CHECKING:
    from robustrank.analysis.gates import Outcome
    from robustrank.engine.run import CellOutcome, Summary

SCHEMA_VERSION = 1  # of the JSON
STATUSES = ("done", "skipped", "error", "planned")
RUN_FILES = ("experiment.yaml", "provenance.json", "cells.jsonl", "rows.csv", "notes.txt")
REPORT_FILES = ("report/report.html", "report/summary.json")


def run_result(name: str, summary: Summary, gates: Sequence[Outcome], exit_code: int) -> dict[str, Any]:
    """Return what a run has come to: counts, cells with their reasons, gates, notes, and the files there are."""
    counts, notes = Counter(outcome.status for outcome in summary.outcomes), summary.folder / "notes.txt"
    return {
        "schema": SCHEMA_VERSION,
        "experiment": name,
        "folder": str(summary.folder),
        "exit_code": exit_code,
        "cells": {**{status: counts[status] for status in STATUSES}, "total": summary.cells, "run_now": summary.done},
        "rows": summary.rows,
        "results": [
            {
                "key": outcome.key,
                "title": outcome.title,
                "status": outcome.status,
                "seconds": outcome.seconds,
                "reason": outcome.reason,
                "selected": outcome.is_selected,
            }
            for outcome in summary.outcomes
        ],
        "gates": [{"gate": gate.gate, "breaches": list(gate.breaches)} for gate in gates],
        "notes": notes.read_text(encoding="utf-8").splitlines() if notes.exists() else [],
        "files": {file: str(path) for file in RUN_FILES + REPORT_FILES if (path := summary.folder / file).exists()},
    }


def write_junit(path: Path, name: str, outcomes: Sequence[CellOutcome], gates: Sequence[Outcome] = ()) -> None:
    """Write a JUnit file: a test case for each cell, and for each gate.

    Args:
        path: The file.
        name: The experiment's name.
        outcomes: The cells. What failed is an error, what was skipped or not run is skipped, each with its reason.
        gates: What came of the limits that figures have to keep: a broken one is a failure.
    """
    suite = ET.Element("testsuite", name=name)
    for outcome in outcomes:
        case = _case(suite, f"{name}.cells", outcome.title, outcome.seconds)
        if outcome.status == "error":
            _add(case, "error", outcome.reason)
        elif outcome.status != "done":
            unrun = "it was not run" if outcome.is_selected else "it was not selected by --only"
            _add(case, "skipped", outcome.reason or unrun)
    for gate in gates:
        case = _case(suite, f"{name}.gates", gate.gate, None)
        if gate.breaches:
            _add(case, "failure", "\n".join(gate.breaches))
    for attribute, tag in (("errors", "error"), ("skipped", "skipped"), ("failures", "failure")):
        suite.set(attribute, str(sum(1 for _ in suite.iter(tag))))
    suite.set("tests", str(len(suite)))
    suite.set("time", f"{sum(outcome.seconds or 0.0 for outcome in outcomes):.2f}")
    root = ET.Element("testsuites")
    root.append(suite)
    ET.indent(root)
    path.parent.mkdir(parents=True, exist_ok=True)
    ET.ElementTree(root).write(path, encoding="utf-8", xml_declaration=True)


def _case(suite: ET.Element, group: str, name: str, seconds: float | None) -> ET.Element:
    return ET.SubElement(suite, "testcase", classname=group, name=printable(name), time=f"{seconds or 0.0:.2f}")


def _add(case: ET.Element, tag: str, reason: str) -> None:
    text = printable(reason, keep="\n\t")
    ET.SubElement(case, tag, message=text.partition("\n")[0]).text = text
