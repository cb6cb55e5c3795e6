"""Tables as LaTeX: fragments for a paper, which need booktabs alone, and a report that compiles by itself."""

from __future__ import annotations

import functools
import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import replace

from jinja2 import Environment, PackageLoader, StrictUndefined, Template
from pylatexenc.latexencode import (
    RULE_DICT,
    RULE_REGEX,
    UnicodeToLatexConversionRule,
    UnicodeToLatexEncoder,
)

from robustrank.report.view import Cell, Row, View, column_width, headed, label_width, parts, wrapped

WIDTHS = {"text": 506.0, "column": 241.0, "any": 10_000.0}  # points, of a page of acmart and of one of its columns
SIZES = (("footnotesize", 8.0), ("scriptsize", 7.0))  # of a class whose text is of 10 points
_LINES = 44  # of a page, an interval below a figure being one
# What the library leaves as it is, and TeX would take for something else, or two in a row for another sign.
_GUARDED = {char: f"{{{char}}}" for char in "[]*|"} | {char: f"{{\\char{ord(char)}}}" for char in "\"'`"}
_GUARDED |= {"−": r"\ensuremath{-}", "†": r"\ensuremath{\dagger}", "‡": r"\ensuremath{\ddagger}"}
_GUARDED |= {"<": r"\ensuremath{<}", ">": r"\ensuremath{>}", "Δ": r"\ensuremath{\Delta}"}
_GUARDED |= {"↑": r"\ensuremath{\uparrow}", "↓": r"\ensuremath{\downarrow}", "→": r"\ensuremath{\rightarrow}"}
# What the fonts of plain LaTeX have, in its old encoding and its new one.
_KNOWN = re.compile("[ -~¡-ª¬-·¹º¼-ÏÑ-Ýß-ïñ-ýÿ-ăĆ-ďĒ-ėĚ-ĭİ-ňŌ-űŴ-žΑ-ΡΣ-Ωα-ω–—‘’“”†‡…←-↓−∞≈≠≤≥]")


@functools.cache
def _encoder() -> UnicodeToLatexEncoder:
    signs = {ord(char): text for char, text in _GUARDED.items()}
    rules = [
        UnicodeToLatexConversionRule(RULE_REGEX, [(re.compile(r"([-,])(?=\1)"), r"\1{}")], "none"),
        UnicodeToLatexConversionRule(RULE_DICT, signs, "none"),
    ]
    return UnicodeToLatexEncoder(
        non_ascii_only=False,
        replacement_latex_protection="braces-all",
        conversion_rules=[*rules, "defaults"],
        unknown_char_warning=False,
    )


@functools.lru_cache(maxsize=10_000)
def escape(text: str) -> str:
    """Return ``text`` as LaTeX text in ASCII.

    White space becomes a space, and a character that plain LaTeX has no sign for its number, as [U+4E2D].
    """
    line = " ".join(unicodedata.normalize("NFC", text).split())
    known = "".join(char if _KNOWN.fullmatch(char) else f"[U+{ord(char):04X}]" for char in line)
    encoded: str = _encoder().unicode_to_latex(known)
    return encoded


def table(shown: View, width: str = "text", ci: str = "below") -> str:
    """Return the table as one ``table*``, or several where it is wide or long, for a document to input.

    Args:
        shown: The table.
        width: What it has to fit, one of ``WIDTHS``.
        ci: Where intervals stand: ``below`` figures, ``inline``, or ``off``.
    """
    shown = with_intervals(shown, ci)
    below = any(cell.interval for row in shown.rows for cell in row.cells)
    lines = _LINES // (1 + below)
    most = WIDTHS[width]
    size, points = next(((s, p) for s, p in SIZES if len(parts(shown, most, p, lines)) == 1), SIZES[-1])
    pieces = parts(shown, most, points, lines)
    return "\n".join(_piece(piece, size, points, "table" if width == "column" else "table*") for piece in pieces)


def with_intervals(shown: View, ci: str) -> View:
    """Return the table with its intervals below the figures, beside them, or without."""
    if ci == "below":
        return shown

    def changed(cell: Cell) -> Cell:
        text = f"{cell.text} {cell.interval}" if cell.interval and ci == "inline" else cell.text
        return replace(cell, text=text, interval="")

    rows = tuple(replace(row, cells=tuple(map(changed, row.cells))) for row in shown.rows)
    return replace(shown, rows=rows)


def document(headline: Sequence[str], appendix: Sequence[str], figures: Sequence[tuple[str, str]], note: str) -> str:
    """Return the report: it reads the tables of these names and shows the figures (name, caption)."""
    shown = [(name, escape(caption)) for name, caption in figures]
    return _template("report.tex.j2").render(headline=headline, appendix=appendix, figures=shown, note=escape(note))


@functools.cache
def _template(name: str) -> Template:
    """Return a template, in which << >> stand for values, and lines that begin with %% are code."""
    environment = Environment(
        block_start_string="<%",
        block_end_string="%>",
        variable_start_string="<<",
        variable_end_string=">>",
        comment_start_string="<#",
        comment_end_string="#>",
        line_statement_prefix="%%",
        loader=PackageLoader("robustrank.report"),
        undefined=StrictUndefined,
        keep_trailing_newline=True,
    )
    return environment.get_template(name)


def _piece(shown: View, size: str, points: float, environment: str) -> str:
    keys = [escape(key) for key in shown.keys]
    heads = [_stacked(headed(head, column_width(shown, i, points), points)) for i, head in enumerate(shown.heads)]
    labels = "".join(f"p{{{label_width(shown, i, points):.0f}pt}}" for i in range(len(keys)))
    return _template("table.tex.j2").render(
        name=shown.name,
        caption=escape(shown.caption),
        size=size,
        environment=environment,
        layout=labels + "r" * len(heads),
        heads=[*keys, *heads],
        rows=[_row(row) for row in shown.rows],
        notes=" ".join(map(escape, shown.notes)),
    )


def _row(row: Row) -> dict[str, object]:
    below = [f"{{\\scriptsize {escape(cell.interval)}}}" if cell.interval else "" for cell in row.cells]
    return {
        "opens": row.opens,
        "cells": [*(_breakable(label) for label in row.shown), *map(_figure, row.cells)],
        "below": [*[""] * len(row.labels), *below] if any(below) else [],
    }


def _breakable(label: str) -> str:
    return r"\newline ".join(escape(line) for line in wrapped(label)) if label else ""


def _figure(cell: Cell) -> str:
    text = f"\\textbf{{{escape(cell.text)}}}" if cell.best else escape(cell.text)
    return text + (f"\\textsuperscript{{{escape(cell.marks)}}}" if cell.marks else "")


def _stacked(lines: Iterable[str]) -> str:
    lines = list(map(escape, lines))
    stacked = r" \\ ".join(lines)
    return lines[0] if len(lines) == 1 else f"\\shortstack[r]{{{stacked}}}"
