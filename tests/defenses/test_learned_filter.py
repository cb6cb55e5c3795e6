"""The learned filter: it detects the attacks it was trained on, and its predictions are out-of-fold."""

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
    f"{noun}-{verb}-{second}": f"the {noun} {verb} the air over a {second} and the pressure near the {noun} falls"
    for noun in NOUNS
    for verb in VERBS
    for second in NOUNS
    if second != noun
}
QUERIES = {noun: f"pressure of the {noun}" for noun in NOUNS}
RANKED = {noun: tuple(sorted(DOCUMENTS, key=lambda d, noun=noun: (noun not in d, d)))[:60] for noun in NOUNS}
COLLECTION = Collection("c", QUERIES, DOCUMENTS, {}, RANKED)
TRAINED = {"attacks": ["random-trigger:length=3"], "documents": 60, "features": ["style"]}


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
def test_it_detects_the_attacks_it_was_trained_on_at_the_target_fpr(features):
    ranker = defended(**{**TRAINED, "features": features, "target_fpr": 0.1})
    pairs, triggered = attacked("nozzle slows heats")
    assert area(ranker, pairs, triggered) > (0.95 if "style" in features else 0.6)
    assert ranker.is_flagged(pairs).mean() <= 0.15
    alone = [float(ranker.detector.anomaly_score(pair[0], [pair[1]])[0]) for pair in pairs[:5]]
    assert alone == ranker.anomaly_scores(pairs)[:5].tolist()
    again = defended(**{**TRAINED, "features": features, "target_fpr": 0.1})
    assert again.anomaly_scores(pairs).tolist() == ranker.anomaly_scores(pairs).tolist()


class IsAttacked:
    """A feature: whether the text is attacked."""

    def transform(self, pairs):
        return np.array([[float("bad" in document)] for _, document in pairs])


def test_predictions_are_out_of_fold_for_query_and_document():
    classifiers = tuple(
        FoldClassifier(np.array([weight]), 0.0, frozenset({query}), frozenset({document}))
        for weight, query, document in [(1.0, "q1", "bad 1"), (10.0, "q2", "bad 2"), (100.0, "q3", "bad 3")]
    )
    ensemble = CrossFitEnsemble(IsAttacked(), classifiers)
    assert ensemble.anomaly_score("q1", ["bad 2", "bad 1", "bad 4", "good"]).tolist() == [100, 55, 55, 0]
    assert ensemble.anomaly_score("q4", ["bad 4"]).tolist() == [37]
    assert ensemble.anomaly_score("q4", []).shape == (0,)


def test_queries_and_documents_are_split_into_folds():
    examples = [TrainingExample(f"q{i}", f"word {i} {j}", (f"bad {i} {j}",)) for i in range(9) for j in range(7)]
    examples += [TrainingExample("q8", "word 0 0", ("bad",))]  # trains with q0 already
    ensemble = CrossFitEnsemble.fit(examples, [e.document for e in examples], ["style"], 1.0, derive(0))
    queries = [query for classifier in ensemble.classifiers for query in classifier.queries]
    documents = [document for classifier in ensemble.classifiers for document in classifier.documents]
    assert sorted(queries) == sorted({e.query for e in examples})
    assert sorted(documents) == sorted({e.document for e in examples})
    assert len(documents) == 63


def test_it_trains_on_files_whose_content_is_part_of_the_key(tmp_path):
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
    write("three further words")
    assert key() != before


def test_training_data_it_cannot_use_is_refused():
    with pytest.raises(UsageError, match="greedy-substitution"):
        defended(attacks=["greedy-substitution"])
    with pytest.raises(UsageError, match="character-typos"):
        defended(attacks=["character-typos"])
    with pytest.raises(UsageError, match="at least one of them must be given"):
        defended(attacks=[], files=[])
    with pytest.raises(UsageError, match="features"):
        defended(features=["smell"])
    with pytest.raises(DataError, match="no adversarial documents"):
        defended(attacks=[], files=["/nowhere"])
    examples = [TrainingExample(f"q{i}", f"word {i}") for i in range(9)]
    with pytest.raises(DataError, match="cannot be trained on 3 clean and 0 attacked"):
        CrossFitEnsemble.fit(examples, [e.document for e in examples], ["style"], 1.0, derive(0))
    with pytest.raises(DataError, match="no text"):
        CrossFitEnsemble.fit([], [], ["style"], 1.0, derive(0))


def test_every_attacked_example_comes_with_a_clean_document_that_ranks_higher_for_the_query():
    defense = create("defense", Spec("learned-filter", {"attacks": ["keyword-stuffing"], "documents": 40}))
    examples = list(defense._from_attacks(BM25(), COLLECTION, derive(0)))
    assert len({e.document for e in examples}) == len(examples) == 80
    for adversarial, clean in zip(examples[::2], examples[1::2], strict=True):
        noun = next(noun for noun, query in QUERIES.items() if query == clean.query)
        assert adversarial.attacked == (f"{clean.query} {adversarial.document}",)
        assert clean.attacked == ()
        assert rank_of(noun, clean.document) < rank_of(noun, adversarial.document)


def rank_of(noun, document):
    return RANKED[noun].index(next(doc_id for doc_id, text in DOCUMENTS.items() if text == document))
