"""The figures of added documents in docs/attack-figures.md, computed anew from the rows of results/corpus."""

from __future__ import annotations

import json
from collections import defaultdict
from functools import cache
from pathlib import Path
from statistics import fmean

from scipy.stats import binomtest

from tests.result_rows import published_rows
from tests.shown import clopper_pearson

ROOT = Path(__file__).parents[1]
POISONING = [(f"{n} passage{'s' * (n > 1)}", "steps", n, steps) for n in (1, 5) for steps in (10, 40, 160)]
GASLITE = [("GASLITE", "iterations", 5, iterations) for iterations in (4, 16)]
QUERIES = 300
CUTOFFS = ("1", "10", "20", "100")


@cache
def values():
    """(attack, measure, condition, cutoff) to query to value; "" is a fact of all queries."""
    found = defaultdict(dict)
    for row in published_rows("corpus"):
        if row["value"] and not row["doc_id"]:
            key = row["attack"], row["measure"], row["condition"], row["cutoff"]
            found[key][row["query_id"]] = float(row["value"])
    return found


def successes(attack, condition, cutoff):
    """Whether the list of each query has an added document among the first k."""
    found = list(values()[attack, "success", condition, cutoff].values())
    assert len(found) == QUERIES
    return found


def interval(found):
    """The share, and the bounds of Clopper and Pearson, in %."""
    low, high = clopper_pearson(found)
    return f"{100 * fmean(found):.1f} [{100 * low:.1f}, {100 * high:.1f}]"


def chance(documents, k):
    """The share of lists, in %, whose first k hold one of some documents that are drawn from the corpus at random."""
    provenance = json.loads((ROOT / "results" / "corpus" / "provenance.json").read_text(encoding="utf-8"))
    return 100 * (1 - (1 - k / provenance["collections"]["scifact-msmarco"]["documents"]) ** documents)


def line(label, name, documents, steps):
    """A line of the table in the docs."""
    attack = f"{label}:{name}={steps}"
    assert list(values()[attack, "documents", "attacked", ""].values()) == [documents]
    shares = ", ".join(f"{100 * fmean(successes(attack, 'attacked', k)):.1f}" for k in CUTOFFS)
    at_20 = [interval(successes(attack, condition, "20")) for condition in ("attacked", "control")]
    called = label if label == "GASLITE" else "corpus poisoning"
    return f"| {called} | {documents} | {steps} | {shares} | {' | '.join(at_20)} | {chance(documents, 20):.2f} |"


def test_the_docs_say_what_the_rows_say():
    text = (ROOT / "docs" / "attack-figures.md").read_text(encoding="utf-8")
    assert [missing for case in [*POISONING, *GASLITE] if (missing := line(*case)) not in text] == []


def test_poisoning_succeeds_more_with_steps_and_passages_and_random_documents_as_chance_has_it():
    at_20, control = (
        {(n, steps): sum(successes(f"{label}:{name}={steps}", condition, "20")) for label, name, n, steps in POISONING}
        for condition in ("attacked", "control")
    )
    for passages in (1, 5):
        assert at_20[passages, 10] < at_20[passages, 40] < at_20[passages, 160]
    for steps in (10, 40, 160):
        assert at_20[1, steps] < at_20[5, steps]
        assert control[1, steps] == 0
        expected = chance(5, 20) / 100
        assert binomtest(int(control[5, steps]), QUERIES, expected).pvalue > 0.01
        assert binomtest(int(at_20[5, 160]), QUERIES, expected).pvalue < 1e-9
