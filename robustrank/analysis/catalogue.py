"""Which tables and figures a run has: those of its tasks, those of its experiment, and a summary over all tasks."""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import pandas as pd

from robustrank.analysis.entries import Entry, numbered
from robustrank.analysis.estimate import Estimates, Settings, compact
from robustrank.analysis.estimated import RenderedTable
from robustrank.analysis.order import natural
from robustrank.analysis.ranks import NOTE, TITLES, ranked
from robustrank.analysis.rowset import RowSet
from robustrank.analysis.selection import expand_columns, expand_tables
from robustrank.analysis.unit_table import ordered
from robustrank.analysis.user_tables import user_table
from robustrank.errors import RobustrankError, UsageError, nearest
from robustrank.notices import notice
from robustrank.plugins import find
from robustrank.printing import printable, slug
from robustrank.report_settings import Report
from robustrank.rows import Fact, fact_text
from robustrank.tables import Column, Figure, Select, Table, TaskReport

HEADLINES = 4  # tables in front; the others stand in the appendix
_WIDTH = 8  # columns of a table of means
SUMMARY = Table(
    name="summary",
    title="Summary: one row per ranker, one figure per task",
    columns=(),
    rows=("family", "ranker", "defense"),
    units="",
    note="Figures of attacks are means over the attacks, whatever their budgets.",
    place=("collection",),
)


@dataclass
class Catalogue:
    """The tables and figures of a run.

    Attributes:
        rowset: Its rows, with those that tasks derive from the rows of others.
        settings: How to count.
        report: The tables that the experiment declares, and those it has in front.
        reports: What each task shows, by its plug-in name.
    """

    rowset: RowSet
    settings: Settings
    report: Report
    reports: Mapping[str, TaskReport]

    @cached_property
    def estimates(self) -> Estimates:
        """What computes the figures, each once."""
        return Estimates(self.rowset, self.settings)

    @cached_property
    def whole_tables(self) -> tuple[RenderedTable, ...]:
        """All tables with all their axes, the headline tables first.

        Raises:
            UsageError: The experiment names an unknown headline table, or a table has an unknown column.
        """
        tables: dict[str, RenderedTable] = {}
        for table in self._all():
            name = unique(table.name, tables)
            tables[name] = replace(table, name=name)
        if self.report.headline is None:
            front = sorted((t for t in tables.values() if t.headline), key=lambda t: t.headline)[:HEADLINES]
        else:
            for name in self.report.headline:
                if name not in tables:
                    allowed, hint = ", ".join(tables), nearest(name, tables)
                    raise UsageError(f"report: headline: no table {name!r}", allowed=allowed, hint=hint)
            front = [tables[name] for name in self.report.headline]
        names = {table.name for table in front}
        rest = (table for name, table in tables.items() if name not in names)
        return (
            *(replace(table, headline=place) for place, table in enumerate(front, start=1)),
            *(replace(table, headline=0) for table in rest),
        )

    @cached_property
    def tables(self) -> tuple[RenderedTable, ...]:
        """All tables as they are shown: without axes on which no row differs, as a lone collection."""
        return tuple(map(compact, self.whole_tables))

    def figures(self) -> Iterator[tuple[Figure, RenderedTable]]:
        """Yield the figures that rows allow, each with the values it shows."""
        for name, report in self.reports.items():
            rows = self.rowset.of_task(name)
            for figure in report.figures:
                columns = tuple(_every(figure.columns, rows.facts))
                if columns and (figure.kind == "lines" or len(columns) == len(figure.columns)):
                    shown = replace(figure, columns=columns, task=name)
                    axes = figure.rows if figure.kind == "lines" else ("family", *figure.rows)
                    table = Table(figure.name, figure.title, columns, axes, task=name)
                    yield shown, compact(self.estimates.table(table))

    @cached_property
    def columns(self) -> dict[str, list[Column]]:
        """Return all declared columns that rows allow by what they are called, for tables of users and for gates."""
        known: dict[str, list[Column]] = {}
        for name, report in self.reports.items():
            rows = self.rowset.of_task(name)
            declared = [t for table in report.tables for t in expand_tables(table, rows.facts, rows.group_labels)]
            summary = expand_columns(report.summary, rows.facts, rows.group_labels)
            for column in [*(c for table in declared for c in table.columns), *summary]:
                alike = known.setdefault(column.key, [])
                if all((c.task, c.measures) != (name, column.measures) for c in alike):
                    alike.append(replace(column, task=name))
        return known

    def _all(self) -> Iterator[RenderedTable]:
        summary, fair = self._summary()
        if summary.columns:
            whole = len(fair.rows) == len(self.rowset.rows)  # a figure of other rows is another figure
            estimates = Estimates(fair, self.settings, self.estimates.values if whole else {})
            yield replace(estimates.table(summary), headline=1)
            robust = tuple(c for c in summary.columns if c.higher_is_better is not None and not c.effectiveness)
            for axis, name in (("ranker", "ranks"), ("family", "families")):
                of_rankers = replace(summary, name=name, title=TITLES[axis], note=NOTE, columns=robust)
                ranks = ranked(estimates.table(of_rankers), axis)
                if ranks is not None:
                    yield ranks
        for number, declared in enumerate(self.report.tables):
            yield replace(user_table(declared, self.estimates, self.columns), headline=0 if number else 2)
        for name, report in self.reports.items():
            rows = self.rowset.of_task(name)
            for table in _declared(name, report, rows):
                rendered = self.estimates.table(replace(table, task=name))
                yield replace(rendered, headline=table.headline + 1 if table.headline else 0)

    def _summary(self) -> tuple[Table, RowSet]:
        """Return the summary, and the rows it is made of: of the attacks that every ranker and defense has met.

        A mean over easy attacks for one ranker and hard ones for another would rank nothing.
        """
        fair = shared_conditions(self.rowset)
        columns: list[Column] = []
        met = []
        for name, report in self.reports.items():
            for task in (task for task in self.rowset.tasks if task.name == name):
                rows = fair.restricted("task", task)
                setting = self.rowset.settings()[task.key]
                for column in expand_columns(report.summary, rows.facts, rows.group_labels):
                    title = f"{column.title} ({setting})" if setting else column.title
                    columns.append(replace(column, title=title, task=name, task_key=task.key))
                if report.summary and self.rowset.restricted("task", task).has("attack"):
                    shared = ", ".join(attack.label for attack in rows.present("attack")) or "none"
                    met.append(f"{task.label}: {shared}")
        columns.sort(key=lambda column: not column.effectiveness)
        note = f"{SUMMARY.note} Attacks made on every row, over which means are taken: {'; '.join(met)}." if met else ""
        return replace(SUMMARY, columns=tuple(columns), note=note), fair


def catalogue_of(
    frame: pd.DataFrame, report: Report | None = None, baseline: str | None = None, **settings: int
) -> Catalogue:
    """Return the tables and figures of the rows of :func:`robustrank.analysis.load.load_rows`.

    Args:
        frame: The rows.
        report: What the experiment says of its report.
        baseline: The label of the ranker others are tested against, in place of the experiment's; without any it is
            the first of the tables.
        settings: As :class:`robustrank.analysis.estimate.Settings` has them.

    Raises:
        UsageError: No row is about the baseline.
    """
    report = report or Report()
    rowset = RowSet.of_run(frame)
    chosen = Settings(_baseline(rowset, baseline or report.baseline), **settings)
    reports = {task.name: report_of(task) for task in rowset.tasks}
    derived = [derive(rowset, task).rows for task in rowset.tasks if (derive := reports[task.name].derive) is not None]
    if derived:
        rest = rowset.rows[~rowset.rows["task"].isin({key for rows in derived for key in rows["task"].unique()})]
        rowset = replace(rowset, rows=numbered(pd.concat([rest, *derived], ignore_index=True)))
    return Catalogue(rowset, chosen, report, reports)


def unique(text: str, taken: Container[str]) -> str:
    """Return ``text`` as a short file name that is not among those taken."""
    number, name = 2, slug(text)
    while name in taken:
        name, number = f"{slug(text)}-{number}", number + 1
    return name


def report_of(task: Entry) -> TaskReport:
    """Return what a task shows; nothing where its plug-in is not installed, which is said."""
    try:
        report: TaskReport = find("task", task.name).report()
    except RobustrankError as error:
        notice(f"task {task.name!r} is not installed here, so its tables are means of what it measured: {error.what}")
        return TaskReport()
    return report


def shared_conditions(rowset: RowSet) -> RowSet:
    """Return the rows of the attacks that were measured on every ranker and defense that any was measured on."""
    rows, measured = rowset.rows, rowset.measured
    is_shared = pd.Series(True, index=rows.index)
    for (collection, task), here in measured.groupby(["collection", "task"], observed=True):
        met = [set(attacks) for _, attacks in here.groupby(["ranker", "defense"], observed=True)["attack"]]
        others = (rows["task"] != task) | (rows["collection"] != collection)
        is_shared &= others | rows["attack"].isin(set.intersection(*met))
    return replace(rowset, rows=rows[is_shared])


def _baseline(rowset: RowSet, label: str | None) -> Entry:
    rankers = {entry.label: entry for entry in rowset.present("ranker")}
    if label is None:
        return rowset.entries["ranker"][ordered(rowset.rows, ("ranker",), rowset.entries)[0][0]]
    if printable(label) not in rankers:
        what = f"no row is about the baseline {label!r}"
        raise UsageError(what, allowed=", ".join(rankers), hint=nearest(label, rankers))
    return rankers[printable(label)]


def _declared(name: str, report: TaskReport, rows: RowSet) -> list[Table]:
    """Return the tables of a task that have columns; where there are none, tables of means."""
    tables = [t for table in report.tables for t in expand_tables(table, rows.facts, rows.group_labels) if t.columns]
    return tables or list(_means(name, rows))


def _means(name: str, rowset: RowSet) -> Iterator[Table]:
    """Yield tables of means; one without columns where nothing was measured, whose notes say why."""
    rows = ("attack", "ranker", "defense") if rowset.has("attack") else ("ranker", "defense")
    units = "units" if rowset.has("doc_id") else "queries"
    facts = sorted(rowset.facts, key=lambda fact: natural(fact_text(fact)))
    for start in range(0, max(1, len(facts)), _WIDTH):
        columns = tuple(Column(printable(fact_text(fact)), (Select(*fact),)) for fact in facts[start : start + _WIDTH])
        title = f"Means over {units} of what {printable(name)} measured"
        at = f"{slug(name)}-means-{start // _WIDTH + 1}"
        yield Table(at, title, columns, rows, units, headline=0 if start else HEADLINES)


def _every(columns: tuple[Column, ...], facts: frozenset[Fact]) -> Iterator[Column]:
    """Yield the columns of a figure, one for every combination of values of its wildcards."""
    for column in columns:
        wild = [name for name in Fact._fields if str(getattr(column.measures[0], name)) in ("{each}", "{table}")]
        if not wild:
            yield from expand_columns([column], facts, {})
            continue
        fixed = {n: v for n, v in column.measures[0].fact._asdict().items() if n not in wild}
        for fact in sorted(facts, key=lambda fact: natural(fact_text(fact))):
            values = fact._asdict()
            if all(values[n] == v for n, v in fixed.items()) and all(values[n] not in (None, "") for n in wild):
                yield replace(column, title=fact_text(fact), measures=(Select(*fact),))
