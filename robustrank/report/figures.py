"""The figures of a report. They show values of tables, so that a point and a cell can never disagree."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from matplotlib import style
from matplotlib.figure import Figure

from robustrank.measures.robustness import vnap
from robustrank.report import certified, certified_plots
from robustrank.report.agreement import agreement_curves, agreement_table
from robustrank.report.build import unique
from robustrank.report.catalogue import relative_change
from robustrank.report.dumbbell_plot import dumbbell_plot
from robustrank.report.entries import Entry
from robustrank.report.estimate import Settings, estimate_table
from robustrank.report.plots import STYLE, budget_curves, trade_off
from robustrank.report.roc import ROC, roc_curves
from robustrank.report.rowset import RowSet
from robustrank.report.selection import Select
from robustrank.report.summary import shared_conditions
from robustrank.report.tables import Column, RenderedTable, Table

_CLEAN = Column("nDCG@10 of clean lists", (Select("nDCG@10", "clean"),), compare=False, units="queries")
FIGURES: tuple[tuple[Table, Callable[[RenderedTable], Figure | None]], ...] = (
    (
        Table(
            name="variance",
            caption="Effectiveness against its variance over queries",
            task="iid-variance",
            columns=(
                Column("mean AP", (Select("AP"),), compare=False),
                Column("VNAP", (Select("AP"),), statistic=vnap, higher_is_better=False, compare=False),
            ),
        ),
        trade_off,
    ),
    (
        Table(
            name="unseen-queries",
            caption="nDCG@10 on query types seen and unseen in training",
            task="ood-query",
            columns=tuple(Column(name, (Select("nDCG@10", name),), compare=False) for name in ("seen", "unseen")),
        ),
        dumbbell_plot,
    ),
    (
        Table(
            name="other-corpora",
            caption="nDCG@10 after in-domain and after out-of-domain training",
            task="ood-corpus",
            columns=tuple(
                Column(title, (Select("nDCG@10", condition),), compare=False)
                for title, condition in (("in-domain", "in_domain"), ("out-of-domain", "out_of_domain"))
            ),
        ),
        dumbbell_plot,
    ),
    (
        Table(
            name="trade-off-document-attack",
            caption="Effectiveness against robustness to attacks on documents",
            task="document-attack",
            columns=(
                _CLEAN,
                Column("1 - ASR", (Select("success", "attacked"),), unit=lambda success: 1 - success, compare=False),
            ),
        ),
        trade_off,
    ),
    (
        Table(
            name="trade-off-query-attack",
            caption="Effectiveness against robustness to attacks on queries",
            task="query-attack",
            columns=(
                _CLEAN,
                Column(
                    "relative change of nDCG@10",
                    (Select("nDCG@10", "clean"), Select("nDCG@10", "attacked")),
                    of_means=relative_change,
                    compare=False,
                ),
            ),
        ),
        trade_off,
    ),
    (
        Table(
            name="budget",
            caption="ASR against the size of the edit, beside the random-edit baseline (dashed)",
            task="document-attack",
            rows=("attack", "ranker", "defense"),
            columns=(
                Column("ASR", (Select("success", "attacked"),), compare=False),
                Column("ASR of the random-edit baseline", (Select("success", "control"),), compare=False),
                Column("budget", (Select("budget"),), compare=False),
            ),
        ),
        budget_curves,
    ),
    (ROC, roc_curves),
)


@dataclass(frozen=True)
class Drawn:
    """A figure: its file name, its caption, what to save, and its values."""

    name: str
    caption: str
    figure: Figure
    rendered: RenderedTable

    def saved(self, kind: str) -> bytes:
        """Return the figure as a file of the kind "pdf" or "png", without a date: the same at every call."""
        file = io.BytesIO()
        metadata = {"CreationDate": None} if kind == "pdf" else {"Software": None}
        with style.context(["default", STYLE]):
            self.figure.savefig(file, format=kind, dpi=200, metadata=metadata)
        return file.getvalue()


def draw(rowset: RowSet, settings: Settings) -> list[Drawn]:
    """Return the figures that rows allow, for each collection and each setting of a task."""
    drawn: list[Drawn] = []
    with style.context(["default", STYLE]):  # whatever the user's own settings are
        for collection in rowset.present("collection"):
            for table, rows, plot in _declared(rowset.restricted("collection", collection)):
                rendered = estimate_table(table, rows, settings)
                figure = plot(rendered)
                if figure is not None:
                    text = f"{table.name}-{rows.setting}-{collection.label}"
                    name = unique(text, {shown.name for shown in drawn})
                    drawn.append(Drawn(name, rendered.caption, figure, rendered))
    return drawn


def _declared(rowset: RowSet) -> Iterator[tuple[Table, RowSet, Callable[[RenderedTable], Figure | None]]]:
    """Yield the figures' tables with the rows they are made of, and what draws them."""
    if (table := agreement_table(rowset)).columns:
        yield table, rowset, agreement_curves
    for task in rowset.tasks:
        rows = rowset.of(task)
        for table, plot in FIGURES:
            facts = {fact for column in table.columns for fact in column.facts}
            if table.task == task.name and facts <= rows.facts:
                yield _of_task(table, task), rows if "attack" in table.rows else shared_conditions(rows), plot
        if task.name == certified.TASK and (table := certified_plots.certified_table(rows)).columns:
            for name, caption, plot in certified_plots.FIGURES:
                yield _of_task(replace(table, name=name, caption=caption), task), rows, plot


def _of_task(table: Table, task: Entry) -> Table:
    return replace(table, columns=tuple(replace(column, task_key=task.key) for column in table.columns))
