"""The report as one HTML page that works from disk: what it shows, and how that is rendered. It loads nothing.

Texts of documents and labels may be hostile. The templates escape everything, the attacked texts are data that the
script writes as text, and the page's policy lets its one style and its one script work, and nothing else.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from robustrank.printing import counted, printable, slug
from robustrank.rows import AXES, SCHEMA_VERSION, Coordinates

PICTURE_BYTES = 1_200_000  # of all figures, as base64; the others are described, and in files
ROWS = 1_000  # of a table; the others are in its file
# Where attacked texts go, once it is known how much room there is. No text can hold one: its < would be escaped.
_MARKS = {name: f"<!-- attacked texts: {name} -->" for name in ("entry", "section", "data")}
Links = tuple[tuple[str, str], ...]  # text and address


@dataclass(frozen=True)
class Cell:
    """A figure in a table: its text, what rows are ordered by (None, which is missing, is last), and what is beside."""

    text: str
    sort: float | None = None
    interval: str = ""
    marks: str = ""
    is_best: bool = False


@dataclass(frozen=True)
class TableView:
    """A table: its name (a slug, unique in the page), headings of labels and of figures, and both for each row."""

    name: str
    title: str
    caption: str
    keys: tuple[str, ...]
    columns: tuple[str, ...]
    rows: tuple[tuple[tuple[str, ...], tuple[Cell, ...]], ...]
    notes: tuple[str, ...] = ()
    links: Links = ()


@dataclass(frozen=True)
class FigureView:
    """A figure: its name, a title and a caption, what it shows in words, the PNG, and links to its files."""

    name: str
    title: str
    caption: str
    alt: str
    png: bytes
    links: Links = ()


@dataclass(frozen=True)
class Section:
    """Tables and figures under a heading; an appendix is collapsed."""

    title: str
    tables: Sequence[TableView] = ()
    figures: Sequence[FigureView] = ()
    is_appendix: bool = False


@dataclass(frozen=True)
class Page:
    """What the page shows.

    Attributes:
        title, description: Of the experiment.
        cells: The cells of the run.
        undone: Status, reason and labels of those that have no results.
        measured: How many rows have a value, and how many there are.
        notes: What the run had to say.
        sections: Tables and figures, the headline first.
        provenance, experiment: The run's provenance.json and experiment.yaml.
    """

    title: str
    description: str = ""
    cells: Sequence[Coordinates] = ()
    undone: Sequence[tuple[str, str, str]] = ()
    measured: tuple[int, int] = (0, 0)
    notes: Sequence[str] = ()
    sections: Sequence[Section] = ()
    provenance: Mapping[str, Any] = field(default_factory=dict)
    experiment: str = ""


def render(page: Page, texts: Callable[[int], Mapping[str, Any]] = lambda size: {}) -> bytes:
    """Return the page as HTML in UTF-8: the same page, the same bytes.

    Args:
        page: What it shows beside attacked texts.
        texts: Takes the size of the page without them, in bytes, and returns the attacked texts, see
            :mod:`robustrank.report.attacked_texts`; nothing where there are none.
    """
    style, script = asset("page.css"), asset("page.js") + asset("texts.js")
    template = templates("robustrank.report").get_template("page.html.j2")
    html = template.render(
        page=page,
        axes=AXES,
        schema=SCHEMA_VERSION,
        pictures=dict(_pictures(page.sections)),
        glossary=asset("glossary.md"),
        style=style,
        script=script,
        marks={name: Markup(mark) for name, mark in _MARKS.items()},
        policy=policy(style, script),
    )
    parts = _attacked_parts(texts(len(html.encode())))
    for name, mark in _MARKS.items():
        html = html.replace(mark, parts[name], 1)
    return html.encode()


def _attacked_parts(attacked: Mapping[str, Any]) -> dict[str, str]:
    """Return what stands in place of each mark."""
    # In ASCII, and without a < that could end the script.
    data = json.dumps(attacked, separators=(",", ":"), allow_nan=False).replace("<", r"\u003c")
    if not (attacked.get("total") or attacked.get("lacking")):
        return {"entry": "", "section": "", "data": data}
    macros: Any = templates("robustrank.report").get_template("attacked.html.j2").module
    return {"entry": str(macros.entry()), "section": str(macros.section(attacked)), "data": data}


def fragment(table: TableView) -> str:
    """Return a table alone, for a page of others, as a notebook."""
    macros: Any = templates("robustrank.report").get_template("table.html.j2").module
    return str(macros.table(table))


def _pictures(sections: Iterable[Section]) -> Iterator[tuple[str, str]]:
    """Yield the name of each figure that there is room for, and the picture as an address that holds it."""
    room = PICTURE_BYTES
    for figure in (figure for section in sections for figure in section.figures):
        picture = base64.b64encode(figure.png).decode()
        room -= len(picture)
        if room >= 0:
            yield figure.name, f"data:image/png;base64,{picture}"


@cache
def templates(package: str) -> Environment:
    """Return the templates of a package beside those of the report: they escape everything."""
    environment = Environment(
        loader=ChoiceLoader([PackageLoader(package), PackageLoader("robustrank.report")]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_shown,
    )
    environment.globals["row_limit"] = ROWS
    environment.filters |= {"counted": counted, "slug": slug}
    return environment


def _shown(value: Any) -> Any:
    """Return a text with its control and format characters as escapes; markup and numbers as they are."""
    return printable(value, keep="\n") if type(value) is str else value


@cache
def asset(name: str) -> str:
    """Return a file of the page: its style, or a part of its script."""
    return files("robustrank.report").joinpath("templates", name).read_text("utf-8")


def policy(style: str, script: str) -> str:
    """Return the content security policy of a page with this style and this script, and nothing else."""
    allowed = f"default-src 'none'; img-src data:; style-src {_hash(style)}; script-src {_hash(script)}"
    return f"{allowed}; base-uri 'none'; form-action 'none'"


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
