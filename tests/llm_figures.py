"""docs/llm-figures.md, from the committed rows of results/llm alone, by code of its own: no report code is involved."""

from __future__ import annotations

import csv
import gzip
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from statistics import fmean

ROWS = Path(__file__).parents[1] / "results" / "llm" / "rows.csv.gz"
PROMPTED = ("pointwise", "FIRST", "setwise", "pairwise")
RANKERS = ("BM25", "bi-encoder", *PROMPTED)
Means = Mapping[tuple[str, str, str, str, str, str, str], float]
ABOUT = """\
# A small language model as a ranker

Run folder `results/llm`, made by `robustrank run llm`: SmolLM2-135M-Instruct through four kinds of prompts, beside BM25
and a bi-encoder of 22M parameters; BM25's top 10 of 20 queries of TREC DL 2019, 20 words of a passage, top 3 of
heapsorts. A test makes this page from the rows.

**A model of 135M parameters hardly ranks.** In a random order of the candidates, where the first stage does not help
it, the best of its four kinds of prompts ({best}) has an nDCG@10 of {prompted}; BM25 has {lexical}, the bi-encoder
{dense}. What follows shows what the measures see of such a ranker, and says nothing of models that rank.

## Order of the candidates

"""
ATTACKS = """
## Attacks on the last document of the list

The injection closes the user's turn with the model's own tags, and writes a finished answer. The control has random
words of its length; noise is the mean change of rank by a neutral edit of its length.

"""
ORDER_COLUMNS = {  # heading -> measure, condition, group
    "first stage's order": ("nDCG@10", "clean", ""),
    "reversed": ("nDCG@10", "", "reversed"),
    "random": ("nDCG@10", "", "random"),
    "worst": ("nDCG@10", "worst", ""),
    "tau": ("tau", "", ""),
    "slope": ("position_slope", "", ""),
    "both orders agree": ("order_agreement", "", ""),
    "picked first": ("picked_first", "", ""),
    "prompts": ("model_calls", "", ""),
}
ATTACK_COLUMNS = {  # heading -> defense, measure, condition
    "success": ("none", "success", "attacked"),
    "of control": ("none", "success", "control"),
    "ranks gained": ("none", "boost", "attacked"),
    "by control": ("none", "boost", "control"),
    "noise": ("none", "noise_boost", "control"),
    "sanitised: success": ("sanitised", "success", "attacked"),
    "sanitised: ranks gained": ("sanitised", "boost", "attacked"),
}


def means_of(rows: Path) -> Means:
    """Return means over rows by task, ranker, defense, attack, measure, condition, group; success has no cutoff."""
    values: dict[tuple[str, str, str, str, str, str, str], list[float]] = defaultdict(list)
    with gzip.open(rows, "rt", encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            if row["value"] and (not row["cutoff"] or "@" in row["measure"]):
                names = row["ranker"], row["defense"], row["attack"], row["measure"], row["condition"], row["group"]
                values[row["task"].partition(":")[0], *names].append(float(row["value"]))
    return {key: fmean(of_key) for key, of_key in values.items()}


def page(rows: Path = ROWS) -> str:
    """Return the page."""
    means = means_of(rows)
    shuffled = {name: means["order-consistency", name, "none", "", "nDCG@10", "", "random"] for name in RANKERS}
    best = max(PROMPTED, key=lambda name: shuffled[name])
    figures = {"prompted": shuffled[best], "lexical": shuffled["BM25"], "dense": shuffled["bi-encoder"]}
    about = ABOUT.format(best=best, **{name: _shown(value) for name, value in figures.items()})
    return "".join([about, *_orders(means), ATTACKS, *_attacks(means)])


def _orders(means: Means) -> Iterator[str]:
    yield from _head("ranker", *ORDER_COLUMNS)
    for name in RANKERS:
        key = "order-consistency", name, "none", ""
        yield _line(name, *(_shown(means.get((*key, *column))) for column in ORDER_COLUMNS.values()))


def _attacks(means: Means) -> Iterator[str]:
    yield from _head("attack", "ranker", *ATTACK_COLUMNS)
    for attack in ("list injection", "keyword stuffing"):
        for name in RANKERS:
            keys = (("document-attack", name, d, attack, m, c, "") for d, m, c in ATTACK_COLUMNS.values())
            yield _line(attack, name, *(_shown(means.get(key)) for key in keys))


def _head(*names: str) -> tuple[str, str]:
    return _line(*names), f"|{'---|' * len(names)}\n"


def _line(*cells: str) -> str:
    return f"| {' | '.join(cells)} |\n"


def _shown(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}".replace("-0.00", "0.00")
