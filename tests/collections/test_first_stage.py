from __future__ import annotations

import math
from collections import Counter

import pytest

from robustrank.collections.first_stage import (
    file_candidates,
    refuse_many,
    retrieved_candidates,
    run_candidates,
    without_own_documents,
)
from robustrank.errors import DataError, PluginError, UsageError
from robustrank.repairs import Repairs
from robustrank.text.analysis import analyser

DOCUMENTS = {
    "d4": "Cats chase mice; a cat chases one mouse.",
    "d3": "Dogs chase cats through the long wet grass of the old park.",
    "d2": "The stock market fell.",
    "d1": "The stock market rose.",
    "d0": "the",
}


def scores(documents: dict[str, str], query: str, k1: float, b: float) -> dict[str, float]:
    """BM25 in Lucene's variant, from its formula."""
    terms = {doc_id: Counter(analyser("en").terms(text)) for doc_id, text in documents.items()}
    average = sum(map(Counter.total, terms.values())) / len(terms)
    totals = dict.fromkeys(documents, 0.0)
    for term in analyser("en").terms(query):
        df = sum(term in counts for counts in terms.values())
        idf = math.log(1 + (len(terms) - df + 0.5) / (df + 0.5))
        for doc_id, counts in terms.items():
            tf, length = counts[term], counts.total() / average
            totals[doc_id] += idf * tf / (tf + k1 * (1 - b + b * length))
    return totals


@pytest.mark.parametrize(("k1", "b"), [(0.9, 0.4), (1.5, 0.75), (0.4, 0.0)])
@pytest.mark.parametrize("query", ["cats chasing mice", "old market of cats", "rose rose grass"])
def test_candidates_are_ordered_by_the_formula(query: str, k1: float, b: float) -> None:
    expected = scores(DOCUMENTS, query, k1, b)
    matched = [doc_id for doc_id, score in expected.items() if score > 0]
    order = sorted(matched, key=lambda doc_id: (-round(expected[doc_id], 5), doc_id))
    assert 0 < len(order) < len(DOCUMENTS)
    assert retrieved_candidates(DOCUMENTS, {"q": query}, 4, f"bm25:k1={k1},b={b}") == {"q": order}


def test_ties_are_broken_by_document_id_at_every_depth() -> None:
    everything = retrieved_candidates(DOCUMENTS, {"q": "stock market"}, 4)["q"]
    assert everything == ["d1", "d2"]
    for depth in (1, 2):
        assert retrieved_candidates(DOCUMENTS, {"q": "stock market"}, depth)["q"] == everything[:depth]


@pytest.mark.parametrize("query", ["", "the of", "zebra"])
def test_a_query_without_a_match_has_an_empty_list(query: str) -> None:
    assert retrieved_candidates(DOCUMENTS, {"q": query}, 2) == {"q": []}


def test_a_collection_no_larger_than_a_list_is_listed_whole() -> None:
    assert retrieved_candidates(DOCUMENTS, {"q": "stock market"}, 5) == {"q": ["d1", "d2", "d0", "d3", "d4"]}
    assert retrieved_candidates(DOCUMENTS, {"q": "stock market"}, 4, beyond=1) == {"q": ["d1", "d2"]}
    assert retrieved_candidates({"b": "the", "a": ""}, {"q": "cat"}, 2) == {"q": ["a", "b"]}


@pytest.mark.parametrize(
    ("ignored", "lists", "note"),
    [
        (True, {"q1": ["d1", "d2"], "q2": ["d1", "d2"]}, "1 of 2 queries the document with the query's id is left out"),
        (False, {"q1": ["q1", "d1"], "q2": ["d1", "d2"]}, "1 of 2 queries the document with the query's id is kept"),
    ],
)
def test_the_document_with_the_id_of_its_query_goes_by_beirs_rule(ignored: bool, lists: object, note: str) -> None:
    candidates = {"q1": ["q1", "d1", "d2"], "q2": ["d1", "d2", "q2"]}  # one more than the depth
    cut, notes = without_own_documents(candidates, {"q1": {"q1": 1}, "q2": {"d1": 1}}, 2, ignored)
    assert cut == lists
    assert notes[0].startswith("For 2 of 2" if ignored else f"For {note}")
    assert notes[0].endswith("1 of them are judged relevant.")
    assert without_own_documents({"q1": ["d1"]}, {}, 2, ignored) == ({"q1": ["d1"]}, [])


def test_a_run_is_cut_and_its_further_queries_are_not_read_and_both_are_counted() -> None:
    repairs = Repairs()
    run = {"q1": {"d1": 3.0, "d2": 2.0, "d3": 1.0}, "q9": {"d1": 1.0}}
    assert run_candidates(run, {"q1": "one", "q2": "two"}, 1, "here", repairs) == {"q1": ["d1", "d2"]}
    cut, other = repairs.notes()
    assert "cut there: 1 (here, query 'q1')" in cut
    assert "not read: 1 (here, query 'q9')" in other


def test_a_run_of_another_collection_is_refused_with_an_id_of_each() -> None:
    with pytest.raises(DataError, match="ranks none of the 1 judged queries") as caught:
        run_candidates({"9": {"d1": 1.0}}, {"q1": "one"}, 2, "here", Repairs())
    assert caught.value.allowed == "query ids like 'q1', not like '9'"


def test_too_many_documents_are_refused_with_a_hint() -> None:
    refuse_many(10, 10, "here")
    with pytest.raises(DataError, match="11 documents exceed the limit") as caught:
        refuse_many(11, 10, "here")
    assert "run=PATH" in str(caught.value.hint)


def test_nothing_is_printed(capfd: pytest.CaptureFixture[str]) -> None:
    retrieved_candidates(DOCUMENTS, {"q": "cats"}, 2)
    assert capfd.readouterr() == ("", "")


RETRIEVER = """
from dataclasses import dataclass
from robustrank.retrieval.bm25 import BM25Retriever

@dataclass
class Last(BM25Retriever):
    found: str = "d0"
    language: str = "hi"

    def search(self, queries, k):
        assert (self.language, k) == ("en", 2)
        return [[(self.found, 1.0)] for _ in queries]
"""


def test_a_retriever_of_ones_own_is_the_first_stage_in_the_language_of_the_documents(tmp_path) -> None:
    file = tmp_path / "last.py"
    file.write_text(RETRIEVER)
    assert retrieved_candidates(DOCUMENTS, {"q": "cats"}, 2, str(file)) == {"q": ["d0"]}
    with pytest.raises(PluginError, match="returned 1 documents for query 'q'") as caught:
        retrieved_candidates(DOCUMENTS, {"q": "cats"}, 2, f"{file}:found=unknown")
    assert caught.value.allowed == "at most 2, of those that were indexed"
    with pytest.raises(PluginError, match="raised AssertionError"):
        retrieved_candidates(DOCUMENTS, {"q": "cats"}, 3, str(file))


def test_a_run_beside_a_retriever_is_refused() -> None:
    with pytest.raises(UsageError, match=r"run=run.trec and retriever=bm25 are both given"):
        file_candidates("run.trec", DOCUMENTS, {"q": "cats"}, {"q": {}}, 2, 9, "bm25", "en", Repairs())
