"""The certified report: CRQ by K, R and bound, beside what attacks did, by hand; figures by what they show."""

from __future__ import annotations

import csv
import io

import pytest

from robustrank.report.build import make_tables
from robustrank.report.certified import by_query, with_attacks
from robustrank.report.estimate import Settings
from robustrank.report.figures import draw
from robustrank.report.rowset import RowSet
from robustrank.report.write import write_report
from robustrank.rows import Row

from .conftest import frame

BOUNDS = {"": "mean, betting", "/paper": "mean, paper"}


def row(measure, value, query="q1", *, task="certified-topk", defense="certdr", **more):
    facts = {"attack": "", "seed": 0, "doc_id": "", "ranker": "bm25"} | more
    of = {"collection": "lee", "family": "traditional"}
    return Row(task=task, defense=defense, query_id=query, measure=measure, value=float(value), **of, **facts)


def certified(verdicts, k=1, radius="1", bound="", **more):
    """Rows of one K, R and bound: a verdict a query."""
    for number, verdict in enumerate(verdicts, start=1):
        yield row(f"certified@{k}/R={radius}{bound}", verdict, f"q{number}", note=BOUNDS[bound], **more)
        if not bound and k == 1:
            yield row(f"rho/R={radius}", 0.9, f"q{number}", **more)
            yield row(f"samples/R={radius}", 100, f"q{number}", **more)


def attack(query, before, after, replaced=None, *, defense="certdr", name="a"):
    """Rows of one attacked text."""
    facts = {"rank/before": before, "rank/after": after} | ({} if replaced is None else {"replaced": replaced})
    for measure, value in facts.items():
        more = {"task": "document-attack", "attack": name, "doc_id": f"d{before}", "defense": defense}
        yield row(measure, value, query, **more)


def tables(rows):
    return {table.name: table for table in make_tables(frame(rows), Settings("bm25", rounds=0))}


def cells(table, defense="certdr"):
    (line,) = [line for line in table.lines if table.key(line, "defense") == defense]
    return {column.title: value.estimate for column, value in zip(table.columns, line.values, strict=True)}


def test_crq_is_told_apart_by_k_by_radius_and_by_bound():
    rows = [
        *certified([1, 1, 1, 0]),
        *certified([1, 0, 0, 0], k=10),
        *certified([1, 1, 0, 0], radius="all"),
        *certified([1, 1, 1, 1], bound="/paper"),
    ]
    made = tables(rows)
    one, whole = made["certified-topk-r-1-lee"], made["certified-topk-r-all-lee"]
    assert cells(one) == {"CRQ@1": 0.75, "CRQ@10": 0.25, "CRQ@1 paper": 1, "rho": 0.9, "samples": 100}
    assert cells(whole) == {"CRQ@1": 0.5, "rho": 0.9, "samples": 100}
    frontier = {"CRQ@1, R=1": 0.75, "CRQ@1, R=all": 0.5, "CRQ@10, R=1": 0.25}
    assert cells(made["certified-topk-frontier-lee"]) == frontier
    assert cells(made["summary-lee"]) == {"CRQ@10, R=1": 0.25}


def test_the_frontier_shows_the_price_and_the_overlaps():
    values = {"nDCG@10": 0.3, "nDCG@10/undefended": 0.4, "overlap_below_1": 0.02, "overlap_least": 0.1}
    found = cells(tables([*certified([1]), *(row(*pair) for pair in values.items())])["certified-topk-frontier-lee"])
    expected = {"nDCG@10 defended": 0.3, "nDCG@10 undefended": 0.4, "overlap < 1": 0.02, "least overlap": 0.1}
    assert {name: found[name] for name in expected} == expected
    assert found["nDCG@10 change"] == pytest.approx(-0.25)


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
    assert cells(tables(rows)["certified-topk-r-1-attacked-lee"]) == {
        "CRQ@1": 1 / 3,
        "CRQ@3": 0,
        "kept@1": 1 / 3,
        "kept@3": 1 / 3,
        "kept@1, any attack": 0.25,
        "kept@3, any attack": 0.25,
        "attacked texts": 5 / 3,
    }


def test_an_attack_counts_from_the_radius_that_allows_it():
    rows = [*certified([1], radius="1"), *certified([0], radius="2"), *certified([0], radius="all")]
    rows += [*attack("q1", 9, 5, 1), *attack("q1", 8, 1, 2)]
    made = tables(rows)
    found = {r: cells(made[f"certified-topk-r-{r}-attacked-lee"])["kept@1"] for r in ("1", "2", "all")}
    assert found == {"1": 1, "2": 0, "all": 0}


def test_an_attack_on_another_defense_or_seed_speaks_of_no_list_here():
    rows = [*certified([1]), *attack("q1", 9, 1, 1, defense="none")]
    rows += [row(r.measure, r.value, task=r.task, attack="a", doc_id="d9", seed=1) for r in attack("q1", 9, 1, 1)]
    assert with_attacks(RowSet(frame(rows)), "certified-topk").measures == {"certified@1/R=1", "rho/R=1", "samples/R=1"}
    assert "certified-topk-r-1-attacked-lee" not in tables(rows)


def test_every_verdict_stands_in_the_file_by_query(write):
    rows = [
        *certified([1, 0]),
        *certified([0, 1], k=10, radius="all", bound="/paper"),
        row("AP", 1, task="iid-variance"),
    ]
    (text,) = by_query(frame(rows)).values()
    records = list(csv.DictReader(io.StringIO(text)))
    shown = [(r["query_id"], r["K"], r["R"], r["bound"], r["certified"]) for r in records]
    assert shown == [
        ("q1", "1", "1", "mean, betting", "1"),
        ("q2", "1", "1", "mean, betting", "0"),
        ("q1", "10", "all", "mean, paper", "0"),
        ("q2", "10", "all", "mean, paper", "1"),
    ]
    paths = write_report(write(rows), baseline=None)
    assert [path.read_text() for path in paths if path.parent.name == "queries"] == [text]


def sweep():
    """Two samplings of one defense, and a trivial one; CRQ@1 of the larger is 1 at R=1 and .5 at R=all."""
    clean = {"nDCG@10": 0.4, "nDCG@10/undefended": 0.5}
    for size, loss in ((100, 1), (300, 0)):
        defense = f"CertDR:samples={size}"
        for k in (1, 10):
            for radius in ("1", "all"):
                first = 1 if radius == "1" or k == 1 else 0
                for query, verdict in (("q1", first), ("q2", int(radius == "1" and not loss))):
                    yield row(f"certified@{k}/R={radius}", verdict, query, defense=defense)
                    yield row(f"samples/R={radius}", size, f"{query}", defense=defense, doc_id=str(k))
        for measure, value in (clean | {"overlap_below_1": 0.1}).items():
            yield row(measure, value, defense=defense)
    yield row("certified@1/R=1", 1, defense="canonical")
    yield row("samples/R=1", 1, defense="canonical")
    for measure, value in ({"nDCG@10": 0.45, "overlap_below_1": 0}).items():
        yield row(measure, value, defense="canonical")
    yield row("nDCG@10/undefended", 0.5, defense="canonical")


@pytest.fixture(scope="module")
def figures():
    return {one.name: one.figure for one in draw(frame(sweep()), Settings("bm25", rounds=0))}


def curves(figure):
    """What each panel shows: by title and label of the line, the places named on the axis and the values there."""
    (legend,) = figure.legends
    names = [text.get_text() for text in legend.get_texts()]
    for panel in figure.axes:
        ticks = [label.get_text() for label in panel.get_xticklabels()]
        for name, line in zip(names, panel.lines, strict=True):
            yield panel.get_title(), name, {ticks[round(x)]: y for x, y in line.get_xydata().tolist()}


def test_curves_show_crq_by_k_and_by_radius(figures):
    by_k = {(title, name): found for title, name, found in curves(figures["certified-k-lee"])}
    assert by_k["R = 1", "CertDR:samples=300"] == {"1": 100, "10": 100}
    assert by_k["R = all", "CertDR:samples=300"] == {"1": 50, "10": 0}
    assert by_k["R = 1", "canonical"] == {"1": 100}
    by_radius = {(title, name): found for title, name, found in curves(figures["certified-radius-lee"])}
    assert by_radius["K = 10", "CertDR:samples=100"] == {"1": 50, "all": 0}


def test_samples_are_compared_where_they_alone_differ(figures):
    found = {(title, name): own for title, name, own in curves(figures["certified-samples-lee"])}
    assert found["R = 1", "K = 1"] == {"100": 50, "300": 100}
    assert {panel.get_ylabel() for panel in figures["certified-samples-lee"].axes} == {"bm25, CertDR\nCRQ %", ""}
    assert not [one for one in draw(frame(certified([1])), Settings("bm25", rounds=0)) if "samples" in one.name]


def test_trivial_certificates_are_hollow_and_named_so(figures):
    figure = figures["certified-frontier-1-lee"]
    faces = {tuple(line.get_xydata()[0]): line.get_markerfacecolor() for line in figure.axes[0].lines[1:]}
    assert faces[0.45, 100] == "white"
    assert faces[0.4, 100] != "white"
    assert any("trivial" in text.get_text() for text in figure.legends[0].get_texts())
    assert list(figure.axes[0].lines[0].get_xdata()) == [0.5, 0.5]  # the undefended ranker
