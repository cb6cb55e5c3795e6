"""The figures of added documents in docs/retrieval.md, computed anew from the rows of results/corpus."""

from __future__ import annotations

from collections import defaultdict
from functools import cache
from pathlib import Path
from statistics import fmean

from tests.result_rows import published_rows

ROOT = Path(__file__).parents[1]
ATTACKS = {
    "the query": "the query",
    **{f"{n} passage{'s' * (n > 1)}:steps={steps}": f"{n}, {steps}" for n in (1, 5) for steps in (10, 40, 160)},
}


@cache
def values():
    """(attack, measure, condition, cutoff) to the values of its queries."""
    found = defaultdict(list)
    for row in published_rows("corpus"):
        found[row["attack"], row["measure"], row["condition"], row["cutoff"]].append(float(row["value"]))
    return found


def shares(attack, condition):
    """The share of the attacked queries in % at each cutoff."""
    of_k = [values()[attack, "success", condition, k] for k in ("1", "10", "20", "100")]
    assert {len(of_queries) for of_queries in of_k} == {300}
    return [100 * fmean(of_queries) for of_queries in of_k]


def line(attack, label):
    """The line of the table in the docs."""
    (documents,) = values()[attack, "documents", "attacked", ""]
    attacked, control = (", ".join(f"{s:.0f}" for s in shares(attack, c)) for c in ("attacked", "control"))
    ndcg = f"{fmean(values()[attack, 'nDCG@10', 'attacked', '10']):.3f}".lstrip("0")
    return f"| {label} | {documents:.0f} | {attacked} | {control} | {ndcg} |"


def test_the_docs_say_what_the_rows_say():
    text = (ROOT / "docs" / "retrieval.md").read_text(encoding="utf-8")
    assert [missing for item in ATTACKS.items() if (missing := line(*item)) not in text] == []


def test_poisoning_succeeds_more_with_steps_and_passages_and_more_than_its_control():
    at_20, control = (
        {label: shares(attack, condition)[2] for attack, label in ATTACKS.items()}
        for condition in ("attacked", "control")
    )
    for passages in (1, 5):
        assert max(at_20[f"{passages}, 10"], at_20[f"{passages}, 40"]) < at_20[f"{passages}, 160"]
        assert at_20[f"{passages}, 160"] > control[f"{passages}, 160"]
    for steps in (10, 40, 160):
        assert at_20[f"1, {steps}"] < at_20[f"5, {steps}"]
        assert control[f"1, {steps}"] == 0
