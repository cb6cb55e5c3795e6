"""BM25 of a changing corpus is BM25 of the corpus as it is now; its index is made once."""

from __future__ import annotations

import copy
import random

import bm25s
import pytest

from robustrank.collections import document_store
from robustrank.collections.document_store import read_documents
from robustrank.kept import keep_in
from robustrank.repairs import Repairs
from robustrank.retrieval.bm25 import BM25Retriever
from robustrank.retrieval.term_index import TermIndex, term_index
from robustrank.testing.samples import DOCUMENTS
from robustrank.text.analysis import analyser

WORDS = " ".join(DOCUMENTS.values()).split()
QUERIES = ["aircraft wings aircraft", "ministers of the economy", "naïve fox", "of"]


def corpus(seed, count):
    draw = random.Random(seed)
    return {f"d{number}": " ".join(draw.choices(WORDS, k=draw.randrange(0, 30))) for number in range(count)}


def indexed(documents):
    retriever = BM25Retriever()
    retriever.index(documents)
    return retriever


@pytest.mark.parametrize("seed", range(5))
def test_documents_that_come_and_go_count_as_if_all_were_indexed_anew(seed):
    draw, documents = random.Random(seed), corpus(seed, 40)
    retriever = indexed(dict(documents))
    for step in range(12):
        if draw.random() < 0.5:
            new = {f"d{draw.randrange(60)}": text for text in corpus(f"{seed}{step}", 3).values()}
            retriever.add(new)
            documents |= new
        else:
            leaving = draw.sample(sorted(documents), 4)
            retriever.remove(leaving)
            documents = {doc_id: text for doc_id, text in documents.items() if doc_id not in leaving}
        for k in (3, 100):
            assert retriever.search(QUERIES, k) == indexed(documents).search(QUERIES, k)


def test_scores_are_those_of_bm25s():
    documents = corpus(0, 50)
    terms = analyser("en").terms
    anchor = bm25s.BM25(k1=0.9, b=0.4)
    anchor.index([terms(text) for text in documents.values()], show_progress=False)
    hits = indexed(documents).search(QUERIES[:2], 50)
    for query, found in zip(QUERIES, hits, strict=False):
        expected = dict(zip(documents, anchor.get_scores(terms(query)).tolist(), strict=True))
        assert {doc_id for doc_id, score in expected.items() if score > 0} == {doc_id for doc_id, _ in found}
        assert all(score == pytest.approx(expected[doc_id], rel=1e-5) for doc_id, score in found)


def test_a_copy_shares_the_index_and_not_the_changes():
    retriever = indexed(corpus(1, 20))
    before = retriever.search(QUERIES, 20)
    changed = copy.deepcopy(retriever)
    changed.add({"new": " ".join([QUERIES[1]] * 9)})
    assert changed._index is retriever._index
    assert changed.search(QUERIES[1:2], 1)[0][0][0] == "new"
    assert retriever.search(QUERIES, 20) == before


def test_the_index_of_a_store_is_kept(tmp_path, monkeypatch):
    monkeypatch.setattr(document_store, "SMALL", 0)
    keep_in(tmp_path / "cache")
    (tmp_path / "corpus.tsv").write_text("".join(f"{doc_id}\t{text}\n" for doc_id, text in corpus(2, 30).items()))
    store = read_documents(tmp_path / "corpus.tsv", tab_entries, Repairs())
    expected = indexed(dict(store)).search(QUERIES, 10)
    assert indexed(store).search(QUERIES, 10) == expected
    monkeypatch.setattr(TermIndex, "of", None)
    assert indexed(store).search(QUERIES, 10) == expected
    index = term_index(store, "en")
    assert index.tokens == sum(index.collection_frequencies().values())


def tab_entries(path, repairs):
    from robustrank.collections.files import tab_entries

    return tab_entries(path)


def test_a_corpus_without_a_term_has_no_hits():
    assert indexed({"a": "the", "b": ""}).search(["fox"], 2) == [[]]
