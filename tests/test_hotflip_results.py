"""The figures of HotFlip in docs/attack-figures.md, computed anew from the rows of results/hotflip."""

from __future__ import annotations

from collections import defaultdict
from functools import cache
from pathlib import Path
from statistics import fmean

from tests.result_rows import published_rows
from tests.shown import clopper_pearson

ROOT = Path(__file__).parents[1]
LENGTHS, BUDGETS = (2, 4, 6), (100, 300, 1000)


@cache
def values():
    """(words, queries allowed, measure, condition, cutoff) to the values of its targets."""
    found = defaultdict(list)
    for row in published_rows("hotflip"):
        if row["doc_id"] and row["value"]:
            words, budget = (int(row[name].rpartition("=")[2]) for name in ("attack", "task"))
            found[words, budget, row["measure"], row["condition"], row["cutoff"]].append(float(row["value"]))
    return found


def top10(words, budget, condition="attacked"):
    """Whether each target reached the top 10."""
    of_targets = values()[words, budget, "success", condition, "10"]
    assert len(of_targets) == 43
    return of_targets


def interval(reached):
    """The bounds of Clopper and Pearson, in %: one target a query."""
    low, high = clopper_pearson(reached)
    return f"[{100 * low:.0f}, {100 * high:.0f}]"


def line(words, budget):
    """The line of the table in the docs."""
    reached, control = top10(words, budget), top10(words, budget, "control")
    success, boost, of_control = (
        fmean(values()[words, budget, measure, condition, ""])
        for measure, condition in (("success", "attacked"), ("boost", "attacked"), ("boost", "control"))
    )
    spent = fmean(values()[words, budget, "queries", "", ""])
    cells = (
        f"{words} | {budget:,} | {100 * fmean(reached):.0f} {interval(reached)} | {100 * fmean(control):.0f}",
        f"{100 * success:.0f} | {boost:.1f} | {of_control:.1f} | {spent:.0f}",
    )
    return f"| {' | '.join(cells)} |"


def test_the_docs_say_what_the_rows_say():
    text = (ROOT / "docs" / "attack-figures.md").read_text(encoding="utf-8")
    lines = [line(words, budget) for words in LENGTHS for budget in BUDGETS]
    assert [missing for missing in lines if missing not in text] == []


def test_more_words_and_more_queries_bring_more_targets_into_the_top_10():
    reached = {(words, budget): fmean(top10(words, budget)) for words in LENGTHS for budget in BUDGETS}
    assert reached[2, 1000] < reached[4, 1000] < reached[6, 1000]
    assert reached[6, 100] < reached[6, 300] < reached[6, 1000]
    assert reached[6, 1000] >= 0.6
