"""The headline of a report: 20 lines at 80 columns, no figure cut, and what is left out counted."""

from __future__ import annotations

import re

import pytest
from rich.cells import cell_len

from robustrank.analysis.catalogue import catalogue_of
from robustrank.analysis.estimated import RenderedTable, TableRow, Value
from robustrank.analysis.load import load_rows
from robustrank.report.terminal import headline, written
from robustrank.report.view import view
from robustrank.tables import Column
from tests.report_rows import entries, relabelled, row


def table(rows: int, columns: int, title: str = "change of nDCG@10, document attacks number {}") -> RenderedTable:
    heads = tuple(Column(title.format(i), (), digits=3) for i in range(columns))
    lines = tuple(
        TableRow(
            entries("lee", "pretrained", f"a ranker with a long label {i}", "none"), (Value(-12345.678),) * columns
        )
        for i in range(rows)
    )
    return RenderedTable("t", "C.", "", ("collection", "family", "ranker", "defense"), "", heads, lines)


def shown(folder, width, baseline=None):
    return headline(catalogue_of(load_rows(folder), baseline=baseline, rounds=0), width)


@pytest.mark.parametrize("width", [60, 80, 200])
@pytest.mark.parametrize(("rows", "columns"), [(1, 1), (4, 6), (300, 2), (30, 40)])
def test_it_is_as_wide_and_as_long_as_allowed_and_counts_what_is_left_out(width, rows, columns):
    lines = list(written(view(table(rows, columns)), width, 18))
    assert len(lines) <= 18
    assert max(map(cell_len, lines)) <= width
    figures = [re.findall(r"\S+$|−\S+", line) for line in lines if "…" in line or "label" in line]
    shown = {len(line) for line in figures}
    assert {figure for line in figures for figure in line} == {"−12345.678"}, "no figure is cut"
    left = re.findall(r"(\d+) more (row|column)s?", lines[-1])
    assert len(shown) == 1
    assert dict.fromkeys(kind for _, kind in left) == dict.fromkeys(
        kind for kind, all_ in (("row", rows - len(figures)), ("column", columns - shown.pop())) if all_
    )
    assert all(
        int(count) == {"row": rows - len(figures), "column": columns - len(figures[0])}[kind] for count, kind in left
    )


def test_the_summary_of_a_run_has_a_line_for_each_ranker(small_run):
    text = "\n".join(shown(small_run, 80, "bm25"))
    assert "nDCG@10" in text
    assert "bm25 " in text
    assert "family" not in text


def test_collections_are_lines_of_one_table_and_a_gap_is_no_zero(write):
    rows = [row("nDCG@10", 0.25, "q1"), row("nDCG@10", 0.5, "q1", collection="c2"), row("AP", 0.5, "q1")]
    folder = write(rows)
    lines = shown(folder, 80)
    assert [line.split() for line in lines if line.startswith("bm25")] == [
        ["bm25", "·", "c2", ".500", "–"],
        ["bm25", "·", "lee", ".250", ".000"],
    ]


def test_a_run_without_a_summary_shows_the_first_table_of_its_task(write):
    lines = shown(write([row("theirs", 2.0, task="theirs")]), 80)
    assert any("theirs" in line for line in lines)
    assert any(line.split() == ["bm25", "1", "2.000"] for line in lines)


def test_a_run_that_measured_nothing_says_so(write):
    assert shown(write([row("AP", None, status="skipped", note="why")]), 80) == [
        "nothing was measured: the report says why"
    ]


def test_labels_of_wide_characters_keep_the_columns(write):
    folder = write(relabelled([row("nDCG@10", 0.25, "q1")], {"bm25": "検索" * 30}))
    lines = shown(folder, 60)
    assert max(map(cell_len, lines)) <= 60
    assert any(line.endswith(".250") for line in lines)
