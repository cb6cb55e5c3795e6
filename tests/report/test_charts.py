"""Figures: few series a panel, no two alike, curves of one attack as one line, the same bytes at every call."""

from __future__ import annotations

import numpy as np
import pytest

from robustrank.analysis.catalogue import catalogue_of
from robustrank.analysis.entries import Entry
from robustrank.analysis.estimated import RenderedTable, TableRow, Value
from robustrank.report.chart import Chart
from robustrank.report.charts import PANELS, SERIES, charts
from robustrank.report.plots import drawable, drawn, look, saved
from robustrank.tables import Column, Figure
from tests.report_rows import entries, frame, relabelled, row

SCATTER = Figure("f", "F", "scatter", (Column("x", ()), Column("y", ())))
BUDGET = Figure(
    "budget", "F", "lines", (Column("budget", ()), Column("ASR", ()), Column("control", ())), x="column", merged="x",
    dashed=("control",),
)  # fmt: skip


def rendered(values, rows=("ranker", "defense"), titles=("x", "y")):
    columns = tuple(Column(title, ()) for title in titles)
    lines = tuple(
        TableRow(entries(*keys), tuple(Value(v, None if v is None else (v - 0.1, v + 0.1)) for v in of_line))
        for keys, of_line in values.items()
    )
    return RenderedTable("f", "C.", "", rows, "", columns, lines)


def of_run(rows):
    rows = rows if not isinstance(rows, list) else frame(rows)
    figures = catalogue_of(rows, rounds=0).figures()
    return {chart.name: chart for figure, values in figures for chart in charts(figure, values)}


def test_attacks_that_differ_in_their_size_are_one_line_and_each_unit_has_a_figure():
    budgets = {
        "word-substitution:max_words=5,table=minilm": 5,
        "word-substitution:max_words=10,table=minilm": 10,
        "word-substitution:max_words=5,table=wordnet": 5,
        "keyword-stuffing:repeats=1,seed=1": 1,
        "keyword-stuffing:repeats=2,seed=1": 2,
        "random-edit": 3,
    }
    values = {(attack, "bm25"): (size, 0.5, 0.1) for attack, size in budgets.items()}
    shown = charts(BUDGET, rendered(values, ("attack", "ranker"), ("budget", "ASR", "control")))
    assert {chart.name: list(chart.looks) for chart in shown if chart.panels} == {
        "budget-max_words": ["word-substitution:table=minilm"],
        "budget-repeats": ["keyword-stuffing"],
    }
    assert shown[0].x_title == "max words"


def test_curves_hold_the_values_of_the_table_and_draw_integers_alone():
    values = {
        (f"a:size={size}", ranker, "none"): (size, success, control)
        for ranker in ("bm25", "minilm")
        for size, success, control in ((1, 0.2, 0.1), (5, 0.6, 0.3))
    }
    (chart,) = charts(BUDGET, rendered(values, ("attack", "ranker", "defense"), ("budget", "ASR", "control")))
    assert list(chart.panels) == ["bm25", "minilm"]
    points = [(point.x, point.y, point.dashed) for point in chart.panels["bm25"]]
    assert points == [(1, 0.2, False), (1, 0.1, True), (5, 0.6, False), (5, 0.3, True)]
    axes = drawn(chart).axes[0]
    assert [text.get_text() for text in axes.get_xticklabels()] == ["1", "5"]
    assert [line.get_linestyle() for line in axes.lines] == ["-", "--"]


@pytest.mark.parametrize("attacks", [3, 8, 20])
def test_no_panel_has_more_series_than_can_be_told_apart(attacks):
    values = {
        (f"attack-{a}:size={size}", f"r{r}"): (size, 0.5, 0.1)
        for a in range(attacks)
        for size in (1, 2)
        for r in range(11)
    }
    shown = charts(BUDGET, rendered(values, ("attack", "ranker"), ("budget", "ASR", "control")))
    for chart in shown:
        assert len(chart.panels) <= PANELS
        for points in chart.panels.values():
            assert len({(point.series, point.dashed) for point in points}) <= SERIES
        looks = {look(number) for number in chart.looks.values()}
        assert len(looks) == len(chart.looks)
    lines = {(title, p.series) for chart in shown for title, points in chart.panels.items() for p in points}
    assert len(lines) == attacks * 11, "every line is in some figure"
    assert len({chart.name for chart in shown}) == len(shown)


def test_a_figure_of_few_marks_is_the_tables_job_and_a_gap_is_not_drawn():
    values = {(f"r{i}", "none"): (0.4 + i / 10, 0.5) for i in range(4)}
    (chart,) = charts(SCATTER, rendered(values))
    assert [point.name for points in chart.panels.values() for point in points] == ["r0", "r1", "r2", "r3"]
    assert charts(SCATTER, rendered({**values, ("r3", "none"): (None, 0.5)})) == []


def test_defended_rankers_are_named_by_their_defense():
    values = {("bm25", "none"): (0.4, 0.5), ("bm25", "certdr:samples=200"): (0.3, 0.6)}
    values |= {("minilm", "none"): (0.8, 0.1), ("drmm", "none"): (0.7, 0.2)}
    (chart,) = charts(SCATTER, rendered(values))
    names = {point.name for points in chart.panels.values() for point in points}
    assert names == {"bm25", "bm25 + certdr:samples=200", "minilm", "drmm"}


def test_many_rankers_are_told_apart_by_family_and_name():
    values = {(f"family {i % 4}", f"r{i}", "none"): (i / 10, i / 20) for i in range(10)}
    (chart,) = charts(SCATTER, rendered(values, ("family", "ranker", "defense")))
    assert list(chart.looks) == ["family 0", "family 1", "family 2", "family 3"]
    assert len({p.name for points in chart.panels.values() for p in points}) == 10
    assert len(drawn(chart).legends) == 1


def test_a_figure_says_in_words_what_it_shows():
    values = {(f"r{i}", "none"): (0.4 + i / 10, i / 8) for i in range(4)}
    (chart,) = charts(SCATTER, rendered(values))
    assert chart.alt == "C. 4 points; highest: 0.375 (r3); lowest: 0 (r0)."


def test_any_label_can_be_drawn():
    label = "$x_1$ 北京 \n🙂 {a} \\frac"
    assert drawable(label) == "$x_1$ �� � {a} \\frac"
    lines = tuple(
        TableRow((Entry(f"{label}{i}", f"{label}{i}"), *entries("none")), (Value(0.4), Value(0.5 + i)))
        for i in range(4)
    )
    columns = (Column("x", ()), Column("y", ()))
    (chart,) = charts(SCATTER, RenderedTable("f", "C.", "", ("ranker", "defense"), "", columns, lines))
    assert saved(drawn(chart), "png").startswith(b"\x89PNG")


@pytest.mark.parametrize("kind", ["pdf", "png"])
def test_a_figure_is_the_same_to_the_byte_and_bears_no_date(kind):
    chart = Chart("f", "C.", "lines", {"": _line("a") + _line("b")}, {"a": 0, "b": 1}, "x", "y")
    first = saved(drawn(chart), kind)
    assert first == saved(drawn(chart), kind)
    assert b"CreationDate" not in first


def _line(name):
    (chart,) = charts(
        Figure("f", "F", "lines", (Column("n", ()), Column("y", ())), x="column", series="ranker"),
        RenderedTable("f", "C.", "", ("ranker",), "", (Column("n", ()), Column("y", ())),
                      tuple(TableRow(entries(name), (Value(x), Value(x / 2, (0.1, 0.9)))) for x in (1.0, 2.0))),
    )  # fmt: skip
    return chart.panels[""]


def test_every_task_of_a_study_has_its_figure(study):
    shown = of_run(study)
    names = {"variance", "unseen-queries", "other-corpora", "trade-off-query-attack", "trade-off-document-attack"}
    assert names <= set(shown)
    assert list(shown["variance"].looks) == ["traditional", "learning to rank", "neural", "pretrained"]
    (points,) = shown["unseen-queries"].panels.values()
    rows = study[(study["ranker"] == "lambdamart") & (study["task"] == "ood-query") & (study["group"] == "")]
    means = [rows[rows["condition"] == name].groupby("seed")["value"].mean().mean() for name in ("seen", "unseen")]
    (lambdamart,) = [point for point in points if point.name == "lambdamart"]
    assert [lambdamart.x, lambdamart.y] == pytest.approx(means)
    assert not [point for point in points if point.name == "bm25"]  # it is not trained


def detector_rows(before, after, attack, defense="spamicity-filter"):
    for doc, (clean, attacked) in enumerate(zip(before, after, strict=True)):
        at = {"task": "document-attack", "defense": defense, "attack": attack, "doc_id": f"d{doc}"}
        for condition, score in (("clean", clean), ("attacked", attacked)):
            yield row("anomaly_score", score, f"q{doc}", condition=condition, **at)
            yield row("flagged", score > 5, f"q{doc}", condition=condition, **at)
        yield row("AUC", np.mean([attacked > score for score in before]), f"q{doc}", **at)


def test_a_detector_has_its_roc_curves():
    before, after = range(10), [7.5, *range(11, 20)]
    rows = [*detector_rows(before, after, "one"), *detector_rows(before, before, "two")]
    (points,) = of_run(rows)["roc"].panels.values()
    one = {point.x: point.y for point in points if point.series == "one" and not point.name}
    assert (one[0.15], one[0.2]) == (0.9, 1)
    assert [(point.x, point.y) for point in points if point.series == "one" and point.name] == [(0.4, 1)]
    assert all(point.y <= point.x for point in points if point.series == "two")
    by_name = {table.name: table for table in catalogue_of(frame(rows), rounds=0).tables}
    table = by_name["document-attack-detection"]
    assert [column.title for column in table.columns][-1] == "detection rate at FPR 5 %"
    assert [line.values[-1].estimate for line in table.lines] == [0.9, 0]


def imitation_rows(agreement):
    for queries, values in agreement.items():
        at = {"task": f"imitation:surrogate=knrm,queries={queries}", "ranker": "minilm"}
        yield row("queries", 100 * queries, "", group="prepare", **at)
        for number, value in enumerate(values):
            yield row("overlap@10", value, f"q{number}", **at)
            yield row("RBO", value / 2, f"q{number}", **at)


@pytest.mark.parametrize("labels", [{}, {"imitation:surrogate=knrm,queries=30": "a: queries=3"}])
def test_an_imitation_has_its_curve_of_agreement(labels):
    rows = [*imitation_rows({3: [0.2, 0.4], 30: [0.5, 0.7]}), row("AP", 0.5, "q0")]
    chart = of_run(list(relabelled(rows, labels)))["imitation"]
    assert list(chart.panels) == ["minilm"]  # nobody imitated the other
    lines = {}
    for point in chart.panels["minilm"]:
        lines.setdefault(point.series.partition(", ")[2], []).append((point.x, pytest.approx(point.y)))
    assert lines == {"overlap@10": [(300, 0.3), (3000, 0.6)], "RBO": [(300, 0.15), (3000, 0.3)]}


def test_one_imitation_makes_no_curve():
    assert "imitation" not in of_run(list(imitation_rows({3: [0.2, 0.4]})))
