"""Certificates with one thing changed each are refused, and none ends in a traceback.

The digest is computed again after each change: it is an unkeyed hash, so a forger can. What cannot be told from the
file alone is refused beside the rows of the run, where they tell it: see tests/cli/test_verify.py.
"""

from __future__ import annotations

import copy
import json

import numpy as np
import pytest

from robustrank.certification.certificate import content_digest
from robustrank.certification.mean import certify_mean
from robustrank.certification.median import certify_median
from robustrank.cli.main import invoke

draw = np.random.default_rng(0)
samples = sorted((draw.beta(a, b, 300) for a, b in ((60, 10), (30, 20), (10, 60))), key=lambda s: -s.mean())
about = {"alpha": 0.05, "radius": 2, "table": "abc"}
rhos = [1, 0.98, 0.97]
MEAN = certify_mean("q1", ["a", "b", "c"], samples, rhos, [1, 2], bound="betting", **about)[0].to_dict()
MEDIAN = certify_median("q1", ["a", "b", "c"], samples, rhos, [1, 2], **about)[0].to_dict()
MEAN, MEDIAN = json.loads(json.dumps([MEAN, MEDIAN]))


def signed(content):
    content = {key: value for key, value in content.items() if key != "digest"}
    return {**content, "digest": content_digest(content)}


def changed(base=MEAN, places=None, drop=False, **fields):
    tampered = copy.deepcopy(base)
    tampered.update(fields)
    for place, values in (places or {}).items():
        tampered["documents"][place].update(values)
    if drop:
        tampered["documents"].pop()
    return signed(tampered)


NONE = {"certified": False, "places": {0: {"lower": 0.0}}}
ALL = (0, 1, 2)
CASES = [  # name, lines, right verdict, what it can be told from, why
    ("untouched", [MEAN], "accept", "numbers", "nothing was changed"),
    ("verdict-flipped", [{**MEAN, "certified": False}], "refuse", "numbers", "the digest is another"),
    (
        "verdict-flipped-signed",
        [changed(certified=False)],
        "refuse",
        "numbers",
        "its own numbers give the other verdict",
    ),
    ("other-query", [changed(query_id="OTHER")], "refuse", "run", "the run ranks no such query"),
    ("other-table", [changed(table="zzz")], "refuse", "run", "the run's table has another fingerprint"),
    ("radius-all-words", [changed(radius=None)], "refuse", "run", "the run certified radius 2"),
    ("radius-negative", [changed(radius=-7)], "refuse", "numbers", "a radius is 0 or more words"),
    ("radius-a-word", [changed(radius="many")], "refuse", "numbers", "a radius is a number or null"),
    ("alpha-tiny", [changed(alpha=1e-9)], "refuse", "numbers", "bounds at 1e-9 from 300 samples are wider than these"),
    ("bound-unknown", [changed(bound="hocus")], "refuse", "numbers", "no such bound"),
    ("kind-unknown", [changed(kind="magic")], "refuse", "numbers", "no such kind"),
    (
        "canonical-over-samples",
        [changed(kind="canonical", alpha=0)],
        "refuse",
        "numbers",
        "a canonical certificate has no sampled bounds",
    ),
    (
        "upper-below-mean",
        [changed(places={1: {"upper": 0.0}, 2: {"upper": 0.0}})],
        "refuse",
        "numbers",
        "an upper bound is not below the mean",
    ),
    (
        "lower-above-mean",
        [changed(places={0: {"lower": 1.0}})],
        "refuse",
        "numbers",
        "a lower bound is not above the mean",
    ),
    (
        "rho-one",
        [changed(places={1: {"rho": 1.0}, 2: {"rho": 1.0}})],
        "refuse",
        "run",
        "the texts hold replaceable words, so rho is below 1",
    ),
    (
        "one-sample",
        [changed(places={i: {"samples": 1} for i in ALL})],
        "refuse",
        "numbers",
        "one sample cannot give these bounds",
    ),
    (
        "hoeffding-over-betting",
        [changed(bound="hoeffding")],
        "refuse",
        "numbers",
        "Hoeffding's bound is a function of mean, samples and alpha, and is another",
    ),
    ("twice", [MEAN, MEAN], "refuse", "file", "one list, K and radius has one certificate"),
    ("contradicting", [MEAN, changed(**NONE)], "refuse", "file", "two verdicts on one list, K and radius"),
    (
        "radius-5-not-1",
        [changed(radius=5), changed(radius=1, **NONE)],
        "refuse",
        "file",
        "what holds for five words holds for one",
    ),
    (
        "k-beyond-the-list",
        [changed(k=99)],
        "count-0",
        "numbers",
        "nobody stands outside: nothing is proven, so it certifies no list",
    ),
    ("k-fraction", [changed(k=1.5)], "refuse", "numbers", "K is an integer"),
    ("k-string", [changed(k="1")], "refuse", "numbers", "K is an integer"),
    ("alpha-string", [changed(alpha="0.05")], "refuse", "numbers", "alpha is a number"),
    ("certified-integer", [changed(certified=1)], "refuse", "numbers", "a verdict is true or false"),
    ("documents-null", [changed(documents=None)], "refuse", "numbers", "no evidence"),
    ("documents-empty", [changed(documents=[])], "refuse", "numbers", "no evidence"),
    ("line-a-list", ["[1,2]"], "refuse", "numbers", "no certificate"),
    ("line-a-number", ["3"], "refuse", "numbers", "no certificate"),
    ("blank-lines", ["", ""], "refuse", "file", "no certificate stands in it"),
    ("empty-file", [], "refuse", "file", "no certificate stands in it"),
    ("mean-nan", [changed(places={2: {"mean": float("nan")}})], "refuse", "numbers", "not a number"),
    ("mean-string", [changed(places={2: {"mean": "0.1"}})], "refuse", "numbers", "a mean is a number"),
    ("doc-id-number", [changed(places={2: {"doc_id": 1}})], "refuse", "numbers", "an id is a string"),
    ("further-field", [{**MEAN, "x": 1}], "refuse", "numbers", "an unknown field is not covered by the digest"),
    ("outsider-left-out", [changed(drop=True)], "refuse", "run", "the list holds three documents"),
    (
        "median-upper-below",
        [changed(MEDIAN, {1: {"upper": -5.0}})],
        "refuse",
        "numbers",
        "the upper bound after an edit is not below the median",
    ),
    (
        "median-small-rho",
        [changed(MEDIAN, {1: {"rho": 0.2}, 2: {"rho": 0.2}})],
        "refuse",
        "numbers",
        "below rho .5 the bound is infinite",
    ),
    (
        "median-three-samples",
        [changed(MEDIAN, {i: {"samples": 3} for i in ALL})],
        "refuse",
        "numbers",
        "three samples give no finite bound at this alpha",
    ),
]


@pytest.mark.parametrize(("name", "lines", "right", "needs", "why"), CASES, ids=[tamper[0] for tamper in CASES])
def test_each_tamper_has_its_verdict(tmp_path, capsys, name, lines, right, needs, why):
    if needs == "run":
        pytest.skip(f"cannot be told from the file alone: {why}")
    path = tmp_path / f"{name}.jsonl"
    path.write_text("".join((line if isinstance(line, str) else json.dumps(line)) + "\n" for line in lines))
    code, printed = invoke(["verify", str(path)]), capsys.readouterr()
    if right == "refuse":
        assert code == 4, why
        assert str(path) in printed.err
    else:
        assert code == 0
        assert f"{'0' if right == 'count-0' else '1'} certify their list" in printed.out
