"""The report as one HTML page that works from disk: what it shows, and how that is rendered. It loads nothing.

Texts of documents and labels may be hostile. The templates escape everything, the adversarial texts are data in JSON
that the script writes as text, and the page's policy lets its one style and its one script run, and nothing else.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from importlib.resources import files
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from robustrank.printing import counted, printable, slug

BYTES = 2_000_000  # of a page; what does not fit is left to the files beside it, and counted
FIGURE_BYTES = 1_200_000  # of all pictures, as base64
ROWS = 1_000  # of a table


@dataclass(frozen=True)
class Head:
    """The heading of a column."""

    title: str
    is_number: bool = True


@dataclass(frozen=True)
class Cell:
    """A cell: its text, what rows are ordered by (None, which is missing, is last), and what is beside the text."""

    text: str
    sort: float | str | None = None
    interval: str = ""
    marks: str = ""
    is_best: bool = False


@dataclass(frozen=True)
class TableView:
    """A table: its name (a slug, unique in the page), texts, cells by row, and links (text, address) to its files."""

    name: str
    title: str
    caption: str
    heads: tuple[Head, ...]
    rows: tuple[tuple[Cell, ...], ...]
    notes: tuple[str, ...] = ()
    links: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class FigureView:
    """A figure: its name, a title, a caption, what it shows in words, the PNG, and links to its files."""

    name: str
    title: str
    caption: str
    alt: str
    png: bytes
    links: tuple[tuple[str, str], ...] = ()

    @property
    def source(self) -> str:
        """The picture as an address that holds it."""
        return f"data:image/png;base64,{base64.b64encode(self.png).decode()}"


@dataclass(frozen=True)
class Section:
    """Tables and figures under a heading; an appendix is collapsed."""

    title: str
    tables: tuple[TableView, ...] = ()
    figures: tuple[FigureView, ...] = ()
    is_appendix: bool = False

    @property
    def name(self) -> str:
        """The anchor."""
        return f"section-{slug(self.title)}"


@dataclass(frozen=True)
class AttackedTexts:
    """The attacked texts, as data of the script: see :mod:`robustrank.report.attacked_texts`."""

    data: Mapping[str, Any] = field(default_factory=dict)
    shown: int = 0
    total: int = 0
    note: str = ""


@dataclass(frozen=True)
class Page:
    """What the page shows.

    Attributes:
        title, description: Of the experiment.
        facts: Name and value of what stands below the title: date, duration, cells, …
        undone: Cells without results: their status, the reason, how many, and their titles.
        notes: What the run had to say.
        sections: Tables and figures, the headline first.
        attacked: The attacked texts.
        provenance: What produced the numbers.
        sources: Name and content of what is shown verbatim, as the experiment file.
    """

    title: str
    description: str = ""
    facts: tuple[tuple[str, str], ...] = ()
    undone: tuple[tuple[str, str, int, tuple[str, ...]], ...] = ()
    notes: tuple[str, ...] = ()
    sections: tuple[Section, ...] = ()
    attacked: AttackedTexts = AttackedTexts()
    provenance: tuple[TableView, ...] = ()
    sources: tuple[tuple[str, str], ...] = ()


def render(page: Page) -> bytes:
    """Return the page as HTML in UTF-8: the same page, the same bytes."""
    style, script = _file("page.css"), _file("page.js")
    policy = f"default-src 'none'; img-src data:; style-src {_hash(style)}; script-src {_hash(script)}"
    shown, left_out = _within_limits(page)
    template = _templates().get_template("page.html.j2")
    return template.render(
        page=shown,
        left_out=left_out,
        glossary=tuple(glossary(_file("glossary.md"))),
        style=style,
        script=script,
        data=_json(page.attacked.data),
        policy=f"{policy}; base-uri 'none'; form-action 'none'",
    ).encode()


def fragment(table: TableView) -> str:
    """Return a table alone, for a page of others, as a notebook."""
    module = _templates().get_template("table.html.j2").module
    return str(module.table(table))  # type: ignore[attr-defined]


def glossary(text: str) -> Iterator[tuple[str, list[list[str]]]]:
    """Yield the title of each part of the glossary (Markdown), and its terms: name, definition, source."""
    for part in text.split("\n## ")[1:]:
        title, _, body = part.partition("\n")
        plain = re.sub(r"\[(.*?)\]\(.*?\)|`", r"\1", body)
        lines = [line for line in plain.splitlines() if line.startswith("| ")][1:]
        yield title, [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def _within_limits(page: Page) -> tuple[Page, list[str]]:
    """Return the page with what it has room for, and what was left out."""
    room, figures, rows = FIGURE_BYTES, 0, 0
    sections = []
    for section in page.sections:
        pictures = []
        for figure in section.figures:
            room -= len(figure.png) * 4 // 3
            pictures.append(figure if room >= 0 else replace(figure, png=b""))
            figures += room < 0
        rows += sum(max(0, len(table.rows) - ROWS) for table in section.tables)
        tables = tuple(replace(table, rows=table.rows[:ROWS]) for table in section.tables)
        sections.append(replace(section, tables=tables, figures=tuple(pictures)))
    left_out = [(figures, "figure"), (rows, "table row"), (page.attacked.total - page.attacked.shown, "attacked text")]
    return replace(page, sections=tuple(sections)), [counted(*item) for item in left_out if item[0]]


@cache
def _templates() -> Environment:
    return Environment(
        loader=PackageLoader("robustrank.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_shown,
    )


def _shown(value: Any) -> Any:
    """Return a text with its control and format characters as escapes; markup and numbers as they are."""
    return printable(value, keep="\n") if type(value) is str else value


@cache
def _file(name: str) -> str:
    return files("robustrank.report").joinpath("templates", name).read_text("utf-8")


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _json(data: Mapping[str, Any]) -> str:
    """Return JSON in ASCII that no text in it can end: < is escaped."""
    return json.dumps(data, separators=(",", ":"), allow_nan=False).replace("<", r"\u003c")
