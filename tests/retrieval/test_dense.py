"""Dense retrieval is exact, whatever the blocks; what was embedded once is not embedded again."""

from __future__ import annotations

import zlib

import numpy as np
import pytest

from robustrank.collections import document_store
from robustrank.collections.document_store import read_documents
from robustrank.errors import UsageError
from robustrank.kept import keep_in
from robustrank.rankers.transformer.bi_encoder import BiEncoderRanker
from robustrank.repairs import Repairs
from robustrank.retrieval import dense
from robustrank.retrieval.dense import DenseRetriever

DOCUMENTS = {f"d{number}": f"text {number % 37}" for number in range(60)}  # some are equal


class Hashed:
    """Embeds a text by its hash."""

    similarity_of = BiEncoderRanker.similarity_of
    approximate_similarities = BiEncoderRanker.approximate_similarities

    def __init__(self, similarity):
        self.similarity, self.asked = similarity, []

    def embed(self, texts):
        self.asked += texts
        return self.embed_queries(texts)

    def embed_queries(self, texts):
        draws = {text: np.random.default_rng(zlib.crc32(text.encode())).standard_normal(24) for text in texts}
        return {text: vector.astype(np.float32) for text, vector in draws.items()}


@pytest.fixture(params=["dot", "euclidean", "manhattan"])
def encoder(request, monkeypatch):
    made = Hashed(request.param)
    monkeypatch.setattr(dense, "dual_encoder", lambda specification: made)
    monkeypatch.setattr(dense, "BLOCK", 7)
    return made


def test_the_search_is_exact(encoder):
    retriever = DenseRetriever("bm25")
    retriever.index(DOCUMENTS)
    retriever.remove(["d3", "d40"])
    retriever.add({"d5": "other", "new": "text 3"})
    now = {**DOCUMENTS, "d5": "other", "new": "text 3"}
    query = encoder.embed_queries(["query"])["query"]
    scored = [
        (d, float(np.float32(encoder.similarity_of(query, encoder.embed_queries([text])[text]))))
        for d, text in now.items()
        if d not in ("d3", "d40")
    ]
    expected = sorted(scored, key=lambda hit: (-hit[1], hit[0]))
    for k in (1, 8, 30, 59, 100):
        assert retriever.search(["query", "query"], k) == [expected[:k]] * 2


def test_embeddings_of_a_store_are_kept_by_blocks(encoder, tmp_path, monkeypatch):
    monkeypatch.setattr(document_store, "SMALL", 0)
    keep_in(tmp_path / "cache")
    (tmp_path / "corpus.tsv").write_text("".join(f"{doc_id}\t{text}\n" for doc_id, text in DOCUMENTS.items()))
    store = read_documents(tmp_path / "corpus.tsv", tab_entries, Repairs())
    found = []
    for times in (1, 1):
        retriever = DenseRetriever("bm25")
        retriever.index(store)
        found.append(retriever.search(["query"], 60))
        assert len(encoder.asked) == len(DOCUMENTS) * times
    in_memory = DenseRetriever("bm25")
    in_memory.index(DOCUMENTS)
    assert found == [in_memory.search(["query"], 60)] * 2


def tab_entries(path, repairs):
    from robustrank.collections.files import tab_entries

    return tab_entries(path)


def test_an_encoder_has_to_be_one():
    with pytest.raises(UsageError, match="is no bi-encoder"):
        DenseRetriever("bm25").index(DOCUMENTS)
