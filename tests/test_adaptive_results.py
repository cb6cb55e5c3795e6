"""The figures of defenses under adaptive attacks in docs/defenses-figures.md, computed anew from results/adaptive."""

from __future__ import annotations

from collections import defaultdict
from functools import cache
from pathlib import Path
from statistics import fmean

import numpy as np

from tests.result_rows import published_rows

ROOT = Path(__file__).parents[1]
DEFENSES = ("canonical words", "spamicity filter", "outlier filter")
ATTACKS = ("greedy, encoder's table", "greedy, synonyms")


@cache
def values():
    """(defense, attack, measure, condition, cutoff) to query to the values of its targets."""
    found = defaultdict(lambda: defaultdict(list))
    for row in published_rows("adaptive"):
        if row["query_id"] and row["value"]:
            key = tuple(row[name] for name in ("defense", "attack", "measure", "condition", "cutoff"))
            found[key][row["query_id"]].append(float(row["value"]))
    return found


def by_query(defense, attack, measure="success", condition="attacked", cutoff=""):
    """float64[Q], the mean of each query."""
    of_queries = values()[defense, attack, measure, condition, cutoff]
    assert len(of_queries) == 30
    return np.array([fmean(of_queries[query]) for query in sorted(of_queries)])


def interval(differences):
    """The bounds of a bootstrap over queries, 95 %."""
    draws = np.random.default_rng(0).integers(len(differences), size=(10_000, len(differences)))
    low, high = np.percentile(differences[draws].mean(axis=1), (2.5, 97.5))
    return low, high


def differences(defense, attack):
    """float64[Q]: success with the defense minus without, the same targets' queries."""
    return by_query(defense, attack) - by_query("none", attack)


def line(defense, attack):
    """The line of the table in the docs."""
    ndcg = by_query(defense, attack, "nDCG@10", "clean", "10").mean()
    cells = [attack, defense, f"{ndcg:.3f}".removeprefix("0"), f"{100 * by_query(defense, attack).mean():.0f}"]
    if defense != "none":
        low, high = (round(100 * bound) for bound in interval(differences(defense, attack)))
        cells.append(f"{100 * differences(defense, attack).mean():.0f} [{low}, {high}]")
    else:
        cells.append("–")
    return f"| {' | '.join([*cells, format(by_query(defense, attack, 'boost').mean(), '.1f')])} |"


def test_the_docs_say_what_the_rows_say():
    text = (ROOT / "docs" / "defenses-figures.md").read_text(encoding="utf-8")
    lines = [line(defense, attack) for attack in ATTACKS for defense in ("none", *DEFENSES)]
    assert [missing for missing in lines if missing not in text] == []


def test_canonical_words_alone_have_a_significant_effect():
    bounds = {(d, a): interval(differences(d, a)) for d in DEFENSES for a in ATTACKS}
    assert [key for key, (_, high) in bounds.items() if round(high, 9) < 0] == [("canonical words", a) for a in ATTACKS]
    assert not by_query("canonical words", "greedy, encoder's table").any()
