"""``--set`` and ``--limit`` change the content of an experiment file as its author would, or are refused."""

from __future__ import annotations

import pytest

from robustrank.errors import UsageError
from robustrank.overrides import limited, overridden

RAW = {
    "name": "t",
    "collections": "lee",
    "rankers": [
        "bm25",
        {"name": "bm25:k1=1.2", "label": "tuned.b=1"},
        {"name": "./mine.py:Mine", "depth": 3},
        {"name": "cross-encoder", "label": "ce", "train": {"epochs": 2}},
    ],
    "defenses": [{"name": "certdr", "sweep": {"samples": [10, 20]}}],
    "tasks": [{"name": "document-attack", "targets": ["1-5", "6-9"]}, "iid-variance"],
}


@pytest.mark.parametrize(
    ("setting", "path", "value"),
    [
        ("name=other", ["name"], "other"),
        ("seeds=[1, 2]", ["seeds"], [1, 2]),
        ("report.baseline=bm25", ["report", "baseline"], "bm25"),
        ("rankers.0.k1=0.9", ["rankers", 0], {"name": "bm25", "k1": 0.9}),
        ("rankers.tuned.b=1.b=0.5", ["rankers", 1], {"name": "bm25:k1=1.2", "label": "tuned.b=1", "b": 0.5}),
        ("rankers../mine.py:Mine.depth=4", ["rankers", 2, "depth"], 4),
        ("rankers.ce.train.epochs=1", ["rankers", 3, "train"], {"epochs": 1}),
        ("rankers.ce.train.batch=8", ["rankers", 3, "train"], {"epochs": 2, "batch": 8}),
        ("rankers.ce=bm25", ["rankers", 3], "bm25"),
        ("collections.lee.split=background", ["collections"], [{"name": "lee", "split": "background"}]),
        ("tasks.document-attack.targets.1=10-19", ["tasks", 0, "targets"], ["1-5", "10-19"]),
        ("tasks.iid-variance.queries=3", ["tasks", 1], {"name": "iid-variance", "queries": 3}),
        ("tasks.document-attack.only.rankers=bm25", ["tasks", 0, "only"], {"rankers": "bm25"}),
        ("description=a=b", ["description"], "a=b"),
        ("defenses.certdr.sweep.samples=[5]", ["defenses", 0, "sweep", "samples"], [5]),
    ],
)
def test_what_is_set(setting, path, value):
    changed = overridden(RAW, [setting])
    for key in path:
        changed = changed[key]
    assert changed == value
    assert RAW["collections"] == "lee", "the content that was given is left alone"


def test_later_settings_see_the_earlier():
    changed = overridden(RAW, ["rankers=[bm25, rm3]", "rankers.rm3.terms=5"])
    assert changed["rankers"] == ["bm25", {"name": "rm3", "terms": 5}]


@pytest.mark.parametrize(
    ("setting", "says"),
    [
        ("rankers.bm52.k1=1", "has no item 'bm52'\n  allowed: bm25, tuned.b=1, bm25:k1=1.2"),
        ("rankers.bm52.k1=1", "did you mean 'bm25'"),
        ("rankers.9.k1=1", "has no item '9'"),
        ("rankers.bm25.k1=1", "2 of rankers are called 'bm25'\n  allowed: a label, or a position: 0, 1"),
        ("attacks.hotflip.flips=1", "nothing: there are no attacks"),
        ("defenses.certdr.samples=5", "defenses.0 sweeps samples\n  hint:    set defenses.0.sweep.samples"),
        ("name.part=1", "name is 't', which has no parts"),
        ("name", "there is no value"),
        ("name=[", "the value cannot be read"),
    ],
)
def test_what_leads_nowhere_is_refused(setting, says):
    with pytest.raises(UsageError) as caught:
        overridden(RAW, [setting])
    assert says in str(caught.value)
    assert setting in str(caught.value)


def test_a_limit_is_the_most_queries_of_each_task_that_it_concerns():
    tasks = ["iid-variance", {"name": "query-attack", "queries": 3}, {"name": "document-attack:queries=50"}]
    changed = limited({"tasks": [*tasks, "imitation"]}, 10, lambda task: task != "imitation")["tasks"]
    assert [task["queries"] for task in changed[:3]] == [10, 3, 10]
    assert changed[3] == "imitation"


def test_a_limit_that_a_task_cannot_keep_is_refused():
    for task in ("imitation", {"name": "iid-variance", "sweep": {"queries": [1, 2]}}):
        with pytest.raises(UsageError, match=r"does not measure the first queries|sweeps its queries"):
            limited({"tasks": [task]}, 10)
