"""Figures: names beside their points, curves of one attack as one line, the same bytes at every call."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Annotation

from robustrank.report.build import make_tables, settings_for
from robustrank.report.estimate import Settings
from robustrank.report.figures import Drawn, draw
from robustrank.report.labels import drawable, label_points
from robustrank.report.plots import budget_curves, style_map, trade_off
from robustrank.report.series import series
from robustrank.report.tables import Column, RenderedTable, TableRow, Value
from robustrank.rows import Row
from tests.report.conftest import frame


def rendered(values, rows=("ranker", "defense")):
    columns = (Column("x", ("x",)), Column("y", ("y",)), Column("budget", ("b",)))[: len(next(iter(values.values())))]
    lines = tuple(
        TableRow(keys, tuple(Value(v, None if v is None else (v - 0.1, v + 0.1)) for v in own))
        for keys, own in values.items()
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
        "my own: label": 3,
    }
    assert list(series(budgets).values()) == [
        "word-substitution:table=minilm",
        "word-substitution:table=minilm",
        "word-substitution:table=wordnet",
        "keyword-stuffing:seed=1",
        "keyword-stuffing:seed=1",
        "random-edit",
        "my own: label",
    ]


def test_a_point_without_a_figure_is_not_drawn():
    assert trade_off(rendered({("bm25", "none"): (None, 0.5)})) is None
    figure = trade_off(rendered({("bm25", "none"): (0.4, 0.5), ("minilm", "none"): (None, 0.5)}))
    assert [text.get_text() for text in figure.axes[0].texts] == ["bm25"]


def test_defended_rankers_are_named_by_their_defense():
    values = {("bm25", "none"): (0.4, 0.5), ("bm25", "certdr:samples=200"): (0.3, 0.6), ("minilm", "none"): (0.8, 0.1)}
    names = {text.get_text() for text in trade_off(rendered(values)).axes[0].texts} - {""}
    assert names == {"bm25", "bm25 + certdr", "minilm"}


def test_curves_hold_the_values_of_the_table():
    values = {
        (f"a:size={size}", ranker, "none"): (success, control, size)
        for ranker in ("bm25", "minilm")
        for size, success, control in ((1, 0.2, 0.1), (5, 0.6, 0.3))
    }
    figure = budget_curves(rendered(values, ("attack", "ranker", "defense")))
    assert [axes.get_title() for axes in figure.axes] == ["bm25", "minilm"]
    own, control = figure.axes[0].lines
    assert (own.get_xydata().tolist(), own.get_linestyle()) == ([[1, 0.2], [5, 0.6]], "-")
    assert (control.get_xydata().tolist(), control.get_linestyle()) == ([[1, 0.1], [5, 0.3]], "--")


def test_any_label_can_be_drawn():
    label = "$x_1$ 北京 \n🙂 {a} \\frac"
    assert drawable(label) == "$x_1$ �� � {a} \\frac"
    figure = trade_off(rendered({(label, "none"): (0.4, 0.5)}))
    assert Drawn("f", "", figure).saved("png").startswith(b"\x89PNG")


@pytest.mark.parametrize("kind", ["pdf", "png"])
def test_a_figure_is_the_same_to_the_byte_and_bears_no_date(small_rows, kind):
    settings = settings_for(small_rows, "bm25")
    few = small_rows[small_rows["task"].str.startswith("query-attack")]
    (one,), (other,) = draw(few, settings), draw(few, settings)
    assert one.saved(kind) == other.saved(kind) == one.saved(kind)
    assert b"CreationDate" not in one.saved(kind)


def test_every_task_of_a_study_has_its_figure_with_families_told_apart(study):
    drawn = {one.name: one for one in draw(study, Settings("bm25", rounds=0))}
    names = ("variance", "unseen-queries", "other-corpora", "trade-off-query-attack", "trade-off-document-attack")
    assert {f"{name}-c0" for name in names} <= set(drawn)
    families = [text.get_text() for text in drawn["variance-c0"].figure.legends[0].get_texts()]
    assert families == ["traditional", "learning to rank", "neural", "pretrained"]
    (axes,) = drawn["unseen-queries-c0"].figure.axes
    assert [label.get_text() for label in axes.get_yticklabels()][:3] == ["bm25", "query-likelihood", "lambdamart"]
    own = study[(study["ranker"] == "lambdamart") & (study["task"] == "ood-query")]
    means = [own[own["measure"] == f"nDCG@10/{name}"]["value"].mean() for name in ("seen", "unseen")]
    assert any(list(line.get_xdata()) == pytest.approx(means) for line in axes.lines if len(line.get_xdata()) == 2)


def test_rankers_of_a_family_share_its_colour_and_no_mark():
    keys = [("neural", "drmm"), ("neural", "duet"), ("pretrained", "bert")]
    looks = style_map(rendered(dict.fromkeys(keys, (0.1, 0.2)), ("family", "ranker")))
    assert looks["drmm"][0] == looks["duet"][0] != looks["bert"][0]
    assert looks["drmm"][1] != looks["duet"][1]


def detector_rows(before, after, attack, defense="spamicity-filter"):
    def row(doc, measure, value):
        of = ("document-attack", "lee", "bm25", "traditional", defense, attack, 0)
        return Row(*of, f"q{doc}", f"d{doc}", measure, float(value), "ok", "")

    for doc, (clean, attacked) in enumerate(zip(before, after, strict=True)):
        yield row(doc, "suspicion/before", clean)
        yield row(doc, "suspicion", attacked)
        yield row(doc, "flagged/before", clean > 5)
        yield row(doc, "flagged", attacked > 5)
        yield row(doc, "AUC", np.mean([attacked > other for other in before]))


def test_a_detector_has_its_roc_curves():
    before, after = range(10), [7.5, *range(11, 20)]
    rows = frame([*detector_rows(before, after, "one"), *detector_rows(before, before, "two")])
    drawn = {one.name: one.figure for one in draw(rows, Settings("bm25", rounds=0))}
    (panel,) = drawn["roc-lee"].axes
    _diagonal, one, own, two, _ = panel.lines
    assert dict(zip(one.get_xdata(), one.get_ydata(), strict=True))[0.15] == 0.9
    assert dict(zip(one.get_xdata(), one.get_ydata(), strict=True))[0.2] == 1
    assert (own.get_xdata()[0], own.get_ydata()[0]) == (0.4, 1)
    assert all(y <= x for x, y in zip(two.get_xdata(), two.get_ydata(), strict=True))
    (table,) = [t for t in make_tables(rows, Settings("bm25", rounds=0)) if t.name == "document-attack-detection-lee"]
    rates = [line.values[-1].estimate for line in table.lines]
    assert [column.title for column in table.columns][-1] == "detected at FPR .05"
    assert rates == [0.9, 0]


def imitation_rows(agreement):
    for queries, values in agreement.items():
        of = (f"imitation:surrogate=knrm,queries={queries}", "lee", "minilm", "pretrained", "none", "", 0)
        yield Row(*of, "", "", "prepare/queries", 100.0 * queries)
        for number, value in enumerate(values):
            yield Row(*of, f"q{number}", "", "overlap@10", value)
            yield Row(*of, f"q{number}", "", "RBO", value / 2)


def curves(rows):
    drawn = draw(frame([*rows]), Settings("minilm", rounds=0))
    return [one.figure for one in drawn if one.name == "imitation-curve-lee"]


def test_an_imitation_has_its_curve_of_agreement():
    other = Row("iid-variance", "lee", "bm25", "traditional", "none", "", 0, "q0", "", "AP", 0.5)
    (figure,) = curves([*imitation_rows({3: [0.2, 0.4], 30: [0.5, 0.7]}), other])
    assert len(figure.axes) == 1  # nobody imitated the other
    assert [tick.get_text() for tick in figure.axes[0].get_xticklabels()] == ["300", "3,000"]
    overlap, rbo = figure.axes[0].lines
    assert overlap.get_xdata().tolist() == rbo.get_xdata().tolist() == [300, 3000]
    assert overlap.get_ydata().tolist() == pytest.approx([0.3, 0.6])
    assert rbo.get_ydata().tolist() == pytest.approx([0.15, 0.3])


def test_one_imitation_makes_no_curve():
    assert not curves(imitation_rows({3: [0.2, 0.4]}))
