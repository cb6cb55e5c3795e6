"""Gathers what the page tells of a run beside its tables: status, notes, provenance, attacked texts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pandas as pd

from robustrank.analysis.load import LoadedRun
from robustrank.errors import DataError
from robustrank.json_lines import parse_object
from robustrank.report.attacked_texts import attacked_texts
from robustrank.report.page import Page, Section, render
from robustrank.rows import AXES, Coordinates
from robustrank.run_files import read_run_file
from robustrank.yaml_text import YamlError, read_yaml

_BYTES = 2_000_000  # of a page
_LEAST_BYTES = 300_000  # of attacked texts, however large the rest is


def run_page(loaded: LoadedRun, sections: Sequence[Section]) -> bytes:
    """Return the page of a run as HTML.

    Args:
        loaded: The run. What is not in its folder, as in one that was taken from a run, is said to be lacking.
        sections: Its tables and figures, the headline first.

    Raises:
        DataError: A file of the run is damaged.
    """
    run, cells, rows = loaded.folder, loaded.cells, loaded.rows
    experiment, provenance = (
        read_run_file(run, name) if (run / name).exists() else "" for name in ("experiment.yaml", "provenance.json")
    )
    try:
        declared = read_yaml(experiment) or {}
    except YamlError as error:
        raise DataError(f"the experiment cannot be read: {error}", where=str(run / "experiment.yaml")) from error
    notes = run / "notes.txt"  # which every run adds to, so that no manifest names it
    page = Page(
        title=str(declared.get("name") or run.resolve().name),
        description=str(declared.get("description") or ""),
        cells=cells,
        undone=list(_undone(cells, rows)),
        measured=(int(rows["value"].notna().sum()), len(rows)),
        notes=notes.read_text(encoding="utf-8", errors="replace").strip("\n").split("\n") if notes.exists() else [],
        sections=sections,
        provenance=parse_object(provenance, str(run / "provenance.json")) if provenance else {},
        experiment=experiment,
    )
    return render(page, lambda size: attacked_texts(run, cells, rows, max(_LEAST_BYTES, _BYTES - size)))


def _undone(cells: Sequence[Coordinates], rows: pd.DataFrame) -> Iterator[tuple[str, str, str]]:
    """Yield the status, the reason and the labels of each cell without results."""
    reasons = rows[rows["note"] != ""].groupby("cell", sort=False)["note"].first()
    names = {"error": "failed", "planned": "not run"}
    for cell in cells:
        if cell.status != "done":
            default = "the same command again resumes" if cell.status == "planned" else "no reason was given"
            labels = " · ".join(point.label for axis in AXES if (point := getattr(cell, axis)))
            yield names.get(cell.status, cell.status), str(reasons.get(cell.key, default)), labels
