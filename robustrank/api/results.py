"""The results of a run as objects: rows and cells as frames, tables in any format, attacked texts."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import pandas as pd

from robustrank.adversarial import texts_of_cell
from robustrank.analysis.catalogue import Catalogue, catalogue_of
from robustrank.analysis.estimated import RenderedTable
from robustrank.analysis.load import declared_report, load_run
from robustrank.analysis.records import records
from robustrank.errors import DataError, UsageError, nearest
from robustrank.notices import notice
from robustrank.paths import given_path
from robustrank.published import run_folder
from robustrank.report import latex, markdown
from robustrank.report.page import fragment
from robustrank.report.page_tables import table_view
from robustrank.report.view import view
from robustrank.report.write import csv
from robustrank.rows import CELL_COLUMNS
from robustrank.run_files import cell_folders

Ci = Literal["below", "inline", "off"]
Width = Literal["text", "column", "any"]

_CELL_FACTS = ("folds", "status", "seconds")
_TEXTS = ("query_id", "query", "doc_id", "before", "after", "note", "edits")  # of every attacked text


@dataclass(frozen=True)
class ResultTable:
    """One table of the report; a notebook shows it as HTML."""

    rendered: RenderedTable

    @property
    def name(self) -> str:
        """The name that :meth:`Results.table` takes."""
        return self.rendered.name

    @property
    def caption(self) -> str:
        """What the table shows."""
        return self.rendered.caption

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of its columns, for the arguments ``columns`` below."""
        return tuple(column.key for column in self.rendered.columns)

    def to_latex(self, columns: Sequence[str] | None = None, ci: Ci = "below", width: Width = "text") -> str:
        """Return the table for a LaTeX document with booktabs.

        Args:
            columns: Names or titles of the columns that are shown, in this order; None is all.
            ci: Where intervals stand: below figures, inline, or off.
            width: What it has to fit: "text" is 506 pt, "column" 241 pt; a table that is wider is cut into parts.

        Raises:
            UsageError: There is no such column.
        """
        return latex.table(view(self._of(columns)), width, ci)

    def to_html(self, columns: Sequence[str] | None = None) -> str:
        """Return the table as a piece of HTML, as a notebook shows it."""
        return fragment(table_view(self._of(columns)))

    def to_markdown(self, columns: Sequence[str] | None = None) -> str:
        """Return the table as Markdown."""
        return markdown.table(view(self._of(columns)))

    def to_csv(self) -> str:
        """Return a line for each figure, with its interval, its number of units and its p-values."""
        return csv(self.rendered)

    def to_dataframe(self) -> pd.DataFrame:
        """Return the estimates with all their digits: labels, the count of units, and a column for each measure.

        Shares are between 0 and 1, where the other formats have per cent; what was not measured is nan.
        """
        table = self.rendered
        counted = [table.units] if table.units else []
        columns = [*table.keys, *counted, *(column.title for column in table.columns)]
        lines = [
            [
                *line.labels,
                *([line.units] if counted else []),
                *(float("nan") if value.estimate is None else value.estimate for value in line.values),
            ]
            for line in table.lines
        ]
        return pd.DataFrame(lines, columns=columns)

    def _of(self, columns: Sequence[str] | None) -> RenderedTable:
        """Return the table with some of its columns."""
        if columns is None:
            return self.rendered
        numbers = {name: i for i, c in reversed(list(enumerate(self.rendered.columns))) for name in (c.key, c.title)}
        for name in columns:
            if name not in numbers:
                what = f"table {self.name!r} has no column {name!r}"
                raise UsageError(what, allowed=", ".join(self.columns), hint=nearest(name, numbers))
        chosen = [numbers[name] for name in columns]
        lines = tuple(replace(line, values=tuple(line.values[i] for i in chosen)) for line in self.rendered.lines)
        return replace(self.rendered, columns=tuple(self.rendered.columns[i] for i in chosen), lines=lines)

    def _repr_html_(self) -> str:
        return self.to_html()


@dataclass(frozen=True)
class Results:
    """What a run folder holds.

    Attributes:
        folder: The run folder.
        rows: A frame with one measured value a row, see :func:`robustrank.analysis.load.load_rows`.
        cells: A frame with one cell a row: its key, the labels of what it is, its status and its seconds.
        notices: What was said while it ran; empty for results that were loaded.
    """

    folder: Path
    rows: pd.DataFrame = field(repr=False)
    cells: pd.DataFrame = field(repr=False)
    notices: tuple[str, ...] = field(default=(), repr=False)

    @property
    def tables(self) -> tuple[str, ...]:
        """The names of the report's tables, the headline tables first."""
        return tuple(self._tables)

    def table(self, name: str) -> ResultTable:
        """Return a table of the report.

        Raises:
            UsageError: There is no such table.
        """
        if name not in self._tables:
            raise UsageError(
                f"there is no table {name!r}",
                where=str(self.folder),
                allowed=", ".join(self._tables),
                hint=nearest(name, self._tables),
            )
        return self._tables[name]

    def metrics(self) -> dict[str, float]:
        """Return every figure of the headline tables by name, for trackers of experiments; what is missing is left out.

        Names are ``TABLE/LABELS/COLUMN``, as ``document-attack/lee/keyword-stuffing/bm25/none/asr``; other signs than
        word characters, spaces, dots and hyphens become hyphens.
        """
        figures: dict[str, float] = {}
        for table in (table for table in self._catalogue.whole_tables if table.headline):
            for record in records(table):
                about = [record[axis] for axis in table.keys if record[axis] and axis not in ("task", "family")]
                name = re.sub(r"[^\w/ .-]", "-", "/".join([table.name, *about, record["id"]]))
                if record["estimate"] is not None:
                    figures[name] = record["estimate"]
        return figures

    def adversarial(self) -> pd.DataFrame:
        """Return the attacked texts, one a row: where they are from, before and after, edits, and what came of them.

        Raises:
            DataError: A file is damaged, or the folder lacks the cells, as one that was taken from a run.
        """
        records: list[dict[str, Any]] = []
        columns = ["cell", "task", "collection", "ranker", "defense", "attack", "seed"]
        cells = {str(cell["cell"]): {c: cell[c] for c in columns} for cell in self.cells.to_dict("records")}
        folders = cell_folders(self.folder)
        finished = set(self.cells["cell"][self.cells["status"] == "done"])
        if lacking := finished - {folder.name for folder in folders}:
            raise DataError(
                f"{len(lacking)} of {len(finished)} finished cells are not in the folder, and their attacked texts are "
                "not known",
                where=str(self.folder / "cells"),
                hint="give the whole run folder",
            )
        for folder in folders:
            if folder.name in cells:
                records += [{**cells[folder.name], **record} for record, _ in texts_of_cell(folder)]
        return pd.DataFrame(records) if records else pd.DataFrame(columns=[*columns, *_TEXTS])

    @cached_property
    def _tables(self) -> dict[str, ResultTable]:
        return {table.name: ResultTable(table) for table in self._catalogue.tables}

    @cached_property
    def _catalogue(self) -> Catalogue:
        return catalogue_of(self.rows, declared_report(self.folder))


def load_results(folder: str | Path, notices: tuple[str, ...] = ()) -> Results:
    """Return the results of a run folder. What is missing of the run is said by the logger ``robustrank``.

    Args:
        folder: The run folder, of this function's caller or of ``robustrank run``, or the name of published results,
            as "quickstart".
        notices: What was said while it ran.

    Raises:
        DataError: It is no run folder, or a file of it is damaged or of an older schema.
    """
    folder = run_folder(given_path(folder))
    run = load_run(folder)
    records = [{**cell.columns, **{name: getattr(cell, name) for name in _CELL_FACTS}} for cell in run.cells]
    cells = pd.DataFrame.from_records(records, columns=[*CELL_COLUMNS, *_CELL_FACTS]).astype({"seconds": "float64"})
    for status, what in (("planned", "have not been run"), ("error", "failed, and their rows are missing")):
        if count := int((cells["status"] == status).sum()):
            notice(f"{count} of {len(cells)} cells of {folder} {what}")
    return Results(folder, run.rows, cells, notices)
