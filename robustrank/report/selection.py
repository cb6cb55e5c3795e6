"""Which rows a column reads: typed values for each column of the schema, with wildcards that make several columns."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from robustrank.report.order import natural
from robustrank.rows import FACT, Fact, cutoff_of

if TYPE_CHECKING:
    from robustrank.report.tables import Column, Table

EACH = "{each}"  # a column for every value that rows hold; is in its title, too
TABLE = "{table}"  # a table for every value; is in names, captions and titles, too


@dataclass(frozen=True)
class Select:
    """The facts a column reads. A field that is left out selects rows that are not about one.

    The cutoff of a measure as nDCG@10 is in its name already and need not be repeated. At most one field each is
    ``EACH`` or ``TABLE``.
    """

    measure: str
    condition: str = ""
    cutoff: int | str | None = None
    k: int | str | None = None
    radius: int | str | None = None
    group: str = ""

    @property
    def fact(self) -> Fact:
        """The one fact that is selected, once wildcards have values."""
        values: dict[str, Any] = {name: getattr(self, name) for name in FACT}
        return Fact(**{**values, "cutoff": self.cutoff or cutoff_of(self.measure)})

    def has(self, wildcard: str) -> bool:
        """Return whether a field is the wildcard."""
        return any(getattr(self, name) == wildcard for name in FACT)

    def bound(self, wildcard: str, value: Any) -> Select:
        """Return the selection with ``value`` for the wildcard."""
        return replace(self, **{name: value for name in FACT if getattr(self, name) == wildcard})

    def values(self, wildcard: str, facts: Iterable[Fact]) -> set[Any]:
        """Return what the wildcard can stand for, so that the selection is among the facts."""
        (name,) = (name for name in FACT if getattr(self, name) == wildcard)
        values = {(getattr(fact, name), fact) for fact in facts}
        return {value for value, fact in values if value not in (None, "") and self.bound(wildcard, value).fact == fact}


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
        texts = {name: getattr(table, name).replace(TABLE, str(value)) for name in ("name", "caption")}
        yield replace(table, **texts, columns=tuple(expand_columns(columns, facts, labels)))


def expand_columns(declared: Iterable[Column], facts: Collection[Fact], labels: Mapping[str, str]) -> Iterator[Column]:
    """Yield a column for each value of its wildcard; none where a fact that it needs is not among ``facts``."""
    for column in declared:
        free = [select.values(EACH, facts) for select in column.measures if select.has(EACH)]
        several = [_bound(column, EACH, value, labels) for value in _in_order(set.intersection(*free))] if free else []
        yield from (c for c in (several if free else [column]) if {*c.facts, *c.reference_facts} <= set(facts))


def _bound(column: Column, wildcard: str, value: Any, labels: Mapping[str, str]) -> Column:
    measures = tuple(select.bound(wildcard, value) for select in column.measures)
    title = column.title.replace(wildcard, labels.get(str(value), str(value)))
    return replace(column, title=title, measures=measures)


def _in_order(values: Iterable[Any]) -> list[Any]:
    return sorted(values, key=lambda value: natural(str(value).casefold()))
