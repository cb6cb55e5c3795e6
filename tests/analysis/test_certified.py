"""The certified report: CRQ by K, R and bound, beside what attacks did, by hand; figures by what they show."""

from __future__ import annotations

import pytest
from robustrank.tasks.reports.certified_topk import with_attacks

from robustrank.analysis.catalogue import catalogue_of
from robustrank.report.charts import charts
from robustrank.rows import Fact
from tests.report_rows import frame, row, rowset

BOUNDS = {"": "mean, betting", "paper": "mean, paper"}
TASK, DEFENSE = "certified-topk", "certdr"


def certified(verdicts, k=1, radius=1, bound=""):
    """Rows of one K, R and bound: a verdict for each query."""
    at = {"task": TASK, "defense": DEFENSE, "radius": radius}
    for number, verdict in enumerate(verdicts, start=1):
        yield row("certified", verdict, f"q{number}", k=k, group=bound, note=BOUNDS[bound], **at)
        if not bound and k == 1:
            yield row("rho", 0.9, f"q{number}", **at)
            yield row("samples", 100, f"q{number}", **at)


def attack(query, before, after, replaced=None, *, defense=DEFENSE, name="a", **more):
    """Rows of one attacked text."""
    facts = {("rank", "clean"): before, ("rank", "attacked"): after}
    facts |= {} if replaced is None else {("replaced", "attacked"): replaced}
    at = {"task": "document-attack", "attack": name, "doc_id": f"d{before}", "defense": defense, **more}
    for (measure, condition), value in facts.items():
        yield row(measure, value, query, condition=condition, **at)


def tables(rows):
    return {table.name: table for table in catalogue_of(frame(rows), rounds=0).tables}


def drawn(rows):
    figures = catalogue_of(frame(rows), rounds=0).figures()
    return {chart.name: chart for figure, values in figures for chart in charts(figure, values)}


def cells(table, defense="certdr"):
    (line,) = [line for line in table.lines if table.key(line, "defense").label == defense]
    return {column.title: value.estimate for column, value in zip(table.columns, line.values, strict=True)}


def test_crq_is_told_apart_by_k_by_radius_and_by_bound():
    rows = [
        *certified([1, 1, 1, 0]),
        *certified([1, 0, 0, 0], k=10),
        *certified([1, 1, 0, 0], radius="all"),
        *certified([1, 1, 1, 1], bound="paper"),
    ]
    by_name = tables(rows)
    first, whole = by_name["certified-topk-r-1"], by_name["certified-topk-r-all"]
    assert cells(first) == {
        "CRQ@1": 0.75,
        "CRQ@10": 0.25,
        "CRQ@1, published bound": 1,
        "rho": 0.9,
        "samples per document": 100,
    }
    assert cells(whole) == {"CRQ@1": 0.5, "rho": 0.9, "samples per document": 100}
    trade_off = {"CRQ@1, R = 1": 0.75, "CRQ@1, R = all": 0.5, "CRQ@10, R = 1": 0.25}
    assert cells(by_name["certified-topk"]) == trade_off
    assert cells(by_name["summary"]) == {"CRQ@10, R = 1": 0.25}


def clean_lists(values, undefended, defense=DEFENSE):
    for measure, value in values.items():
        yield row(measure, value, task=TASK, defense=defense)
    yield row("nDCG@10", undefended, task=TASK, defense=defense, condition="undefended")


def test_the_trade_off_shows_effectiveness_and_overlaps():
    values = {"nDCG@10": 0.3, "overlap_below_1": 0.02, "overlap_least": 0.1}
    figures = cells(tables([*certified([1]), *clean_lists(values, 0.4)])["certified-topk"])
    expected = {"nDCG@10, defended": 0.3, "nDCG@10, undefended": 0.4}
    expected |= {"words with overlap < 1": 0.02, "least overlap": 0.1}
    assert {name: figures[name] for name in expected} == expected
    assert figures["change of nDCG@10 by the defense"] == pytest.approx(-0.25)


def test_an_attack_that_enters_a_top_k_is_seen_beside_the_certificates():
    rows = [
        *certified([1, 0, 0, 0, 0]),
        *certified([0, 0, 0, 0, 0], k=3),
        *attack("q1", 9, 8, 1),
        *attack("q2", 9, 1, 1),  # enters both
        *attack("q3", 9, 3, 1),  # enters the top 3 alone
        *attack("q3", 2, 1, 1),  # takes the first place
        *attack("q1", 2, 2, 1),  # stands in the top 3 as it did before
        *attack("q4", 9, 1, name="b"),  # not by the table
        # q5 was not attacked, and stands beside nothing
    ]
    assert cells(tables(rows)["certified-topk-r-1-attacked"]) == {
        "CRQ@1": 1 / 3,
        "CRQ@3": 0,
        "empirically robust@1": 1 / 3,
        "empirically robust@3": 1 / 3,
        "empirically robust@1, any attack": 0.25,
        "empirically robust@3, any attack": 0.25,
        "attacked texts per query": 5 / 3,
    }


def test_an_attack_counts_from_the_radius_that_allows_it():
    rows = [*certified([1], radius=1), *certified([0], radius=2), *certified([0], radius="all")]
    rows += [*attack("q1", 9, 5, 1), *attack("q1", 8, 1, 2)]
    by_name = tables(rows)
    robust = {r: cells(by_name[f"certified-topk-r-{r}-attacked"])["empirically robust@1"] for r in (1, 2, "all")}
    assert robust == {1: 1, 2: 0, "all": 0}


def test_an_attack_on_another_defense_or_seed_speaks_of_no_list_here():
    rows = [*certified([1]), *attack("q1", 9, 1, 1, defense="none")]
    rows += attack("q1", 9, 1, 1, seed=1)
    of_run = rowset(rows)
    (task,) = (task for task in of_run.tasks if task.name == TASK)
    assert with_attacks(of_run, task).facts == {
        Fact("certified", k=1, radius=1), Fact("rho", radius=1), Fact("samples", radius=1)
    }  # fmt: skip
    assert "certified-topk-r-1-attacked" not in tables(rows)


def sweep():
    """Two samplings of one defense, and a trivial one; CRQ@1 of the larger is 1 at R=1 and .5 at R=all."""
    for size, loss in ((100, 1), (300, 0)):
        at = {"task": TASK, "defense": f"CertDR:samples={size}"}
        for radius in (1, "all"):
            for query in ("q1", "q2"):
                yield row("samples", size, query, radius=radius, **at)
            for k in (1, 10):
                first = 1 if radius == 1 or k == 1 else 0
                for query, verdict in (("q1", first), ("q2", int(radius == 1 and not loss))):
                    yield row("certified", verdict, query, k=k, radius=radius, **at)
        yield from clean_lists({"nDCG@10": 0.4, "overlap_below_1": 0.1}, 0.5, at["defense"])
    yield row("certified", 1, task=TASK, defense="canonical", k=1, radius=1)
    yield row("samples", 1, task=TASK, defense="canonical", radius=1)
    yield from clean_lists({"nDCG@10": 0.45, "overlap_below_1": 0}, 0.5, "canonical")


@pytest.fixture(scope="module")
def figures():
    return drawn(sweep())


def curves(chart):
    """What each panel shows: by its title and the series, the value at each place."""
    shown = {}
    for title, points in chart.panels.items():
        for point in points:
            shown.setdefault((title, point.series), {})[point.x] = point.y
    return shown


def test_curves_show_crq_by_k_and_by_radius(figures):
    by_k = curves(figures["certified-k"])
    assert by_k["bm25, R = 1", "CertDR:samples=300"] == {1: 100, 10: 100}
    assert by_k["bm25, R = all", "CertDR:samples=300"] == {1: 50, 10: 0}
    assert ("bm25, R = 1", "canonical") not in by_k  # one point makes no line
    by_radius = curves(figures["certified-radius"])
    assert by_radius["bm25, K = 10", "CertDR:samples=100"] == {1: 50, "all": 0}


def test_samples_are_compared_where_they_alone_differ(figures):
    by_samples = curves(figures["certified-samples-1"])
    assert by_samples["bm25", "CertDR, CRQ@1"] == {100: 50, 300: 100}
    assert not [name for name in drawn(certified([1])) if "samples" in name]


def test_trivial_certificates_have_open_markers():
    rows = [*sweep()]
    for number in range(2):  # four marks make a figure
        rows.append(row("certified", 1, task=TASK, defense=f"other:n={number}", k=1, radius=1))
        rows += clean_lists({"nDCG@10": 0.3, "overlap_below_1": 0.1}, 0.5, f"other:n={number}")
    (points,) = drawn(rows)["certified-trade-off-1-1"].panels.values()
    assert {point.name: point.is_open for point in points} == {
        "bm25 + CertDR:samples=100": False,
        "bm25 + CertDR:samples=300": False,
        "bm25 + canonical": True,
        "bm25 + other:n=0": False,
        "bm25 + other:n=1": False,
    }
