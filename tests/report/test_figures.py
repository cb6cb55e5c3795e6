"""Figures: names beside their points, curves of one attack as one line, the same bytes at every call."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Annotation

from robustrank.report.build import make_tables, settings_for
from robustrank.report.entries import Entry
from robustrank.report.figures import Drawn, draw
from robustrank.report.labels import drawable, label_points
from robustrank.report.plots import budget_curves, style_map, trade_off
from robustrank.report.rowset import RowSet
from robustrank.report.series import series
from robustrank.report.tables import Column, RenderedTable, TableRow, Value

from .conftest import entries, entry, relabelled, row, rowset


def rendered(values, rows=("ranker", "defense")):
    columns = (Column("x", ()), Column("y", ()), Column("budget", ()))[: len(next(iter(values.values())))]
    lines = tuple(
        TableRow(entries(*keys), tuple(Value(v, None if v is None else (v - 0.1, v + 0.1)) for v in of_line))
        for keys, of_line in values.items()
    )
    return RenderedTable("f", "C.", "", rows, "", columns, lines)


def test_no_name_covers_another_or_a_mark():
    rng = np.random.default_rng(2)
    spots = [tuple(spot) for spot in rng.uniform(0.4, 0.6, size=(10, 2))]  # crowded in the middle
    figure = Figure(figsize=(3.33, 2.6))
    canvas, axes = FigureCanvasAgg(figure), figure.add_subplot()
    axes.set(xlim=(0, 1), ylim=(0, 1))
    canvas.draw()
    renderer = canvas.get_renderer()
    label_points(axes, renderer, [f"ranker-{i}" for i in range(10)], spots, [], ["black"] * 10)
    names = [child for child in axes.get_children() if isinstance(child, Annotation) and child.get_text()]
    boxes = [name.get_window_extent(renderer) for name in names]
    assert len(boxes) == 10
    assert not [pair for pair in itertools.combinations(boxes, 2) if pair[0].overlaps(pair[1])]
    assert not [box for box in boxes for spot in spots if box.contains(*axes.transData.transform(spot))]
    frame = axes.get_window_extent(renderer)
    assert all(frame.x0 <= box.x0 and box.x1 <= frame.x1 and frame.y0 <= box.y0 and box.y1 <= frame.y1 for box in boxes)


def test_attacks_that_differ_in_their_size_are_one_series():
    budgets = {
        "word-substitution:max_words=5,table=minilm": 5,
        "word-substitution:max_words=10,table=minilm": 10,
        "word-substitution:max_words=5,table=wordnet": 5,
        "keyword-stuffing:repeats=1,seed=1": 1,
        "keyword-stuffing:repeats=2,seed=1": 2,
        "random-edit": 3,
    }
    assert list(series({entry(text): size for text, size in budgets.items()}).values()) == [
        "word-substitution:table=minilm",
        "word-substitution:table=minilm",
        "word-substitution:max_words=5,table=wordnet",  # alone, by its label
        "keyword-stuffing",
        "keyword-stuffing",
        "random-edit",
    ]


def test_a_point_without_a_figure_is_not_drawn():
    assert trade_off(rendered({("bm25", "none"): (None, 0.5)})) is None
    figure = trade_off(rendered({("bm25", "none"): (0.4, 0.5), ("minilm", "none"): (None, 0.5)}))
    assert [text.get_text() for text in figure.axes[0].texts] == ["bm25"]


def test_defended_rankers_are_named_by_their_defense():
    values = {("bm25", "none"): (0.4, 0.5), ("bm25", "certdr:samples=200"): (0.3, 0.6), ("minilm", "none"): (0.8, 0.1)}
    names = {text.get_text() for text in trade_off(rendered(values)).axes[0].texts} - {""}
    assert names == {"bm25", "bm25 + certdr:samples=200", "minilm"}


def test_curves_hold_the_values_of_the_table():
    values = {
        (f"a:size={size}", ranker, "none"): (success, control, size)
        for ranker in ("bm25", "minilm")
        for size, success, control in ((1, 0.2, 0.1), (5, 0.6, 0.3))
    }
    figure = budget_curves(rendered(values, ("attack", "ranker", "defense")))
    assert [axes.get_title() for axes in figure.axes] == ["bm25", "minilm"]
    attacked, control = figure.axes[0].lines
    assert (attacked.get_xydata().tolist(), attacked.get_linestyle()) == ([[1, 0.2], [5, 0.6]], "-")
    assert (control.get_xydata().tolist(), control.get_linestyle()) == ([[1, 0.1], [5, 0.3]], "--")


def test_any_label_can_be_drawn():
    label = "$x_1$ 北京 \n🙂 {a} \\frac"
    assert drawable(label) == "$x_1$ �� � {a} \\frac"
    values = (Value(0.4, (0.3, 0.5)), Value(0.5, (0.4, 0.6)))
    lines = (TableRow((Entry(label, label), *entries("none")), values),)
    columns = (Column("x", ()), Column("y", ()))
    figure = trade_off(RenderedTable("f", "C.", "", ("ranker", "defense"), "", columns, lines))
    assert Drawn("f", "", figure).saved("png").startswith(b"\x89PNG")


@pytest.mark.parametrize("kind", ["pdf", "png"])
def test_a_figure_is_the_same_to_the_byte_and_bears_no_date(small_rows, kind):
    few = RowSet.of_run(small_rows[small_rows["task_name"] == "query-attack"])
    settings = settings_for(few, "bm25")
    (first,), (again,) = draw(few, settings), draw(few, settings)
    assert first.saved(kind) == again.saved(kind) == first.saved(kind)
    assert b"CreationDate" not in first.saved(kind)


def test_every_task_of_a_study_has_its_figure_with_families_told_apart(study):
    drawn = {shown.name: shown for shown in drawn_of(study)}
    names = ("variance", "unseen-queries", "other-corpora", "trade-off-query-attack", "trade-off-document-attack")
    assert {f"{name}-c0" for name in names} <= set(drawn)
    families = [text.get_text() for text in drawn["variance-c0"].figure.legends[0].get_texts()]
    assert families == ["traditional", "learning to rank", "neural", "pretrained"]
    (axes,) = drawn["unseen-queries-c0"].figure.axes
    assert [label.get_text() for label in axes.get_yticklabels()][:3] == ["bm25", "query-likelihood", "lambdamart"]
    rows = study.rows[
        study.rows["ranker"].str.startswith("lambdamart ") & study.rows["task"].str.startswith("ood-query")
    ]
    means = [rows[rows["condition"] == name]["value"].mean() for name in ("seen", "unseen")]
    assert any(list(line.get_xdata()) == pytest.approx(means) for line in axes.lines if len(line.get_xdata()) == 2)


def test_rankers_of_a_family_share_its_colour_and_no_mark():
    keys = [("neural", "drmm"), ("neural", "duet"), ("pretrained", "bert")]
    styles = style_map(rendered(dict.fromkeys(keys, (0.1, 0.2)), ("family", "ranker")))
    drmm, duet, bert = (styles[entry(name)] for name in ("drmm", "duet", "bert"))
    assert drmm[0] == duet[0] != bert[0]
    assert drmm[1] != duet[1]


def detector_rows(before, after, attack, defense="spamicity-filter"):
    for doc, (clean, attacked) in enumerate(zip(before, after, strict=True)):
        at = {"task": "document-attack", "defense": defense, "attack": attack, "doc_id": f"d{doc}"}
        for condition, score in (("clean", clean), ("attacked", attacked)):
            yield row("anomaly_score", score, f"q{doc}", condition=condition, **at)
            yield row("flagged", score > 5, f"q{doc}", condition=condition, **at)
        yield row("AUC", np.mean([attacked > score for score in before]), f"q{doc}", **at)


def drawn_of(rows):
    return draw(rows, replace(settings_for(rows, None), rounds=0))


def test_a_detector_has_its_roc_curves():
    before, after = range(10), [7.5, *range(11, 20)]
    rows = rowset([*detector_rows(before, after, "one"), *detector_rows(before, before, "two")])
    drawn = {shown.name: shown.figure for shown in drawn_of(rows)}
    (panel,) = drawn["roc-lee"].axes
    _diagonal, first, threshold, second, _ = panel.lines
    assert dict(zip(first.get_xdata(), first.get_ydata(), strict=True))[0.15] == 0.9
    assert dict(zip(first.get_xdata(), first.get_ydata(), strict=True))[0.2] == 1
    assert (threshold.get_xdata()[0], threshold.get_ydata()[0]) == (0.4, 1)
    assert all(y <= x for x, y in zip(second.get_xdata(), second.get_ydata(), strict=True))
    by_name = {t.name: t for t in make_tables(rows, replace(settings_for(rows, None), rounds=0))}
    table = by_name["document-attack-detection-lee"]
    rates = [line.values[-1].estimate for line in table.lines]
    assert [column.title for column in table.columns][-1] == "detection rate at FPR 5 %"
    assert rates == [0.9, 0]


def imitation_rows(agreement):
    for queries, values in agreement.items():
        at = {"task": f"imitation:surrogate=knrm,queries={queries}", "ranker": "minilm"}
        yield row("queries", 100 * queries, "", group="prepare", **at)
        for number, value in enumerate(values):
            yield row("overlap@10", value, f"q{number}", **at)
            yield row("RBO", value / 2, f"q{number}", **at)


def curves(rows):
    return [shown.figure for shown in drawn_of(rowset(rows)) if shown.name == "imitation-curve-lee"]


@pytest.mark.parametrize("labels", [{}, {"imitation:surrogate=knrm,queries=30": "a: queries=3"}])
def test_an_imitation_has_its_curve_of_agreement(labels):
    rows = [*imitation_rows({3: [0.2, 0.4], 30: [0.5, 0.7]}), row("AP", 0.5, "q0")]
    (figure,) = curves(relabelled(rows, labels))
    assert len(figure.axes) == 1  # nobody imitated the other
    assert [tick.get_text() for tick in figure.axes[0].get_xticklabels()] == ["300", "3,000"]
    overlap, rbo = figure.axes[0].lines
    assert overlap.get_xdata().tolist() == rbo.get_xdata().tolist() == [300, 3000]
    assert overlap.get_ydata().tolist() == pytest.approx([0.3, 0.6])
    assert rbo.get_ydata().tolist() == pytest.approx([0.15, 0.3])


def test_one_imitation_makes_no_curve():
    assert not curves(imitation_rows({3: [0.2, 0.4]}))
