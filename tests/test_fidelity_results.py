"""The figures beside the authors' texts in docs/attack-figures.md, computed anew from results/fidelity."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from statistics import fmean, median

import numpy as np
import pytest

from tests.shown import number, with_interval

ROOT = Path(__file__).parents[1]
COUNTER_FITTED = "table=counter-fitted.tsv,similarity=null"
ANCHOR_ALONE = "margin=0,candidates=128"
SPLADE = "late-interaction:model=splade-tiny,max_length=96"
TAUGHT = "segment-cosine:model=models/rr-minilm-ce,max_length=96,dtype=bf16"
SETTINGS = {  # a line of the docs: attack, settings and surrogate of its records, and the least number of pairs
    "PAT, 12 tokens": ("pat", "", "victim", 40),
    "PAT, surrogate SPLADE-tiny": ("pat", "", SPLADE, 40),
    "PAT, surrogate rr-minilm-ce": ("pat", "", TAUGHT, 40),
    "PAT, margin 0": ("pat", ANCHOR_ALONE, "victim", 60),
    "PAT, margin 0, SPLADE-tiny": ("pat", ANCHOR_ALONE, SPLADE, 40),
    "PAT, margin 0, rr-minilm-ce": ("pat", ANCHOR_ALONE, TAUGHT, 15),
    "IDEM, 100 sentences": ("idem", "weight=0.2", "victim", 24),
    "IDEM, surrogate SPLADE-tiny": ("idem", "weight=0.2", SPLADE, 24),
    "PRADA, 10 words of `synonyms`": ("prada", "", "victim", 100),
    "PRADA, 10 words of counter-fitted vectors": ("prada", COUNTER_FITTED, "victim", 60),
    "the same, surrogate SPLADE-tiny": ("prada", COUNTER_FITTED, SPLADE, 40),
}


@cache
def records():
    text = (ROOT / "results" / "fidelity" / "pairs.jsonl").read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


def pairs_of(name):
    """The records of a line."""
    *setting, least = SETTINGS[name]
    found = [r for r in records() if [r["attack"], r["settings"], r["surrogate"]] == setting]
    assert len(found) == len({r["query_id"] for r in found}) >= least
    return found


def difference(name):
    """How much more ours win than the authors': mean, and its 95 % interval over pairs."""
    return with_interval(np.array([r["ours"]["won"] - r["authors'"]["won"] for r in pairs_of(name)]))


def lines(name):
    """The lines of the table in the docs."""
    found = pairs_of(name)
    last = {"authors'": "–", "ours": difference(name)}
    for texts, won in last.items():
        values = {key: [r[texts][key] for r in found] for key in found[0][texts]}
        cells = (
            f"{name} | {texts} | {len(found)} | {number(fmean(values['won']))} | {won}",
            f"{100 * fmean(values['rises']):.0f} | {fmean(values['boost']):.1f} | {median(values['inserted']):.0f}",
            f"{100 * fmean(values['query_words']):.0f} | {median(values['perplexity']):.0f}",
        )
        yield f"| {' | '.join(cells)} |"


@pytest.mark.parametrize("name", SETTINGS)
def test_the_docs_say_what_the_records_say(name):
    text = (ROOT / "docs" / "attack-figures.md").read_text(encoding="utf-8")
    assert [line for line in lines(name) if line not in text] == []


def test_records_hold_no_text_of_ms_marco():
    measured = [value for r in records() for texts in ("ours", "authors'") for value in r[texts].values()]
    assert measured
    assert not any(isinstance(value, str) for value in measured)
