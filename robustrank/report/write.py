"""Writes the report of a run from its rows alone: the same rows, the same bytes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from robustrank.report import csv_tables, latex, markdown
from robustrank.report.build import make_tables, settings_for, unique
from robustrank.report.certified import by_query
from robustrank.report.figures import Drawn, draw
from robustrank.report.load import load_rows
from robustrank.report.page_run import run_page
from robustrank.report.page_tables import sections
from robustrank.report.rowset import RowSet
from robustrank.report.tables import RenderedTable
from robustrank.storage import write_file, writing

_KINDS = {"tables": (".tex", ".md", ".csv"), "figures": (".pdf", ".png"), "queries": (".csv",)}


def write_report(run_folder: Path, *, baseline: str | None, seed: int = 0) -> list[Path]:
    """Write ``run_folder/report``: tables as LaTeX, Markdown and CSV, figures as PDF and PNG, and all in one.

    ``queries/`` holds a CSV for each task that certifies, with the verdict on each query.

    The whole is in report.tex (pdflatex compiles it), report.md and report.html. Each file is written whole
    or not at all; tables and figures of an earlier report that this one does not have are removed.

    Args:
        run_folder: The run folder.
        baseline: The label of the ranker others are tested against; None is the first of the tables.
        seed: Of resamples and permutations.

    Returns:
        The files, in the order they were written.

    Raises:
        DataError: The rows cannot be read, or the report cannot be written.
        UsageError: No row is about the baseline.
    """
    folder = run_folder / "report"
    rows = load_rows(run_folder)
    rowset = RowSet.of_run(rows)
    settings = settings_for(rowset, baseline, seed)
    tables, figures = make_tables(rowset, settings), draw(rowset, settings)
    files = dict(_files(tables, figures))
    files["report.html"] = run_page(run_folder, rows, sections(tables, figures))
    for task, verdicts in by_query(rowset).items():
        files[f"queries/{unique(task, {Path(name).stem for name in files})}.csv"] = verdicts.encode()
    for name, content in files.items():
        write_file(folder / name, content)
    with writing(folder):
        for kind, suffixes in _KINDS.items():
            for path in folder.glob(f"{kind}/*"):
                if path.suffix in suffixes and f"{kind}/{path.name}" not in files:
                    path.unlink()
    return [folder / name for name in files]


def _files(tables: Sequence[RenderedTable], figures: Sequence[Drawn]) -> Iterator[tuple[str, bytes]]:
    """Yield the name of each file below the report's folder and what it holds."""
    for table in tables:
        yield f"tables/{table.name}.tex", latex.table(table).encode()
        yield f"tables/{table.name}.md", markdown.table(table).encode()
        yield f"tables/{table.name}.csv", csv_tables.table(table).encode()
    for figure in figures:
        for kind in ("pdf", "png"):
            yield f"figures/{figure.name}.{kind}", figure.saved(kind)
    shown = [(figure.name, figure.caption) for figure in figures]
    yield "report.tex", latex.document([table.name for table in tables], shown).encode()
    yield "report.md", markdown.document(tables, shown).encode()
