"""The tasks about unseen query types and unseen corpora train on what they say, and never on what they test."""

from __future__ import annotations

import json
from collections import Counter

import pytest

from robustrank.engine.cell import Cell, plan
from robustrank.engine.context import Context
from robustrank.engine.resources import Resources
from robustrank.errors import DataError
from robustrank.experiment import check
from robustrank.plugins import create
from robustrank.plugins.specification import Spec
from robustrank.text.query_types import question_forms

# Puts the relevant document first for queries that begin like one it has learned from, and last for others.
RANKER = '''
"""A ranker whose weights are the list of queries it was trained_on."""
import json
from dataclasses import dataclass, replace
from pathlib import Path
import numpy as np
from robustrank.rankers.ranker import PointwiseRanker

@dataclass
class Pupil(PointwiseRanker):
    """Knows the first words of its lessons."""

    weights: str = ""  # the folder fit left

    @property
    def trained_on(self):
        return json.loads((Path(self.weights) / "trained_on.json").read_text())

    def score(self, pairs):
        assert not {query for query, _ in pairs} & set(self.trained_on), "tested on what it has learned"
        known = {query.split()[0] for query in self.trained_on}
        return np.array([(1 if q.split()[0] in known else -1) * ("right" in d) for q, d in pairs], dtype=np.float32)

    def fit(self, train, validation, seed, folder, settings):
        Path(folder).mkdir()
        queries = [*train.queries.values(), *validation.queries.values()]
        (Path(folder) / "trained_on.json").write_text(json.dumps(queries))

    def load(self, folder):
        return replace(self, weights=folder)
'''
FORMS = ("who is", "where is", "why is")


def write_collection(folder, name, forms, per_form=8):
    """Write a BEIR folder: each query has one right document among three."""
    at = folder / name
    (at / "qrels").mkdir(parents=True)
    queries, documents, qrels = [], [], ["query-id\tcorpus-id\tscore"]
    for number in range(per_form * len(forms)):
        word = f"{name}{number}"
        queries.append({"_id": f"q{number}", "text": f"{forms[number % len(forms)]} {word}"})
        documents += [
            {"_id": f"d{number}-{i}", "text": f"{word} {'right' if i == 1 else 'wrong'} {i}"} for i in range(3)
        ]
        qrels.append(f"q{number}\td{number}-1\t1")
    (at / "queries.jsonl").write_text("\n".join(map(json.dumps, queries)) + "\n")
    (at / "corpus.jsonl").write_text("\n".join(map(json.dumps, documents)) + "\n")
    (at / "qrels" / "test.tsv").write_text("\n".join(qrels) + "\n")
    return at


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    folder = tmp_path_factory.mktemp("world")
    (folder / "pupil.py").write_text(RANKER)
    write_collection(folder, "self", FORMS)
    write_collection(folder, "away", ("how many", "what is"))
    return folder


def cells(world, task, collections=("self", "away"), ranker=None, **training):
    ranker = ranker or {"name": str(world / "pupil.py"), "label": "pupil", "train": {"folds": 4, **training}}
    experiment = check(
        {
            "name": "x",
            "collections": [
                {"name": "beir", "folder": str(world / name), "split": "test", "depth": 3, "label": name}
                for name in collections
            ],
            "rankers": [
                ranker or {"name": str(world / "pupil.py"), "label": "pupil", "train": {"folds": 4, **training}}
            ],
            "tasks": [task],
        },
        "test",
    )
    resources = Resources(experiment, world / "cache")
    return [(cell, Context(cell, resources)) for cell in plan(experiment, resources)]


def rows_of(found):
    return [row for cell, context in found for row in create("task", cell.task).run(context)]


def values(rows, condition, group=""):
    """nDCG@10 by query."""
    about = ("nDCG@10", condition, group)
    return {row.query_id: row.value for row in rows if (row.measure, row.condition, row.group) == about}


def test_every_query_is_tested_once_by_a_ranker_that_has_not_seen_it(world):
    found = cells(world, "iid-variance", ["self"])
    assert len(found) == len({cell.key for cell, _ in found}) == 4
    rows = [row for row in rows_of(found) if row.measure == "nDCG@10"]
    assert sorted(row.query_id for row in rows) == sorted(f"q{i}" for i in range(24))
    assert {row.value for row in rows} == {1.0}


def test_a_limit_on_queries_names_the_same_queries_whatever_the_folds(world):
    ids = [q for _, context in cells(world, "iid-variance", ["self"]) for q in context.query_ids(8)]
    assert sorted(ids) == [f"q{i}" for i in range(8)]
    parts = [context.query_ids(8) for _, context in cells(world, "iid-variance", ["self"])]
    assert [len(part) for part in parts] == [2, 2, 2, 2]


def test_a_type_left_out_is_unseen_and_both_models_learn_from_equally_many(world):
    found = cells(world, "ood-query", ["self"])
    rows = rows_of(found)
    seen, unseen = values(rows, "seen"), values(rows, "unseen")
    assert set(seen) == set(unseen) == {f"q{i}" for i in range(24)}
    assert set(seen.values()) == {1.0}
    assert set(unseen.values()) == {0.5}  # the right document is last of three
    who = values(rows, "unseen", "who")
    assert set(who) == {f"q{i}" for i in range(0, 24, 3)}
    scorer_trained_on = [
        json.loads(path.read_text()) for path in (world / "cache" / "models").glob("*/trained_on.json")
    ]
    sizes = Counter(len(queries) for queries in scorer_trained_on if len(set(question_forms(queries))) == 2)
    assert len(sizes) >= 1
    for _, context in found:
        counts = Counter(question_forms(list(context.train_collection.queries.values())))
        smallest = sum(counts.values()) - max(counts.values())
        assert smallest in {len(queries) for queries in scorer_trained_on}
    tested = [row.value for row in rows if (row.measure, row.group) == ("test_queries", "who")]
    assert sum(tested) == 8


def test_small_types_are_refused_with_the_counts(world):
    (_, context), *_ = cells(world, "ood-query", ["self"])
    with pytest.raises(DataError, match="who 8"):
        list(create("task", Spec("ood-query", {"least": 50})).run(context))
    with pytest.raises(DataError, match="how many"):
        list(create("task", Spec("ood-query", {"types": ["how many"]})).run(context))


def test_an_untrained_ranker_has_no_unseen_type_and_no_home(world):
    for task, kept, other in (("ood-query", "seen", "unseen"), ("ood-corpus", "in_domain", "out_of_domain")):
        rows = rows_of(cells(world, task, ranker="bm25"))
        assert values(rows, kept)
        skipped = [row for row in rows if row.status == "skipped"]
        assert skipped
        assert {(row.measure, row.condition) for row in skipped} == {("nDCG@10", other)}


def test_a_ranker_of_another_corpus_meets_what_it_has_not_seen(world):
    found = cells(world, "ood-corpus")
    identities = {cell.collection.label: context.whole.fingerprint for cell, context in found}
    by_collection = {
        (cell.collection.label, row.condition, row.group, row.value)
        for cell, context in found
        for row in rows_of([(cell, context)])
        if row.measure == "nDCG@10"
    }
    assert by_collection == {
        (name, *facts)
        for name, source in (("self", "away"), ("away", "self"))
        for facts in (
            ("in_domain", "", 1.0),
            ("out_of_domain", "", 0.5),
            ("out_of_domain", identities[source], 0.5),
        )
    }


def test_the_keys_of_a_task_that_trains_elsewhere_hold_the_other_collections(world):
    alone, both = (
        {cell.key for cell, _ in cells(world, "ood-corpus", names) if cell.collection.label == "self"}
        for names in (["self"], ["self", "away"])
    )
    assert not alone & both
    iid = [
        {cell.key for cell, _ in cells(world, "iid-variance", names) if cell.collection.label == "self"}
        for names in (["self"], ["self", "away"])
    ]
    assert iid[0] == iid[1]


def test_a_training_split_takes_the_place_of_folds(world):
    experiment = check(
        {
            "name": "x",
            "collections": [
                {"name": "beir", "folder": str(world / "self"), "split": "test", "depth": 3, "label": "self",
                 "train": {"name": "beir", "folder": str(world / "away"), "split": "test", "depth": 3}}
            ],
            "rankers": [{"name": str(world / "pupil.py"), "label": "pupil", "train": {"queries": 6}}],
            "tasks": ["iid-variance"],
        },
        "test",
    )  # fmt: skip
    resources = Resources(experiment, world / "cache")
    (cell,) = plan(experiment, resources)
    assert isinstance(cell, Cell)
    context = Context(cell, resources)
    assert {row.value for row in create("task", cell.task).run(context) if row.measure == "nDCG@10"} == {0.5}
    assert len(context.served.ranker.trained_on) == 6
