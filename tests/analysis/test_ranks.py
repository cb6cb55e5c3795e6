"""Families of rankers, ranked task by task."""

from __future__ import annotations

from dataclasses import replace

import pytest

from robustrank.analysis.catalogue import catalogue_of
from robustrank.analysis.estimated import RenderedTable, TableRow, Value
from robustrank.analysis.ranks import mean_rank, ranked, ranks_of
from robustrank.report import markdown
from robustrank.report.view import view
from robustrank.tables import Column
from tests.report_rows import entries


def test_families_worked_out_by_hand():
    columns = (
        Column("VNAP", (), higher_is_better=False, task="iid-variance"),
        Column("drop", (), higher_is_better=True, task="document-attack"),
        Column("success", (), higher_is_better=False, task="document-attack"),
    )
    figures = {
        ("traditional", "bm25", "none"): (0.2, None, 0.4),
        ("traditional", "ql", "none"): (0.4, None, 0.6),
        ("neural", "drmm", "none"): (0.3, -0.2, 0.7),
        ("pretrained", "bert", "none"): (0.1, -0.1, 0.9),
        ("pretrained", "bert", "certdr"): (0.9, -0.9, 0.0),  # defended: not counted
    }
    lines = tuple(TableRow(entries(*keys), tuple(Value(value) for value in values)) for keys, values in figures.items())
    table = RenderedTable("f", "C.", "L.", ("family", "ranker", "defense"), "", columns, lines)
    by_family = ranked(table, "family")
    assert [column.title for column in by_family.columns] == [
        "VNAP",
        "rank, VNAP",
        "drop",
        "rank, drop",
        "success",
        "rank, success",
        "mean rank",
    ]
    assert [line.units for line in by_family.lines] == [2, 1, 1]
    assert {line.labels[0]: [value.estimate for value in line.values] for line in by_family.lines} == {
        "traditional": [pytest.approx(0.3), 2.5, None, None, 0.5, 1, 1.75],  # (2.5 + 1) / 2
        "neural": [0.3, 2.5, -0.2, 2, 0.7, 2, 2.25],  # (2.5 + (2 + 2) / 2) / 2
        "pretrained": [0.1, 1, -0.1, 1, 0.9, 3, 1.5],  # (1 + (1 + 3) / 2) / 2
    }


def test_ties_share_a_rank_and_who_has_no_figure_has_no_rank():
    figures = {("", "a"): [0.1, 0.3], ("", "b"): [0.2], ("", "c"): [0.5], ("", "d"): []}
    ranks = ranks_of(figures, higher_is_better=False)
    assert ranks == {("", "a"): 1.5, ("", "b"): 1.5, ("", "c"): 3}
    assert mean_rank({}) is None


def test_the_report_ranks_families_of_every_task(study):
    catalogue = catalogue_of(study, baseline="bm25", rounds=0)
    (table,) = [table for table in catalogue.tables if table.name == "families"]
    at = [column.title for column in table.columns].index("change of nDCG@10, unseen query types")
    losses = {line.labels[0]: line.values[at] for line in table.lines}
    assert losses["traditional"].estimate is None
    ranks = {line.labels[0]: line.values[at + 1].estimate for line in table.lines}
    assert ranks == {"traditional": None, "learning to rank": 1, "neural": 3, "pretrained": 2}
    shown = [line.split("|")[1].strip() for line in markdown.table(view(table)).splitlines() if line.startswith("|")][
        2:
    ]
    assert shown == ["traditional", "learning to rank", "neural", "pretrained"]
    assert "permutation" not in table.legend


def test_rankers_are_ranked_by_what_the_summary_says_of_them():
    columns = (
        Column("VNAP", (), higher_is_better=False, task="a"),
        Column("drop", (), higher_is_better=True, task="b"),
    )
    figures = {"bm25": (0.2, -0.1), "drmm": (0.3, None), "bert": (0.1, -0.3)}
    lines = tuple(TableRow(entries("f", name, "none"), tuple(map(Value, values))) for name, values in figures.items())
    table = RenderedTable("r", "C.", "L.", ("family", "ranker", "defense"), "", columns, lines)
    assert {line.labels[0]: [value.estimate for value in line.values] for line in ranked(table, "ranker").lines} == {
        "bm25": [0.2, 2, -0.1, 1, 1.5],
        "drmm": [0.3, 3, None, None, 3],
        "bert": [0.1, 1, -0.3, 2, 1.5],
    }
    assert ranked(replace(table, lines=lines[:2]), "ranker") is None, "two rankers need no ranks"
