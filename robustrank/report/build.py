"""Builds every table that rows allow: those declared for their task, or means where a task declares none."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from robustrank.errors import UsageError, nearest
from robustrank.printing import printable, slug
from robustrank.report.catalogue import FAMILIES, TABLES
from robustrank.report.certified import with_attacks
from robustrank.report.entries import Entry, fact_text
from robustrank.report.estimate import Settings, estimate_table
from robustrank.report.families import families
from robustrank.report.order import natural
from robustrank.report.rowset import RowSet
from robustrank.report.selection import Select, expand_tables
from robustrank.report.summary import summary
from robustrank.report.tables import Column, RenderedTable, Table
from robustrank.report.unit_table import ordered

_WIDTH = 8  # columns of a table of means


def settings_for(rowset: RowSet, baseline: str | None, seed: int = 0) -> Settings:
    """Return how to count: against the ranker labelled ``baseline``, or the first of the tables where none is named.

    Raises:
        UsageError: No row is about the baseline.
    """
    rankers = {entry.label: entry for entry in rowset.present("ranker")}
    if baseline is None:
        return Settings(rowset.entries["ranker"][ordered(rowset.rows, ("ranker",), rowset.entries)[0][0]], seed)
    if printable(baseline) not in rankers:
        raise UsageError(
            f"no row is about the baseline {baseline!r}", allowed=", ".join(rankers), hint=nearest(baseline, rankers)
        )
    return Settings(rankers[printable(baseline)], seed)


def make_tables(rowset: RowSet, settings: Settings) -> list[RenderedTable]:
    """Return the report's tables: for each collection the summary, the ranks of families, then each task's."""
    tables: list[RenderedTable] = []
    for collection in rowset.present("collection"):
        for table, rows in _declared(rowset.restricted("collection", collection)):
            name = unique(f"{table.name}-{rows.setting}-{collection.label}", {t.name for t in tables})
            if table.name == FAMILIES.name:
                rankers = estimate_table(replace(table, name=name), rows, replace(settings, rounds=0))
                tables += filter(None, [families(rankers)])
            else:
                tables.append(estimate_table(replace(table, name=name), rows, settings))
    return tables


def overviews(rowset: RowSet, settings: Settings) -> Iterator[RenderedTable]:
    """Yield the first table of each collection, without tests: the summary, or where it is empty a task's."""
    for collection in rowset.present("collection"):
        table, rows = next(_declared(rowset.restricted("collection", collection)))
        columns = tuple(replace(column, compare=False, paired=False) for column in table.columns)
        yield estimate_table(replace(table, columns=columns), rows, settings)


def _declared(rowset: RowSet) -> Iterator[tuple[Table, RowSet]]:
    """Yield the tables of one collection, each with the rows it is made of."""
    for declared in (None, FAMILIES):
        overview, fair = summary(rowset, declared) if declared else summary(rowset)
        if overview.columns:
            yield overview, fair
    for task in sorted(rowset.tasks, key=_task_order):
        rows = with_attacks(rowset, task)
        for table in _tables(task, rows):
            columns = tuple(replace(column, task_key=task.key) for column in table.columns)
            yield replace(table, columns=columns), rows


def _task_order(task: Entry) -> tuple[int, list[tuple[int, float, str]]]:
    known = [table.task for table in TABLES]
    return known.index(task.name) if task.name in known else len(known), natural(task.key)


def _tables(task: Entry, rowset: RowSet) -> list[Table]:
    """Return the tables declared for the task that have columns; where there are none, tables of means."""
    declared = [table for table in TABLES if table.task == task.name]
    tables = [t for table in declared for t in expand_tables(table, rowset.facts, rowset.group_labels) if t.columns]
    return tables or list(_means(task, rowset))


def _means(task: Entry, rowset: RowSet) -> Iterator[Table]:
    """Yield tables of means; one without columns where nothing was measured, whose notes say why."""
    rows = ("attack", "ranker", "defense") if rowset.has("attack") else ("ranker", "defense")
    units = "units" if rowset.has("doc_id") else "queries"
    facts = sorted(rowset.facts, key=lambda fact: natural(fact_text(fact)))
    for start in range(0, max(1, len(facts)), _WIDTH):
        columns = tuple(Column(printable(fact_text(fact)), (Select(*fact),)) for fact in facts[start : start + _WIDTH])
        name = f"{slug(task.name)}-means-{start // _WIDTH + 1}"
        yield Table(
            name, f"Means over {units} of what {printable(task.name)} measured", task.name, columns, rows, units
        )


def unique(text: str, taken: set[str]) -> str:
    """Return ``text`` as a short file name that is not among those taken."""
    number, name = 2, slug(text)
    while name in taken:
        name, number = f"{slug(text)}-{number}", number + 1
    return name
