"""The figures of a report. They show values of filled tables, so that a point and a cell can never disagree."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import pandas as pd
from matplotlib import style
from matplotlib.figure import Figure

from robustrank.measures.robustness import vnap
from robustrank.report import certified, certified_plots
from robustrank.report.agreement import agreement_curves, agreement_table
from robustrank.report.build import fill_part, unique
from robustrank.report.catalogue import drop
from robustrank.report.dumbbell_plot import dumbbell_plot
from robustrank.report.estimate import Settings, over
from robustrank.report.plots import STYLE, budget_curves, trade_off
from robustrank.report.roc import ROC, roc_curves
from robustrank.report.rowset import RowSet
from robustrank.report.summary import shared_conditions
from robustrank.report.tables import Column, RenderedTable, Table
from robustrank.report.unit_table import natural, plug_in

_CLEAN = Column("nDCG@10 of clean lists", ("nDCG@10/clean",), compare=False)
FIGURES: tuple[tuple[Table, Callable[[RenderedTable], Figure | None]], ...] = (
    (
        Table(
            name="variance",
            caption="Effectiveness against its variance over queries.",
            task="iid-variance",
            columns=(
                Column("mean AP", ("AP",), compare=False),
                Column("VNAP", ("AP",), statistic=vnap, higher_is_better=False, compare=False),
            ),
        ),
        trade_off,
    ),
    (
        Table(
            name="unseen-queries",
            caption="Effectiveness on types of queries that training has seen, and that it has not.",
            task="ood-query",
            columns=tuple(Column(name, (f"nDCG@10/{name}",), compare=False) for name in ("seen", "unseen")),
        ),
        dumbbell_plot,
    ),
    (
        Table(
            name="other-corpora",
            caption="Effectiveness after in-domain and after out-of-domain training.",
            task="ood-corpus",
            columns=tuple(Column(name, (f"nDCG@10/{name}",), compare=False) for name in ("in_domain", "out_of_domain")),
        ),
        dumbbell_plot,
    ),
    (
        Table(
            name="trade-off-document-attack",
            caption="Effectiveness against robustness to attacked documents.",
            task="document-attack",
            columns=(
                _CLEAN,
                Column("share of targets not raised", ("success",), unit=lambda success: 1 - success, compare=False),
            ),
        ),
        trade_off,
    ),
    (
        Table(
            name="trade-off-query-attack",
            caption="Effectiveness against robustness to perturbed queries.",
            task="query-attack",
            columns=(
                _CLEAN,
                Column("drop rate of nDCG@10", ("nDCG@10/clean", "nDCG@10/attacked"), of_means=drop, compare=False),
            ),
        ),
        trade_off,
    ),
    (
        Table(
            name="budget",
            caption="Success of attacks on documents against the size of their edit, beside random edits of that size.",
            task="document-attack",
            rows=("attack", "ranker", "defense"),
            columns=tuple(Column(name, (name,), compare=False) for name in ("success", "control/success", "budget")),
        ),
        budget_curves,
    ),
    (ROC, roc_curves),
)


@dataclass(frozen=True)
class Drawn:
    """A figure: its file name, its caption, and what to save."""

    name: str
    caption: str
    figure: Figure

    def saved(self, kind: str) -> bytes:
        """Return the figure as a file of the kind "pdf" or "png", without a date: the same at every call."""
        file = io.BytesIO()
        metadata = {"CreationDate": None} if kind == "pdf" else {"Software": None}
        with style.context(["default", STYLE]):
            self.figure.savefig(file, format=kind, dpi=200, metadata=metadata)
        return file.getvalue()


def draw(rows: pd.DataFrame, settings: Settings) -> list[Drawn]:
    """Return the figures that rows allow, for each collection and each setting of a task."""
    drawn: list[Drawn] = []
    with style.context(["default", STYLE]):  # whatever the user's own settings are
        for collection in sorted(set(rows["collection"]), key=natural):
            for table, rowset, plot in _declared(RowSet(rows[rows["collection"] == collection])):
                rendered = fill_part(table, rowset, settings)
                figure = plot(rendered)
                if figure is not None:
                    name = unique(f"{table.name}-{collection}", {other.name for other in drawn})
                    values = [value for line in rendered.lines for value in line.values]
                    caption = f"{table.caption} Collection {collection}; {', '.join(rowset.tasks)}."
                    if any(value.interval for value in values):
                        caption += f" Bars and bands are {100 * settings.level:g} % bootstrap intervals {over(values)}."
                    drawn.append(Drawn(name, caption, figure))
    return drawn


def _declared(rowset: RowSet) -> Iterator[tuple[Table, RowSet, Callable[[RenderedTable], Figure | None]]]:
    """Yield the figures' tables with the rows they are made of, and what draws them."""
    if (table := agreement_table(rowset)).columns:
        yield table, rowset, agreement_curves
    for task in rowset.tasks:
        own = rowset.of(task)
        for table, plot in FIGURES:
            measures = {name for column in table.columns for name in column.measures}
            if table.task == plug_in(task) and measures <= own.measures:
                columns = tuple(replace(column, task=task) for column in table.columns)
                named = replace(table, name=f"{table.name}-{rowset.setting(task)}", columns=columns)
                yield named, own if "attack" in table.rows else shared_conditions(own), plot
        if plug_in(task) == certified.TASK and (table := certified_plots.certified_table(own)).columns:
            columns = tuple(replace(column, task=task) for column in table.columns)
            for name, caption, plot in certified_plots.FIGURES:
                named = replace(table, name=f"{name}-{rowset.setting(task)}", caption=caption, columns=columns)
                yield named, own, plot
