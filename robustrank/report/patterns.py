"""Replaces the "*" of declared tables and columns by what they match among the measures that rows hold."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace

from robustrank.report.tables import Column, Table
from robustrank.report.unit_table import natural

_STAR = re.compile(r"\*+")


def tables(table: Table, measures: Collection[str]) -> Iterator[Table]:
    """Yield the table for each match of its ``each``; columns without a measured value are left out."""
    if not table.each:
        yield replace(table, columns=tuple(columns(table.columns, measures)))
        return
    for text in _matches([table.each], measures):
        own = tuple(columns((_named(column, text) for column in table.columns), measures))
        name, caption = (_replaced(rowset, text) for rowset in (table.name, table.caption))
        yield replace(table, name=name, caption=caption, columns=own)


def columns(declared: Iterable[Column], measures: Collection[str]) -> Iterator[Column]:
    """Yield a column for each match of its "*"; none where a measure it needs is not among ``measures``."""
    for column in declared:
        if any("*" in name for name in column.measures):
            yield from (_named(column, text) for text in _matches(column.measures, measures))
        elif {*column.measures, *column.reference} <= set(measures):
            yield column


def _matches(patterns: Iterable[str], measures: Collection[str]) -> list[str]:
    """Return the texts that "*" can stand for, so that every pattern is a measure."""
    forms = [re.compile(re.escape(pattern).replace(r"\*", "([^/]+)")) for pattern in patterns if "*" in pattern]
    found = [{match[1] for name in measures if (match := form.fullmatch(name))} for form in forms]
    fixed = {pattern for pattern in patterns if "*" not in pattern}
    return sorted(set.intersection(*found), key=lambda text: natural(text.casefold())) if fixed <= set(measures) else []


def _named(column: Column, text: str) -> Column:
    measures = tuple(_replaced(name, text) for name in column.measures)
    return replace(column, title=_replaced(column.title, text), measures=measures)


def _replaced(pattern: str, text: str) -> str:
    """Put ``text`` where "*" stands, and leave of each "**" a "*" for the columns' own matches."""
    return _STAR.sub(lambda match: text if match[0] == "*" else "*", pattern)
