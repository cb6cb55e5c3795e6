"""Which columns and tables the rows of a run allow: the declared ones, with values for their wildcards."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from robustrank.analysis.order import natural
from robustrank.rows import Fact
from robustrank.tables import EACH, TABLE, Column, Table


def expand_tables(table: Table, facts: Collection[Fact], labels: Mapping[str, str]) -> Iterator[Table]:
    """Yield the table for each value of its wildcard; columns without a measured value are left out.

    Args:
        table: As declared.
        facts: What has values in the rows.
        labels: What is printed for a ``group``; others are printed as they are.
    """
    if table.each is None:
        yield replace(table, columns=tuple(expand_columns(table.columns, facts, labels)))
        return
    for value in _in_order(table.each.values(TABLE, facts)):
        columns = [_bound(column, TABLE, value, labels) for column in table.columns]
        texts = {name: getattr(table, name).replace(TABLE, str(value)) for name in ("name", "title")}
        headline = table.headline if table.headline_of in ("", str(value)) else 0
        yield replace(table, **texts, headline=headline, columns=tuple(expand_columns(columns, facts, labels)))


def expand_columns(declared: Iterable[Column], facts: Collection[Fact], labels: Mapping[str, str]) -> Iterator[Column]:
    """Yield a column for each value of its wildcard; none where a fact that it needs is not among ``facts``."""
    known = set(facts)
    for column in declared:
        free = [select.values(EACH, known) for select in column.measures if select.has(EACH)]
        several = [_bound(column, EACH, value, labels) for value in _in_order(set.intersection(*free))] if free else []
        yield from (c for c in (several if free else [column]) if {*c.facts, *c.reference_facts} <= known)


def _bound(column: Column, wildcard: str, value: Any, labels: Mapping[str, str]) -> Column:
    measures = tuple(select.bound(wildcard, value) for select in column.measures)
    texts = {
        name: getattr(column, name).replace(wildcard, labels.get(str(value), str(value))) for name in ("title", "id")
    }
    return replace(column, **texts, measures=measures)


def _in_order(values: Iterable[Any]) -> list[Any]:
    return sorted(values, key=lambda value: natural(str(value)))
