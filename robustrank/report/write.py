"""Writes the report of a run from its rows alone: the same rows, the same bytes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from robustrank.analysis.catalogue import Catalogue, catalogue_of
from robustrank.analysis.estimated import RenderedTable
from robustrank.analysis.gates import Outcome, outcomes
from robustrank.analysis.load import LoadedRun, declared_report, load_run
from robustrank.analysis.notes import READING
from robustrank.analysis.records import records
from robustrank.analysis.summary_json import summary_json
from robustrank.report import latex, markdown
from robustrank.report.chart import Chart
from robustrank.report.charts import charts
from robustrank.report.drawing import Drawing
from robustrank.report.page_run import run_page
from robustrank.report.page_tables import sections
from robustrank.report.view import View, front, turned, view
from robustrank.storage import write_file, writing

if TYPE_CHECKING:
    from robustrank.report_settings import Gate, UserTable

TITLE = "Robustness of rankers"
_KINDS = {"tables": (".tex", ".md", ".csv"), "figures": (".pdf", ".png")}


@dataclass(frozen=True)
class WrittenReport:
    """A report that was written.

    Attributes:
        run: What it was made of.
        catalogue: What it shows.
        gates: What came of the limits that the experiment, and then its caller, has set.
    """

    run: LoadedRun
    catalogue: Catalogue
    gates: tuple[Outcome, ...]


def write_report(
    run_folder: Path, *, baseline: str | None = None, seed: int = 0, gates: Sequence[Gate] = ()
) -> WrittenReport:
    """Write ``run_folder/report``: tables as LaTeX, Markdown and CSV, figures as PDF and PNG, and all in one.

    The headline tables stand in report.md, all others in appendix.md; report.tex (pdflatex compiles it) and
    report.html hold both; summary.json is for programs. Each file is written whole or not at all; tables and figures
    of an earlier report that this one does not have are removed.

    Args:
        run_folder: The run folder.
        baseline: The label of the ranker others are tested against; None is that of the experiment, or the first of
            the tables.
        seed: Of resamples and permutations.
        gates: Limits beside those of the experiment, which alone are in summary.json.

    Raises:
        DataError: The rows cannot be read, or the report cannot be written.
        UsageError: No row is about the baseline, or the experiment declares a table or a gate that cannot be made.
    """
    folder = run_folder / "report"
    with Drawing() as drawing:
        run = load_run(run_folder)
        catalogue = catalogue_of(run.rows, declared_report(run_folder), baseline, seed=seed)
        figures = [chart for figure, values in catalogue.figures() for chart in charts(figure, values)]
        drawing.start(figures)
        declared = outcomes(catalogue.report.gates, catalogue, run)
        files = dict(_files(catalogue, run, declared, figures, drawing))
    for name, content in files.items():
        write_file(folder / name, content)
    with writing(folder):
        for kind, suffixes in _KINDS.items():
            for path in folder.glob(f"{kind}/*"):
                if path.suffix in suffixes and f"{kind}/{path.name}" not in files:
                    path.unlink()
    return WrittenReport(run, catalogue, (*declared, *outcomes(gates, catalogue, run)))


def _files(
    catalogue: Catalogue, run: LoadedRun, gates: Sequence[Outcome], figures: Sequence[Chart], drawing: Drawing
) -> Iterator[tuple[str, bytes]]:
    """Yield the name of each file below the report's folder and what it holds."""
    declared = {table.name: table for table in catalogue.report.tables}
    headline: list[View] = []
    appendix: list[View] = []
    tables = catalogue.tables
    for rendered in tables:
        whole = shown(rendered, declared.get(rendered.name))
        first = front(whole, latex.WIDTHS["text"], latex.SIZES[-1][1]) if rendered.headline else whole
        yield f"tables/{rendered.name}.csv", csv(rendered).encode()
        yield from _texts(first, declared.get(rendered.name))
        (headline if rendered.headline else appendix).append(first)
        if first is not whole or (rendered.headline and len(whole.rows) > markdown.ROWS):
            whole = replace(whole, name=f"{whole.name}-all")
            yield from _texts(whole, None)
            appendix.append(whole)
    yield "report.md", markdown.document(TITLE, READING, headline, _named(figures), cut=True).encode()
    yield "appendix.md", markdown.document(f"{TITLE}: appendix", READING, appendix, (), cut=False).encode()
    front_names, other_names = ([view.name for view in views] for views in (headline, appendix))
    yield "report.tex", latex.document(front_names, other_names, _named(figures), READING).encode()
    yield "summary.json", summary_json(catalogue, run, gates).encode()
    pictures = drawing.pictures()
    for chart, drawn in zip(figures, pictures, strict=True):
        yield from ((f"figures/{chart.name}.{kind}", picture) for kind, picture in drawn.items())
    yield (
        "report.html",
        run_page(run, sections(tables, [(c, p["png"]) for c, p in zip(figures, pictures, strict=True)])),
    )


def _texts(view: View, declared: UserTable | None) -> Iterator[tuple[str, bytes]]:
    width, ci = (declared.width, declared.ci) if declared else ("text", "below")
    yield f"tables/{view.name}.md", markdown.table(latex.with_intervals(view, "off") if ci == "off" else view).encode()
    yield f"tables/{view.name}.tex", latex.table(view, width, ci).encode()


def shown(rendered: RenderedTable, declared: UserTable | None) -> View:
    """Return a table as texts, turned where its user wants that."""
    whole = view(rendered)
    return turned(whole) if declared and declared.orientation == "rows" else whole


def csv(rendered: RenderedTable) -> str:
    """Return a line for each figure of a table, with its interval, its number of units and its p-values."""
    text: str = pd.DataFrame.from_records(list(records(rendered))).to_csv(index=False, lineterminator="\n")
    return text


def _named(figures: Sequence[Chart]) -> list[tuple[str, str]]:
    return [(chart.name, chart.caption) for chart in figures]
