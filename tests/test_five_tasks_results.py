"""The figures of docs/five-tasks.md, computed anew from the rows and tables of results/five-tasks.

The tables are the report's, which tests/test_results.py holds against the rows.
"""

from __future__ import annotations

import re
from collections import defaultdict
from pathlib import Path
from statistics import fmean

import pytest

from tests.result_rows import published_rows, report_table

ROOT = Path(__file__).parents[1]
LEXICAL = ("BM25", "QL", "RankSVM", "LambdaMART")
PRETRAINED = ("Cross-encoder", "Bi-encoder", "Late interaction")
FAMILIES = ("traditional", "learned", "neural", "pretrained")
LINES = {  # how the line of a measure begins, and whether it is a share in %
    "vnap": ("| 1 variance", False),
    "unseen-types-change": ("| 2 unseen", True),
    "other-corpora-change": ("| 3 unseen", True),
    "query-attack-change": ("| 4 perturbed", True),
    "document-attack-change": ("| 5 attacked documents (relative", True),
    "asr": ("| 5 attacked documents (ASR", True),
}


def page():
    return (ROOT / "docs" / "five-tasks.md").read_text(encoding="utf-8").splitlines()


def table(name):
    """The rows of a table of the report."""
    return report_table("five-tasks", name)


def cell(name, measure, ranker, collection, attack=None):
    """Estimate, low and high of a ranker in a table; in % but for VNAP and boost."""
    ((estimate, low, high),) = [
        [float(row[bound]) for bound in ("estimate", "low", "high")]
        for row in table(name)
        if (row["id"], row["ranker"], row["collection"], row.get("attack")) == (measure, ranker, collection, attack)
        and row["estimate"]
    ]
    factor = 1 if measure in ("vnap", "boost") else 100
    return factor * estimate, factor * low, factor * high


def text():
    return " ".join(" ".join(page()).split()).replace("−", "-")


@pytest.mark.slow
def test_clean_effectiveness_is_that_of_the_rows():
    values = defaultdict(list)
    for row in published_rows("five-tasks"):
        if row["task"].startswith("iid-variance") and row["measure"] == "nDCG@10" and row["query_id"] and row["value"]:
            values[row["ranker"].casefold(), row["collection"]].append(float(row["value"]))
    table = [line.split("|") for line in page() if re.match(r"\| [\w -]+ \| \.\d\d\d \| \.\d\d\d \|", line)]
    assert len(table) == 10
    for _, ranker, cranfield, scifact, *_ in table:
        name = ranker.strip().casefold()
        for collection, said in (("cranfield", cranfield), ("scifact", scifact)):
            assert fmean(values[name, collection]) == pytest.approx(float(said), abs=5.1e-4), (name, collection)


def test_families_are_those_of_the_report():
    found = defaultdict(list)
    for row in table("families"):
        if row["estimate"] and row["id"] in LINES:
            found[row["id"], row["family"], row["collection"]].append(float(row["estimate"]))
    for measure, (start, is_share) in LINES.items():
        (line,) = [line for line in page() if line.startswith(start)]
        for family, cell in zip(FAMILIES, line.split("|")[2:6], strict=True):
            said = [float(x) for x in re.findall(r"-?\d*\.?\d+", cell.replace("−", "-"))]
            expected = [value for c in ("cranfield", "scifact") for value in found[measure, family, c]]
            factor, places = (100, 0) if is_share else (1, 2)
            assert said == [round(factor * value, places) + 0 for value in expected], (measure, family)


def test_what_the_page_says_of_single_rankers_and_shifts():
    vnap = {r: f"{cell('iid-variance', 'vnap', r, 'cranfield')[0]:.2f}"[1:] for r in (*LEXICAL, *PRETRAINED)}
    lowest = ", ".join(vnap[ranker] for ranker in ("RankSVM", "Bi-encoder", "Late interaction"))
    assert (
        f"lowest on Cranfield ({lowest}), the weak rankers are highest (cross-encoder {vnap['Cross-encoder']})"
        in text()
    )
    late, conv, mart = (
        cell("ood-query-ndcg-10", "unseen-change", ranker, collection)
        for ranker, collection in (
            ("Late interaction", "scifact"),
            ("Conv-KNRM", "cranfield"),
            ("LambdaMART", "cranfield"),
        )
    )
    assert f"late interaction on SciFact ({shown(*late)})" in text()
    assert f"Conv-KNRM on Cranfield is another for each seed ({shown(*conv)})" in text()
    assert f"*gains* {shown(*mart)} on Cranfield" in text()
    excluded = [
        (row["ranker"], row["collection"])
        for row in table("ood-query-ndcg-10")
        if row["id"] == "unseen-change" and row["high"] and float(row["high"]) < 0
    ]
    assert excluded == [("Late interaction", "scifact")]


def test_what_the_page_says_of_unseen_corpora():
    moved = {
        (r, c): cell("ood-corpus-ndcg-10", "corpus-change", r, c)
        for r in ("DRMM", "Conv-KNRM", "Duet", "Cross-encoder", "RankSVM")
        for c in ("cranfield", "scifact")
    }
    lost = {r: moved[r, "cranfield"] for r in ("DRMM", "Conv-KNRM", "Duet", "Cross-encoder")}
    least, most = (f"{of(-estimate for estimate, _, _ in lost.values()):.0f}" for of in (min, max))
    assert f"lose {least} to {most} % on Cranfield when trained on SciFact" in text()
    assert [ranker for ranker, (_, _, high) in lost.items() if high >= 0] == ["Conv-KNRM"]
    estimate, low, high = moved["Duet", "scifact"]
    assert f"Duet loses {-estimate:.0f} % [{-high:.0f}, {-low:.0f}] in the opposite direction" in text()
    of_svm = sorted(-moved["RankSVM", collection][0] for collection in ("cranfield", "scifact"))
    assert f"RankSVM loses {of_svm[0]:.0f} to {of_svm[1]:.0f} %" in text()


def test_what_the_page_says_of_attacks():
    def lost(ranker, collection, attack):
        return f"{-cell('query-attack-ndcg-10', 'attacked-change', ranker, collection, attack)[0]:.0f}"

    typos, dropped = (
        {lost("BM25", c, attack) for c in ("cranfield", "scifact")} for attack in ("typos", "dropped words")
    )
    assert (
        f"One typo costs BM25 {typos.pop()} % on both collections, dropping 30 % of the words {dropped.pop()} %"
        in text()
    )
    assert not typos | dropped
    of = {c: [lost("Bi-encoder", c, attack) for attack in ("typos", "dropped words")] for c in ("cranfield", "scifact")}
    assert (
        f"The bi-encoder loses {' and '.join(of['cranfield'])} % on Cranfield, and {' and '.join(of['scifact'])} % on"
        in text()
    )
    assert f"typos, {lost('DRMM', 'cranfield', 'typos')} and {lost('DRMM', 'scifact', 'typos')} %" in text()

    def bounds(measure, attack, rankers, collections=("cranfield", "scifact")):
        found = [cell("document-attack", measure, r, c, attack)[0] for r in rankers for c in collections]
        return " to ".join(f"{of(found):.0f}" for of in (min, max))

    word = "word substitution"
    assert f"has an ASR of {bounds('asr', word, LEXICAL)} % on BM25, QL and" in text()
    pretrained = bounds("asr", word, PRETRAINED, ["cranfield"])
    control = bounds("control-asr", word, PRETRAINED, ["cranfield"])
    assert (
        f"of {pretrained} % on the pretrained rankers on Cranfield, where the random-edit baseline has {control} %"
        in text()
    )
    assert bounds("asr", "keyword stuffing", LEXICAL) == "100 to 100"
    assert f"with a boost of {bounds('boost', 'keyword stuffing', LEXICAL)} ranks" in text()
    changes = [
        row for row in table("summary") if row["id"] == "document-attack-change" and row["ranker"] == "Cross-encoder"
    ]
    assert {f"the {100 * float(row['estimate']):.1f} % of the cross-encoder" in text() for row in changes} == {True}


def test_bm25_of_all_queries_is_that_of_the_rows():
    found = defaultdict(list)
    for row in published_rows("victim"):
        if row["ranker"] == "BM25" and row["measure"] == "nDCG@10" and row["query_id"]:
            found[row["collection"]].append(float(row["value"]))
    cranfield, scifact = (f"{fmean(found[collection]):.3f}"[1:] for collection in ("cranfield", "scifact"))
    assert f"all queries: {cranfield} and {scifact} in `results/victim`" in text()


def shown(estimate, low, high):
    """A change in % with its interval, as the page has it: a gain without a sign."""
    return f"{estimate:.0f} % [{low:.0f}, {high:.0f}]"
