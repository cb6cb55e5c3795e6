"""The headline figures of published certificates, computed anew from their rows for docs/certificates.md."""

from __future__ import annotations

from collections import defaultdict
from functools import cache
from pathlib import Path
from statistics import fmean

from tests.result_rows import published_rows
from tests.shown import number

ROOT = Path(__file__).parents[1]
COLLECTIONS = ("cranfield", "scifact", "dl19")
KS = ("1", "3", "5", "10", "20")
RADII = ("1", "2", "5", "all")
SMOOTHED = {"CertDR .5": 100, "median .5": 300, "median .6": 100}


@cache
def values(run="certified"):
    """(collection, defense, measure, group, condition, K, R) to the values of its queries."""
    found = defaultdict(list)
    for row in published_rows(run):
        if row["status"] == "ok" and not row["attack"]:
            names = ("collection", "defense", "measure", "group", "condition", "k", "radius")
            found[tuple(row[name] for name in names)].append(float(row["value"]))
    return found


def shares(collection, defense, radius, measure="certified", group=""):
    """The share of queries in % at each K, exactly rounded to a decimal; none where nothing was measured."""
    of_k = [values()[collection, defense, measure, group, "", k, radius] for k in KS]
    return [round(100 * sum(of_queries) / len(of_queries), 1) for of_queries in of_k if of_queries]


def line(collection, defense, radius):
    """The line of the table in the docs."""
    kinds = (("certified", ""), ("certified_demotion", ""), ("certified", "exact ranker"))
    cells = [", ".join(f"{share:.1f}" for share in shares(collection, defense, radius, *kind)) for kind in kinds]
    return f"| {defense} | {radius} | {' | '.join(cell or '–' for cell in cells)} |"


def test_the_docs_say_what_the_rows_say():
    text = (ROOT / "docs" / "certificates.md").read_text(encoding="utf-8")
    missing = [
        line(collection, defense, radius)
        for collection in COLLECTIONS
        for defense in ("undefended, exact .5", "undefended, exact .6", "CertDR .5", "median .5")
        for radius in RADII
        if line(collection, defense, radius) not in text
    ]
    assert missing == []


SERVED = ("canonical .5", "canonical .6", "CertDR .5", "median .5", "median .6")


def ndcg(collection, defense, run="certified", condition=""):
    """The mean nDCG@10 over queries as the docs give it."""
    return number(fmean(values(run)[collection, defense, "nDCG@10", "", condition, "", ""]))


def under_the_table(collection):
    """The line below the table of a collection in the docs."""
    defended = ", ".join(f"{defense} {ndcg(collection, defense)}" for defense in SERVED)
    (exact,) = {tuple(shares(collection, "median .6", radius, group="exact ranker")) for radius in RADII}
    figures = f"undefended {ndcg(collection, 'undefended, exact .5')}; {defended}"
    return f"nDCG@10: {figures}. Exact ranker at .6, any R: {', '.join(map(str, exact))}."


def test_the_docs_say_what_stands_below_the_tables():
    text = (ROOT / "docs" / "certificates.md").read_text(encoding="utf-8")
    assert [line for line in map(under_the_table, COLLECTIONS) if line not in text] == []


def test_the_docs_say_how_many_words_have_an_overlap_below_1():
    text = (ROOT / "docs" / "certificates.md").read_text(encoding="utf-8")
    below = [100 * fmean(values()[c, "median .5", "overlap_below_1", "", "", "", ""]) for c in COLLECTIONS]
    low, high = (number(share, 1) for share in (min(below), max(below)))
    assert f"at .5 it is below 1 for {low} to {high} % of the words" in text


def test_what_the_docs_observe():
    text = (ROOT / "docs" / "certificates.md").read_text(encoding="utf-8")
    price = {(c, d): float(ndcg(c, "undefended, exact .5")) - float(ndcg(c, d)) for c in COLLECTIONS for d in SERVED}
    wide, narrow = (number(price["cranfield", f"canonical {table}"]) for table in (".5", ".6"))
    assert f"costs {wide} of nDCG@10 on Cranfield at .5 and {narrow} at .6, and gains on DL 2019" in text
    assert max(price["dl19", "canonical .5"], price["dl19", "canonical .6"]) < 0
    lost = [price[collection, "median .5"] for collection in COLLECTIONS]
    assert f"loses {min(lost):.2f} to {max(lost):.2f} of nDCG@10".replace(" 0.", " .") in text
    of_tens = [shares(collection, "undefended, exact .6", "all")[3] for collection in COLLECTIONS]
    assert f"its top 10 is certified for {min(of_tens):.0f} to {max(of_tens):.0f} % of the queries" in text
    of_means = [shares(c, "CertDR .5", radius, group="exact ranker") for c in COLLECTIONS for radius in RADII]
    first = [share[0] for share in of_means]
    assert f"certifies {min(first):.0f} to {max(first):.0f} % at K = 1 by 100 copies, and nothing at 3" in text
    assert {share for share_of_k in of_means for share in share_of_k[1:]} == {0}
    assert {share for c in COLLECTIONS for share in shares(c, "CertDR .5", "1", group="paper")} == {0}


def test_no_attack_within_the_threat_model_entered_a_certified_top_k():
    checked = [row for row in published_rows("certified") if row["measure"] == "certificate_check"]
    assert {float(row["value"]) for row in checked} == {1}
    assert {row["defense"] for row in checked} == {"undefended, exact .5", "canonical .5", "CertDR .5", "median .5"}
    assert len({row["query_id"] for row in checked}) == 6
    assert len({(row["query_id"], row["doc_id"]) for row in checked if row["defense"] == "canonical .5"}) == 12
    assert {row["attack"].partition(":")[0] for row in checked} == {"greedy", "random words"}


def test_every_list_has_a_verdict():
    for collection, queries in (("cranfield", 225), ("scifact", 43), ("dl19", 43)):
        for defense in ("undefended, exact .5", "undefended, exact .6", "canonical .5", "canonical .6", *SMOOTHED):
            for radius in RADII:
                for k in KS:
                    assert len(values()[collection, defense, "certified", "", "", k, radius]) == queries


def test_exact_certificates_are_within_five_points_of_their_witness():
    gaps = [
        broken - proved
        for collection in COLLECTIONS
        for table in (".5", ".6")
        for radius in RADII
        for proved, broken in zip(
            shares(collection, f"undefended, exact {table}", radius),
            shares(collection, f"undefended, exact {table}", radius, "unbroken"),
            strict=True,
        )
    ]
    assert len(gaps) == 3 * 2 * 4 * 5
    assert min(gaps) >= 0
    assert max(gaps) < 0.5


def test_the_served_median_certifies_more_than_the_exact_ranker_at_one_word():
    for collection in COLLECTIONS:
        served, exact = (shares(collection, "median .5", "1", "certified", group) for group in ("", "exact ranker"))
        assert all(a >= b for a, b in zip(served, exact, strict=True))


def test_where_every_overlap_is_1_and_of_canonical_lists_all_are_certified():
    for collection in COLLECTIONS:
        assert set(values()[collection, "median .6", "overlap_least", "", "", "", ""]) == {1.0}
        assert min(values()[collection, "median .5", "overlap_least", "", "", "", ""]) < 1
        for defense in ("median .6", "canonical .5", "canonical .6"):
            for radius in RADII:
                for measure in ("certified", "certified_demotion"):
                    assert shares(collection, defense, radius, measure) == [100.0] * 5


NEURAL = ("CertDR, one sigmoid", "CertDR, a sigmoid per query:steepness=16", "CertDR, a sigmoid per query:steepness=32")


def neural_line(defense, radius):
    """The line of a neural ranker's table in the docs."""
    rows = values("certified-neural")
    of = {
        kind: ", ".join(f"{100 * fmean(rows['cranfield', defense, kind, '', '', k, radius]):.0f}" for k in KS[:4])
        for kind in ("certified", "certified_demotion")
    }
    mean = ndcg("cranfield", defense, "certified-neural")
    return f"| {defense} | {radius} | {of['certified']} | {of['certified_demotion']} | {mean} |"


def test_a_neural_ranker_is_certified_as_the_docs_say():
    text = (ROOT / "docs" / "certificates.md").read_text(encoding="utf-8")
    lines = [neural_line(defense, radius) for defense in NEURAL for radius in ("1", "2", "all")]
    assert [line for line in lines if line not in text] == []
    canonical = [ndcg("cranfield", "canonical", "certified-neural", condition) for condition in ("undefended", "")]
    assert f"Undefended it has {canonical[0]}." in text
    assert f"costs ({canonical[1]} here)" in text
    counts = {
        len(values("certified-neural")["cranfield", defense, "certified", "", "", "1", "1"]) for defense in NEURAL
    }
    assert counts == {50}


def small_shares(rows, **columns):
    """The share of queries in % at K = 1, 3, 5 and 10 in the rows with these values, as the docs give it."""
    own = [row for row in rows if columns.items() <= row.items()]
    of_k = [[float(row["value"]) for row in own if row["k"] == k] for k in KS[:4]]
    return ", ".join(f"{100 * fmean(of_queries):.0f}" for of_queries in of_k)


@cache
def interval_lines():
    rows, lines = published_rows("certified-intervals"), []
    for ranker in ("KNRM", "DRMM"):
        for table in (".6", ".5"):
            for radius in RADII:
                where = {"ranker": ranker, "defense": f"undefended, {table}", "radius": radius, "group": ""}
                kinds = ("certified", "unbroken", "certified_demotion")
                cells = " | ".join(small_shares(rows, measure=kind, **where) for kind in kinds)
                lines.append(f"| {ranker} | {table} | {radius} | {cells} |")
    return lines


def test_intervals_of_neural_rankers_are_as_the_docs_say():
    text = (ROOT / "docs" / "certificates.md").read_text(encoding="utf-8")
    assert [line for line in interval_lines() if line not in text] == []
    effectiveness = defaultdict(list)
    for row in published_rows("certified-intervals"):
        if row["measure"] == "nDCG@10" and row["condition"] == "undefended":
            effectiveness[row["ranker"]].append(float(row["value"]))
    means = {ranker: number(fmean(of_queries)) for ranker, of_queries in effectiveness.items()}
    assert f"(nDCG@10 of KNRM {means['KNRM']}, of DRMM {means['DRMM']})" in text


def test_intervals_of_one_word_leave_no_list_open():
    """But for 1 list of 100: one word is enumerated, so that bound and witness differ by rounding."""
    for line in interval_lines():
        _, _, _, radius, proved, unbroken, _, _ = (cell.strip() for cell in line.split("|"))
        gaps = [int(b) - int(a) for a, b in zip(proved.split(", "), unbroken.split(", "), strict=True)]
        assert min(gaps) >= 0
        assert radius != "1" or max(gaps) <= 1


def test_other_threats_cost_what_the_docs_say():
    rows = published_rows("certified-threats")
    text = (ROOT / "docs" / "certificates.md").read_text(encoding="utf-8")
    where = {"defense": "erase-and-check", "radius": "3", "group": ""}
    erased = [r for r in rows if r["measure"] == "certified" and where.items() <= r.items()]
    shares = [number(100 * fmean(float(r["value"]) for r in erased if r["k"] == k), 1) for k in KS[:4]]
    assert f"certifies {', '.join(shares[:3])} and {shares[3]} % of the top 1, 3, 5 and 10" in text
    for ranker, label in (("BM25", "of BM25"), ("bi-encoder", "of the bi-encoder")):
        of_radius = defaultdict(list)
        for row in rows:
            if row["ranker"] == ranker and row["defense"] == "none" and row["measure"] == "nDCG@10":
                of_radius[row["radius"]].append(float(row["value"]))
        clean, *left, nothing = (number(fmean(of_radius[radius])) for radius in ("", "1", "2", "5", "10"))
        assert {len(values) for values in of_radius.values()} == {225}
        assert nothing == ".000"
        assert f"{label} {', '.join(left)} and 0" in text
        assert f"(clean {clean})" in text


TYPOS = {
    ("cranfield", "bm25"): "BM25, Cranfield",
    ("cranfield", "minilm"): "MiniLM, Cranfield",
    ("dl19", "bm25"): "BM25, DL 2019",
    ("dl19", "minilm"): "MiniLM, DL 2019",
}


def test_the_worst_typos_are_as_the_docs_say():
    found = defaultdict(list)
    for row in published_rows("query-typos"):
        cell = (row["collection"], row["ranker"])
        found[cell, row["measure"], row["condition"], row["k"]].append(float(row["value"]))
    text = (ROOT / "docs" / "certificates.md").read_text(encoding="utf-8")
    for cell, label in TYPOS.items():
        clean, mean, worst = (
            number(fmean(found[cell, "nDCG@10", condition, ""])) for condition in ("", "attacked", "worst")
        )
        variants, same = found[cell, "variants", "", ""], 100 * fmean(found[cell, "same_set", "", "1"])
        figures = f"{len(variants)} | {fmean(variants):,.0f} | {clean} | {mean} | **{worst}** | {same:.1f} %"
        assert f"| {label} | {figures} |" in text
        assert not any(found[cell, "same_set", "", "5"])
