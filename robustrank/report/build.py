"""Makes every table that rows allow: those declared for their task, and for whatever is left, plain means."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

import pandas as pd

from robustrank.errors import UsageError, nearest
from robustrank.report import patterns
from robustrank.report.catalogue import FAMILIES, TABLES
from robustrank.report.certified import with_attacks
from robustrank.report.estimate import Settings, fill
from robustrank.report.families import families
from robustrank.report.notes import missing_notes
from robustrank.report.rowset import RowSet
from robustrank.report.summary import summary
from robustrank.report.tables import Column, RenderedTable, Table
from robustrank.report.unit_table import NONE, UnitTable, first_ranker, natural, ordered, plug_in

_WIDTH = 8  # columns of a table of plain means


def settings_for(rows: pd.DataFrame, baseline: str | None, seed: int = 0) -> Settings:
    """Return how to count: against ``baseline``, or the first ranker of the tables where none is named.

    Raises:
        UsageError: No row speaks of the baseline.
    """
    rankers = sorted(set(rows["ranker"]))
    if baseline is not None and baseline not in rankers:
        raise UsageError(
            f"no row is about the baseline {baseline!r}", allowed=", ".join(rankers), hint=nearest(baseline, rankers)
        )
    return Settings(first_ranker(rows) if baseline is None else baseline, seed)


def make_tables(rows: pd.DataFrame, settings: Settings) -> list[RenderedTable]:
    """Return the report's tables: for each collection the summary, then each task's; the plain ones last."""
    made: list[RenderedTable] = []
    for collection in sorted(set(rows["collection"]), key=natural):
        for table, rowset in _declared(RowSet(rows[rows["collection"] == collection])):
            name = unique(f"{table.name}-{collection}", {other.name for other in made})
            caption = f"{table.caption} Collection {collection}; {', '.join(rowset.tasks)}."
            named = replace(table, name=name, caption=caption)
            if table.name == FAMILIES.name:
                made += filter(None, [families(fill_part(named, rowset, replace(settings, rounds=0)))])
            else:
                made.append(fill_part(named, rowset, settings))
    return sorted(made, key=lambda table: table.further)


def fill_part(table: Table, rowset: RowSet, settings: Settings) -> RenderedTable:
    """Return a declared table with the figures of the part's rows."""
    undefended = not set(rowset.rows["defense"]) - {NONE}
    keys = tuple(key for name in table.rows if not (name == "defense" and undefended) for key in _with_family(name))
    # A line that was only ever skipped does not apply; the notes say why.
    lines = ordered(rowset.rows[rowset.rows["status"] != "skipped"], keys)
    return fill(
        replace(table, rows=keys), UnitTable(rowset.measured, keys), lines, settings, missing_notes(rowset.rows)
    )


def _with_family(key: str) -> tuple[str, ...]:
    return ("family", key) if key == "ranker" else (key,)


def _declared(rowset: RowSet) -> Iterator[tuple[Table, RowSet]]:
    """Yield the tables of one collection, each with the rows it is made of."""
    overview, fair = summary(rowset)
    if overview.columns:
        yield overview, fair
    ranked, fair = summary(rowset, FAMILIES)
    if ranked.columns:
        yield ranked, fair
    for task in sorted(rowset.tasks, key=_task_order):
        own, setting = with_attacks(rowset, task), rowset.setting(task)
        for table in _tables(task, own):
            columns = tuple(replace(column, task=task) for column in table.columns)
            yield replace(table, columns=columns, name=f"{table.name}-{setting}"), own


def _task_order(label: str) -> tuple[int, list[tuple[int, int, str]]]:
    known = [table.task for table in TABLES]
    name = plug_in(label)
    return known.index(name) if name in known else len(known), natural(label)


def _tables(task: str, rowset: RowSet) -> list[Table]:
    """Return the tables of one task: declared ones, then plain means of what these leave."""
    found = [
        made for table in TABLES if table.task == plug_in(task) for made in patterns.tables(table, rowset.measures)
    ]
    found = [table for table in found if table.columns]
    used = {name for table in found for column in table.columns for name in column.measures}
    left = sorted(rowset.measures - used, key=natural)
    return found if found and not left else [*found, *_plain(task, rowset, left, further=bool(found))]


def _plain(task: str, rowset: RowSet, measures: Sequence[str], further: bool) -> Iterator[Table]:
    """Yield tables of means; one without columns where nothing was measured, whose notes say why."""
    rows = ("attack", "ranker", "defense") if rowset.has("attack") else ("ranker", "defense")
    units = "units" if rowset.has("doc_id") else "queries"
    for start in range(0, max(1, len(measures)), _WIDTH):
        columns = tuple(Column(name, (name,)) for name in measures[start : start + _WIDTH])
        name = f"{plug_in(task)}-measures-{start // _WIDTH + 1}"
        yield Table(name, "Means of measures.", plug_in(task), columns, rows, units, further=further)


def unique(text: str, taken: set[str]) -> str:
    """Return ``text`` as a file name that is not among those taken."""
    slug = re.sub(r"[^a-z0-9]+", "-", text.casefold()).strip("-") or "table"
    number, name = 2, slug
    while name in taken:
        name, number = f"{slug}-{number}", number + 1
    return name
