"""The learned filter: it finds what it was taught, and nobody judges what he has learned from."""

from __future__ import annotations

import numpy as np
import pytest
from robustrank.defenses.parts.cross_fitting import CrossFitEnsemble, FoldClassifier, TrainingExample

from robustrank.collections.collection import Collection
from robustrank.engine.cell import plan
from robustrank.engine.resources import Resources
from robustrank.errors import DataError, UsageError
from robustrank.experiment import check
from robustrank.plugins import create
from robustrank.plugins.specification import Spec
from robustrank.randomness import derive
from robustrank.rankers.lexical import BM25

pytest.importorskip("sklearn")

NOUNS = ["wing", "jet", "plane", "shock", "body", "flow", "nozzle", "wall"]
VERBS = ["lifts", "heats", "slows", "moves"]
DOCUMENTS = {
    f"{noun}-{verb}-{other}": f"the {noun} {verb} the air over a {other} and the pressure near the {noun} falls"
    for noun in NOUNS
    for verb in VERBS
    for other in NOUNS
    if other != noun
}
QUERIES = {noun: f"pressure of the {noun}" for noun in NOUNS}
RANKED = {noun: tuple(sorted(DOCUMENTS, key=lambda d, noun=noun: (noun not in d, d)))[:60] for noun in NOUNS}
COLLECTION = Collection("c", QUERIES, DOCUMENTS, {}, RANKED)
TAUGHT = {"attacks": ["random-trigger:length=3"], "documents": 60, "features": ["style"]}


def defended(**parameters):
    inner = BM25()
    inner.prepare(COLLECTION)
    return create("defense", Spec("learned-filter", parameters)).wrap(inner, COLLECTION, derive(0, "defense"))


def area(ranker, before, after):
    clean, attacked = ranker.anomaly_scores(before), ranker.anomaly_scores(after)
    return np.mean((attacked[:, None] > clean) + 0.5 * (attacked[:, None] == clean))


def attacked(words):
    pairs = [pair for query_id in QUERIES for pair in COLLECTION.pairs(query_id)[::10]]
    return pairs, [(query, f"{words} {document}") for query, document in pairs]


@pytest.mark.parametrize("features", [["ngrams"], ["style"], ["ngrams", "style", "overlap"]])
def test_it_finds_what_it_was_taught_for_a_price_that_was_chosen(features):
    ranker = defended(**{**TAUGHT, "features": features, "target_fpr": 0.1})
    pairs, triggered = attacked("nozzle slows heats")
    assert area(ranker, pairs, triggered) > (0.95 if "style" in features else 0.6)
    assert ranker.is_flagged(pairs).mean() <= 0.15
    alone = [float(ranker.detector.anomaly_score(*pair_of(pair))[0]) for pair in pairs[:5]]
    assert alone == ranker.anomaly_scores(pairs)[:5].tolist()
    assert ranker.fingerprint == defended(**{**TAUGHT, "features": features, "target_fpr": 0.1}).fingerprint


def pair_of(pair):
    return pair[0], [pair[1]]


class Words:
    """A feature: whether the text is attacked."""

    def of(self, pairs):
        return np.array([[float("bad" in document)] for _, document in pairs])


def test_nobody_judges_what_he_has_learnt_from():
    jurors = tuple(
        FoldClassifier(np.array([weight]), 0.0, frozenset({query}), frozenset({document}))
        for weight, query, document in [(1.0, "q1", "bad 1"), (10.0, "q2", "bad 2"), (100.0, "q3", "bad 3")]
    )
    ensemble = CrossFitEnsemble(Words(), jurors)
    assert ensemble.anomaly_score("q1", ["bad 2", "bad 1", "bad 4", "good"]).tolist() == [100, 55, 55, 0]
    assert ensemble.anomaly_score("other", ["bad 4"]).tolist() == [37]
    assert ensemble.anomaly_score("other", []).shape == (0,)


def test_queries_and_documents_are_dealt_out():
    training_split = [
        TrainingExample(f"q{i}", f"word {i} {j % 7}", (f"bad {i} {j}",)) for i in range(9) for j in range(7)
    ]
    training_split += [TrainingExample("q8", "word 0 0", ("bad",))]  # learned with q0 already
    ensemble = CrossFitEnsemble.scorer_trained_on(
        training_split, [one.document for one in training_split], ["style"], 1.0, derive(0)
    )
    queries = [query for classifier in ensemble.jurors for query in classifier.queries]
    documents = [document for classifier in ensemble.jurors for document in classifier.documents]
    assert sorted(queries) == sorted({one.query for one in training_split})
    assert sorted(documents) == sorted({one.document for one in training_split})
    assert len(documents) == 63


def test_files_teach_it_and_are_part_of_the_key(tmp_path):
    path = tmp_path / "pairs.tsv"

    def write(words):
        rows = [
            (noun, QUERIES[noun], d, DOCUMENTS[d], f"{words} {DOCUMENTS[d]}") for noun in NOUNS for d in RANKED[noun]
        ]
        path.write_text("".join("\t".join(row) + "\n" for row in rows))

    def key():
        raw = {"name": "x", "collections": ["lee"], "rankers": ["bm25"], "tasks": ["iid-variance"]}
        raw["defenses"] = [{"name": "learned-filter", "files": [str(path)]}]
        experiment = check(raw, "test")
        (cell,) = plan(experiment, Resources(experiment, tmp_path))
        return cell.key

    write("nozzle heats slows")
    ranker = defended(attacks=[], files=[str(path)], features=["style"])
    assert area(ranker, *attacked("heats nozzle moves")) > 0.95
    pytest.importorskip("gensim")
    before = key()
    write("other words here")
    assert key() != before


def test_what_it_cannot_learn_from_is_refused():
    with pytest.raises(UsageError, match="greedy-substitution"):
        defended(attacks=["greedy-substitution"])
    with pytest.raises(UsageError, match="character-typos"):
        defended(attacks=["character-typos"])
    with pytest.raises(UsageError, match="learn from one of them"):
        defended(attacks=[], files=[])
    with pytest.raises(UsageError, match="features"):
        defended(features=["smell"])
    with pytest.raises(DataError, match="no adversarial documents"):
        defended(attacks=[], files=["/nowhere"])
    training_split = [TrainingExample(f"q{i}", f"one {i}") for i in range(9)]
    with pytest.raises(DataError, match="cannot learn from 3 clean and 0 attacked"):
        CrossFitEnsemble.scorer_trained_on(
            training_split, [one.document for one in training_split], ["style"], 1.0, derive(0)
        )
    with pytest.raises(DataError, match="no text"):
        CrossFitEnsemble.scorer_trained_on([], [], ["style"], 1.0, derive(0))


def test_beside_every_attacked_document_stands_a_clean_one_that_ranks_better_for_the_query():
    made = create("defense", Spec("learned-filter", {"attacks": ["keyword-stuffing"], "documents": 40}))
    training_split = list(made._from_attacks(BM25(), COLLECTION, derive(0)))
    assert len({one.document for one in training_split}) == len(training_split) == 80
    for attacked_one, company in zip(training_split[::2], training_split[1::2], strict=True):
        noun = next(noun for noun, query in QUERIES.items() if query == company.query)
        assert attacked_one.attacked == (f"{company.query} {attacked_one.document}",)
        assert company.attacked == ()
        assert place_of(noun, company.document) < place_of(noun, attacked_one.document)


def place_of(noun, document):
    return RANKED[noun].index(next(doc_id for doc_id, text in DOCUMENTS.items() if text == document))
