"""The figures of defenses against added documents in docs/attack-figures.md, computed from results/corpus-defenses."""

from __future__ import annotations

from collections import defaultdict
from functools import cache
from pathlib import Path
from statistics import fmean

from tests.result_rows import published_rows
from tests.shown import number

ROOT = Path(__file__).parents[1]
CASES = {  # (task, attack) to what the docs call them, and the number of queries
    ("unknown queries", "corpus poisoning"): ("corpus poisoning, 160 steps", 300),
    ("unknown queries", "GASLITE"): ("GASLITE, 16 iterations", 300),
    ("known queries", "the query"): ("the query", 50),
    ("passages", "the query"): ("the query before a passage", 50),
    ("passages", "PoisonedRAG"): ("PoisonedRAG, black box", 50),
    ("passages, white box", "PoisonedRAG, white box"): ("PoisonedRAG, white box", 10),
}
DEFENSES = ("none", "outlier filter", "duplicate filter", "RAGDefender")
CUTOFFS = ("1", "10", "20", "100")


@cache
def values():
    """(task, attack, defense, measure, condition, cutoff, group) to query to value; "" is a fact of all queries."""
    found = defaultdict(dict)
    for row in published_rows("corpus-defenses"):
        if row["value"] and not row["doc_id"]:
            key = (row["measure"], row["condition"], row["cutoff"], row["group"])
            found[row["task"], row["attack"], row["defense"], *key][row["query_id"]] = float(row["value"])
    return found


def of(case, measure, condition, cutoff="", group=""):
    return list(values()[*case, measure, condition, cutoff, group].values())


def shares(case, condition):
    """Success at each cutoff, in % of the queries."""
    found = [of(case, "success", condition, k) for k in CUTOFFS]
    assert {len(of_queries) for of_queries in found} == {CASES[case[:2]][1]}
    return ", ".join(f"{100 * fmean(of_queries):.0f}" for of_queries in found)


def line(task, attack, defense):
    """A line of the table in the docs."""
    case = task, attack, defense
    (documents,) = of(case, "documents", "attacked")
    ndcg = [number(fmean(of(case, "nDCG@10", condition, "10"))) for condition in ("clean", "attacked")]
    flagged = ["–"] * 3
    if defense != "none":
        groups = [("flagged", "attacked", ""), *(("flagged_candidates", "clean", g) for g in ("gain 1", "unjudged"))]
        flagged = [f"{100 * fmean(of(case, m, condition, '', group)):.0f}" for m, condition, group in groups]
    cells = [CASES[task, attack][0], defense, f"{documents:.0f}", shares(case, "attacked"), shares(case, "control")]
    return f"| {' | '.join([*cells, *flagged, *ndcg])} |"


def lines():
    return [line(*case, defense) for case in CASES for defense in DEFENSES]


def test_the_docs_say_what_the_rows_say():
    text = (ROOT / "docs" / "attack-figures.md").read_text(encoding="utf-8")
    assert [missing for missing in lines() if missing not in text] == []
