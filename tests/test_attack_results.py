"""The figures of attacks in docs/attack-figures.md, computed anew from the rows of results/attacks."""

from __future__ import annotations

from collections import defaultdict
from functools import cache
from pathlib import Path
from statistics import fmean

import numpy as np
import pytest

from tests.result_rows import published_rows
from tests.shown import with_interval

ROOT = Path(__file__).parents[1]
RANKERS = ("bi-encoder", "cross-encoder")
CONTROLS = {"random trigger", "random words"}  # which are their own controls


@cache
def values():
    """(ranker, attack, measure, condition, cutoff) to query to the values of its targets."""
    found = defaultdict(lambda: defaultdict(list))
    for row in published_rows("attacks"):
        if row["doc_id"] and row["value"]:
            key = (row["ranker"], row["attack"], row["measure"], row["condition"], row["cutoff"])
            found[key][row["query_id"]].append(float(row["value"]))
    return found


def attacks():
    return sorted({key[1] for key in values() if key[2] == "success"})


def mean(*key):
    return fmean(value for of_query in values()[key].values() for value in of_query)


def difference(ranker, attack):
    """ASR above that of the control, in points, with its 95 % percentile bootstrap interval over queries."""
    attacked, control = (values()[ranker, attack, "success", condition, ""] for condition in ("attacked", "control"))
    assert attacked.keys() == control.keys()
    per_query = np.array([100 * (fmean(attacked[q]) - fmean(control[q])) for q in attacked])
    return with_interval(per_query, 0)


def line(ranker, attack):
    """The line of the table in the docs."""
    targets = sum(map(len, values()[ranker, attack, "success", "attacked", ""].values()))
    success, top, boost = (
        mean(ranker, attack, measure, "attacked", cutoff)
        for measure, cutoff in (("success", ""), ("success", "10"), ("boost", ""))
    )
    above = "–" if attack in CONTROLS else difference(ranker, attack)
    cells = f"{attack} | {ranker} | {targets} | {100 * success:.0f} | {above} | {100 * top:.0f} | {boost:.1f}"
    return f"| {cells} |"


@pytest.mark.parametrize("ranker", RANKERS)
def test_the_docs_say_what_the_rows_say(ranker):
    text = (ROOT / "docs" / "attack-figures.md").read_text(encoding="utf-8")
    lines = [line(ranker, attack) for attack in attacks() if (ranker, attack, "success", "attacked", "") in values()]
    assert lines
    assert [missing for missing in lines if missing not in text] == []
