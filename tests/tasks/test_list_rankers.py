"""List rankers under attack: ranks are those of a full rerank, and a bag of pair scores is no list."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from robustrank.engine.cell import plan
from robustrank.engine.context import Context
from robustrank.engine.resources import Resources
from robustrank.errors import PluginError
from robustrank.experiment import check
from robustrank.measures.effectiveness import evaluate
from robustrank.plugins import create
from robustrank.rankers.rm3 import RM3

LISTWISE = '''
"""A listwise reranker: the score is minus the place among the documents of the same call."""
from collections import defaultdict
from dataclasses import dataclass

import numpy as np

from robustrank.rankers.ranker import PointwiseRanker, Ranker, Ranking


def places(query, documents):
    words = set(query.lower().split())
    order = sorted(range(len(documents)), key=lambda i: (-len(words & set(documents[i].lower().split())), i))
    return order, [-order.index(i) for i in range(len(documents))]


@dataclass
class Declared(Ranker):
    """Ranks a list."""

    def rank(self, requests):
        return [Ranking(tuple(places(r.query, [c.text for c in r.candidates])[0])) for r in requests]


@dataclass
class Undeclared(PointwiseRanker):
    """Ranks a list, and says that it scores pairs."""

    def score(self, pairs):
        lists, scores = defaultdict(list), np.zeros(len(pairs), np.float32)
        for i, (query, _) in enumerate(pairs):
            lists[query].append(i)
        for query, rows in lists.items():
            scores[rows] = places(query, [pairs[i][1] for i in rows])[1]
        return scores
'''
TEXTS = {
    "d1": "bread of rye flour", "d2": "rye bread from the lake", "d3": "a stone bridge over the lake",
    "d4": "the ferry crosses the lake", "d5": "flour and stone mills", "d6": "a bridge of wood",
}  # fmt: skip
QUERIES = {"q1": "rye bread flour", "q2": "stone bridge lake", "q3": "ferry lake"}


def write_collection(folder, documents, queries):
    """Write a BEIR folder in which d1 and d2 are relevant for every query."""
    (folder / "qrels").mkdir(parents=True)
    for name, texts in (("corpus", documents), ("queries", queries)):
        lines = (json.dumps({"_id": key, "text": text}) for key, text in texts.items())
        (folder / f"{name}.jsonl").write_text("\n".join(lines) + "\n")
    judged = "".join(f"{query}\t{doc}\t{int(doc < 'd3')}\n" for query in queries for doc in documents)
    (folder / "qrels" / "test.tsv").write_text("query-id\tcorpus-id\tscore\n" + judged)


@pytest.fixture
def tiny(tmp_path):
    """A collection of six documents, each judged for each query."""
    folder = tmp_path / "tiny"
    write_collection(folder, TEXTS, QUERIES)
    (tmp_path / "listwise.py").write_text(LISTWISE)
    return {"name": "beir", "folder": str(folder)}


def rows_of(cache: Path, **experiment):
    """Run the one cell of an experiment; return its rows and its context."""
    checked = check({"name": "x", **experiment}, "test")
    resources = Resources(checked, cache)
    (cell,) = plan(checked, resources)
    context = Context(cell, resources)
    return list(create("task", cell.task).run(context)), context


def values(rows, measure, condition="attacked", cutoff=None):
    return [r.value for r in rows if (r.measure, r.condition, r.cutoff) == (measure, condition, cutoff)]


@pytest.mark.parametrize("attack", [{"name": "truncation", "count": 1000}, {"name": "random-edit", "max_words": 2}])
def test_an_emptied_or_randomly_edited_document_does_not_rise_in_a_listwise_ranker(tiny, tmp_path, attack):
    rows, _ = rows_of(
        tmp_path / "cache",
        collections=[tiny],
        rankers=[f"{tmp_path / 'listwise.py'}:Declared"],
        attacks=[attack],
        tasks=[{"name": "document-attack", "targets": ["last-2"]}],
    )
    assert values(rows, "success") == [0.0] * 6
    assert not values(rows, "score")


def test_a_listwise_ranker_that_says_it_is_pointwise_is_refused(tiny, tmp_path):
    with pytest.raises(PluginError, match="declared pointwise"):
        rows_of(
            tmp_path / "cache",
            collections=[tiny],
            rankers=[f"{tmp_path / 'listwise.py'}:Undeclared"],
            attacks=[{"name": "truncation", "count": 1000}],
            tasks=[{"name": "document-attack", "targets": ["last-1"]}],
        )


def full_rerank(context, record):
    """The rank of an attacked document by a ranker made afresh, on the whole list."""
    ranker = RM3()
    ranker.prepare(context.whole)
    request = context.request(record["query_id"]).replaced({record["doc_id"]: record["after"]})
    (ranking,) = ranker.rank([request])
    return 1 + [request.doc_ids[position] for position in ranking.order].index(record["doc_id"])


def check_rm3(rows, context):
    after = {
        (r.query_id, r.doc_id): r.value
        for r in rows
        if (r.measure, r.condition, r.cutoff) == ("rank", "attacked", None)
    }
    assert after
    for record in context.adversarial:
        assert after[record["query_id"], record["doc_id"]] == full_rerank(context, record)
    spills = values(rows, "spill")
    assert max(spills) > 0  # the attacked text is fed back, and moves the others


def test_rm3_s_ranks_under_attack_are_those_of_a_full_rerank(tmp_path):
    pytest.importorskip("gensim")
    rows, context = rows_of(
        tmp_path / "cache",
        collections=["lee"],
        rankers=["rm3"],
        attacks=["keyword-stuffing"],
        tasks=[{"name": "document-attack", "queries": 4, "targets": ["last-2"]}],
    )
    check_rm3(rows, context)


@pytest.mark.slow
def test_rm3_on_cranfield_rises_to_the_rank_of_a_full_rerank(ir_datasets_home, tmp_path):
    rows, context = rows_of(
        tmp_path / "cache",
        collections=["ir-datasets:id=cranfield"],
        rankers=["rm3"],
        attacks=["keyword-stuffing"],
        tasks=[{"name": "document-attack", "queries": 8}],
    )
    check_rm3(rows, context)


def test_a_pointwise_ranker_has_no_spill(tiny, tmp_path):
    rows, _ = rows_of(
        tmp_path / "cache",
        collections=[tiny],
        rankers=["bm25"],
        attacks=["keyword-stuffing"],
        tasks=[{"name": "document-attack", "targets": ["last-2"]}],
    )
    assert max(values(rows, "success")) == 1
    assert set(values(rows, "spill")) == {0.0}


ASKS = '''
"""An attack on the query that drops the word whose loss moves the list most."""
from dataclasses import dataclass

import numpy as np

from robustrank.attack import Attack, Edit, Perturbation, apply_edits
from robustrank.text.words import words
from robustrank.victim import Access


@dataclass
class WorstDrop(Attack):
    """Drops one word."""

    access = Access.RANKS
    edits = "query"

    def prepare(self, interface, collection, rng):
        self.prepared_on = tuple(collection.queries)

    def perturb(self, target, victim, rng):
        edits = [(Edit(word.start, word.end, ""),) for word in words(target.query)]
        ranks = victim.ranks([apply_edits(target.query, edit) for edit in edits])
        assert ranks.shape == (len(edits), len(target.ranked))
        moved = np.abs(ranks - np.arange(1, len(target.ranked) + 1)).sum(axis=1)
        best = edits[int(moved.argmax())]
        assert target.query_id not in self.prepared_on
        return Perturbation(apply_edits(target.query, best), best)
'''


@pytest.mark.parametrize("ranker", ["bm25", "rm3"])
def test_a_query_attack_meets_its_victim_and_does_not_prepare_on_what_it_attacks(tiny, tmp_path, ranker):
    (tmp_path / "asks.py").write_text(ASKS)
    rows, context = rows_of(
        tmp_path / "cache",
        collections=[tiny],
        rankers=[ranker],
        attacks=[str(tmp_path / "asks.py")],
        tasks=[{"name": "query-attack", "variants": 1, "queries": 2}],
    )
    assert Counter(r.condition for r in rows if r.measure == "nDCG@10") == {"clean": 2, "attacked": 2, "worst": 2}
    asked = {r.query_id: r.value for r in rows if r.measure == "queries" and r.query_id}
    assert asked == {"q1": 3.0, "q2": 3.0}
    assert context.attack.prepared_on == ("q3",)


def test_a_budget_of_queries_ends_a_query_attack(tiny, tmp_path):
    (tmp_path / "asks.py").write_text(ASKS)
    rows, _ = rows_of(
        tmp_path / "cache",
        collections=[tiny],
        rankers=["bm25"],
        attacks=[str(tmp_path / "asks.py")],
        tasks=[{"name": "query-attack", "variants": 1, "queries": 2, "budget_queries": 2}],
    )
    (row,) = [r for r in rows if r.status == "skipped"]
    assert "edited no query" in row.note
    assert "2" in row.note


PREPARES = """
from dataclasses import dataclass

from robustrank.attack import Attack, Perturbation


@dataclass
class Prepares(Attack):
    def prepare(self, interface, collection, rng):
        self.prepared_on = tuple(collection.queries)

    def perturb(self, target, victim, rng):
        return Perturbation(target.document, note=",".join(self.prepared_on))
"""


@pytest.mark.parametrize(("queries", "left"), [(2, "q3"), (1, "q2,q3"), (3, "")])
def test_an_attack_on_documents_prepares_on_queries_that_are_not_attacked(tiny, tmp_path, queries, left):
    (tmp_path / "prepares.py").write_text(PREPARES)
    _, context = rows_of(
        tmp_path / "cache",
        collections=[tiny],
        rankers=["bm25"],
        attacks=[str(tmp_path / "prepares.py")],
        tasks=[{"name": "document-attack", "queries": queries, "targets": ["last-1"]}],
    )
    assert {record["note"] for record in context.adversarial} == {left}
    assert len(context.adversarial) == queries


def ndcg(context, query_id, replaced):
    """nDCG@10 of a list with attacked texts in it, ranked afresh."""
    ranker = create("ranker", context.cell.ranker)
    ranker.prepare(context.whole)
    (ranking,) = ranker.rank([context.request(query_id).replaced(replaced)])
    doc_ids = context.request(query_id).doc_ids
    matched = [position for position in ranking.order if ranking.scores[position] != 0]
    run = {query_id: {doc_ids[position]: float(-rank) for rank, position in enumerate(matched)}}
    return evaluate({query_id: context.whole.qrels[query_id]}, run, ["nDCG@10"])["nDCG@10"][query_id]


@pytest.mark.parametrize("ranker", ["bm25", "rm3"])
@pytest.mark.parametrize("replace", ["one", "together"])
def test_attacked_documents_are_put_into_the_list_one_at_a_time_or_together(tiny, tmp_path, ranker, replace):
    rows, context = rows_of(
        tmp_path / "cache",
        collections=[tiny],
        rankers=[ranker],
        attacks=[{"name": "keyword-stuffing", "repeats": 2}],
        tasks=[{"name": "document-attack", "targets": ["last-4"], "replace": replace}],
    )
    attacked = {r.query_id: r.value for r in rows if (r.measure, r.condition) == ("nDCG@10", "attacked")}
    both = {"one": {}, "together": {}}
    for query_id in attacked:
        texts = {r["doc_id"]: r["after"] for r in context.adversarial if r["query_id"] == query_id}
        assert len(texts) == 4
        both["together"][query_id] = ndcg(context, query_id, texts)
        both["one"][query_id] = np.mean([ndcg(context, query_id, {doc_id: text}) for doc_id, text in texts.items()])
    assert attacked == pytest.approx(both[replace])
    assert both["one"] != pytest.approx(both["together"])


ONE_WORD = """
from dataclasses import dataclass

import numpy as np

from robustrank.attack import Attack, Edit, Perturbation, apply_edits
from robustrank.certification.certificate import Certificate, Evidence
from robustrank.certification.threat import words_replaced
from robustrank.defense import Defense, RewritingRanker
from robustrank.text.table import SubstitutionTable
from robustrank.text.words import words


class Ranker(RewritingRanker):
    table = SubstitutionTable({"cheap": ["bread"], "bread": ["cheap"]})

    def overlaps(self, text):
        return np.ones(len(words(text)))

    def words_replaced(self, before, after):
        return words_replaced(self.table, before, after)

    def certify(self, served, ks, radius):
        evidence = tuple(Evidence(d, 1.0, 1.0, 1.0, 1.0, 1) for d in served.doc_ids)
        name = served.request.query_id
        return [Certificate(name, k, radius, 0.0, "canonical", "exact", "", evidence, radius == 1) for k in ks]


@dataclass(frozen=True)
class CertifiesOneWord(Defense):
    def wrap(self, ranker, collection, rng):
        return Ranker.over(ranker)


@dataclass
class Replaces(Attack):
    count: int = 1  # words replaced

    def perturb(self, target, victim, rng):
        cheap = [word for word in words(target.document) if word.key == "cheap"]
        edits = tuple(Edit(word.start, word.end, "bread") for word in cheap[: self.count])
        return Perturbation(apply_edits(target.document, edits), edits)
"""


@pytest.mark.parametrize(("count", "status"), [(1, ["error"]), (2, [])])
def test_an_attack_is_checked_against_the_certificate_of_the_radius_it_used(tmp_path, count, status):
    """Certified for one word, the list may break under two: that is no violation."""
    folder = tmp_path / "collection"
    texts = {"d1": "bread baker town market street corner", "d2": "the cheap cheap lake"}
    write_collection(folder, texts, {"q": "bread"})
    (tmp_path / "one.py").write_text(ONE_WORD)
    rows, _ = rows_of(
        tmp_path / "cache",
        collections=[{"name": "beir", "folder": str(folder)}],
        rankers=["bm25"],
        defenses=[f"{tmp_path / 'one.py'}:CertifiesOneWord"],
        attacks=[{"name": f"{tmp_path / 'one.py'}:Replaces", "count": count}],
        tasks=[{"name": "document-attack", "targets": ["last-1"]}],
    )
    assert values(rows, "rank") == [1.0]
    assert values(rows, "replaced") == [float(count)]
    assert [r.status for r in rows if r.measure == "certificate_check"] == status
