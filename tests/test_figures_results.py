"""The figures of the quickstart in docs/figures.md, computed anew from the rows of results/quickstart."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from statistics import fmean

import numpy as np
import pytest

from tests.result_rows import published_rows
from tests.shown import interval, number

PAGE = Path(__file__).parents[1] / "docs" / "figures.md"
LABELS = {  # how the docs call them
    "minilm": "minilm (also the surrogate: effectively white-box)",
    "late interaction": "late interaction with the same encoder (transfer)",
}


def of_queries(ranker, words, condition):
    """Attack success of each query's targets by substitution of so many words."""
    found = defaultdict(list)
    for row in published_rows("quickstart"):
        attack = row["attack"].startswith("word-substitution") and row["attack"].endswith(f"max_words={words}")
        key = (row["ranker"], row["measure"], row["condition"], row["cutoff"])
        if attack and key == (ranker, "success", condition, "") and row["query_id"]:
            found[row["query_id"]].append(float(row["value"]))
    return found


@pytest.mark.parametrize("ranker", LABELS)
def test_the_docs_say_what_word_substitution_does(ranker):
    (line,) = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if f"| {LABELS[ranker]} |" in line]
    for words, cell in zip((2, 8), line.split("|")[2:4], strict=True):
        attacked, control = (of_queries(ranker, words, condition) for condition in ("attacked", "control"))
        assert attacked.keys() == control.keys()
        assert sum(map(len, attacked.values())) == 16
        differences = np.array([100 * (fmean(attacked[query]) - fmean(control[query])) for query in sorted(attacked)])
        assert len(differences) == 8
        mean, (low, high) = differences.mean(), interval(differences)
        said = [float(text.strip("[],")) for text in cell.split()]
        assert f"{said[0]:.0f}" == number(mean, 0)
        assert said[1:] == pytest.approx([low, high], abs=6.3)  # 16 targets: a step of the bootstrap is 6.25 points


def test_the_docs_say_how_effective_the_rankers_are():
    page, found = PAGE.read_text(encoding="utf-8"), defaultdict(list)
    for row in published_rows("quickstart"):
        if row["task"].startswith("iid-variance") and row["measure"] == "nDCG@10" and row["query_id"]:
            found[row["ranker"]].append(float(row["value"]))
    assert {ranker: len(values) for ranker, values in found.items()} == {
        "bm25": 24,
        "minilm": 24,
        "late interaction": 24,
    }
    assert [ranker for ranker, values in found.items() if f"| {ranker} | {number(fmean(values))} |" not in page] == []
