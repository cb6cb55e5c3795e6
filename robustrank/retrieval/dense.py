"""Dense retrieval: exact search of embeddings, block by block, which are kept on disk."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from robustrank.collections.document_store import DocumentStore
from robustrank.collections.strings import open_array
from robustrank.kept import kept_folder
from robustrank.plugins import RankerSpec, code_parts, digest_of, identity
from robustrank.plugins.specification import parse
from robustrank.rankers.runtime import runtime_parts
from robustrank.rankers.text_encoder import DualEncoder, dual_encoder
from robustrank.retrieval.overlay import Overlay, OverlayRetriever
from robustrank.retrieval.retriever import Hits, best_first, refuse_empty
from robustrank.steps import Steps

BLOCK = 4096  # documents that are embedded, kept and searched at once
ROUNDING = 1e-5  # of the product of the largest norms: how far products of matrices may be off
Vectors = NDArray[np.float32]


@dataclass
class DenseRetriever(OverlayRetriever):
    """Every document by the similarity of its embedding to the query's, as the bi-encoder itself scores the pair.

    The search is exact: products of matrices tell which documents may be among the best, and these are compared one by
    one, so that a score does not depend on what else is indexed. Embeddings of a document store are kept, by blocks: a
    kill loses the block in work.
    """

    encoder: RankerSpec = "minilm"  # a bi-encoder
    _blocks: list[Vectors] = field(default_factory=list, init=False, repr=False)  # float32[<= BLOCK, H] each
    _ids: list[str] = field(default_factory=list, init=False, repr=False)  # of the documents of the blocks

    def index(self, corpus: Mapping[str, str]) -> None:
        """Embed documents by id, in place of what was indexed before."""
        self._documents, self._ids = Overlay(corpus), list(corpus)
        self._blocks = list(_blocks(corpus, self.encoder, self._encoder))

    def search(self, queries: Sequence[str], k: int) -> list[Hits]:
        """Return for each query its ``k`` most similar documents, ties by ascending id.

        Raises:
            PluginError: Nothing was indexed.
        """
        refuse_empty(self._documents)
        if not queries:
            return []
        vectors = self._encoder.embed_queries(queries)
        near = self._near(np.array([vectors[query] for query in queries], dtype=np.float32), k)
        added = self._encoder.embed(list(self._documents.added.values()))
        new = {doc_id: added[text] for doc_id, text in self._documents.added.items()}
        return [
            self._hits(vectors[query], [*((self._ids[i], self._vector(i)) for i in numbers), *new.items()])[:k]
            for query, numbers in zip(queries, near, strict=True)
        ]

    def _near(self, queries: Vectors, k: int) -> list[list[int]]:
        """Return for each query the numbers of the indexed documents that may be among its ``k`` best."""
        hidden = np.isin(np.array(self._ids, dtype=object), list(self._documents.hidden))
        numbers: list[list[NDArray[np.int64]]] = [[] for _ in queries]
        values: list[list[Vectors]] = [[] for _ in queries]
        slack = 0.0
        for start, block in zip(range(0, len(self._ids), BLOCK), self._blocks, strict=True):
            slack = max(slack, ROUNDING * _largest_norm(block) * max(1.0, _largest_norm(queries)))
            similarities = self._encoder.approximate_similarities(queries, np.asarray(block))
            similarities[:, hidden[start : start + BLOCK]] = -np.inf
            for row, scores in enumerate(similarities):
                kept = np.flatnonzero(scores >= _kth(scores, k) - slack)
                numbers[row].append(kept + start)
                values[row].append(scores[kept])
        return [_best(numbers[row], values[row], k, slack) for row in range(len(queries))]

    def _hits(self, query: Vectors, documents: Sequence[tuple[str, Vectors]]) -> Hits:
        return best_first((doc_id, float(np.float32(self._encoder.similarity_of(query, d)))) for doc_id, d in documents)

    def _vector(self, number: int) -> Vectors:
        return np.array(self._blocks[number // BLOCK][number % BLOCK])

    @cached_property
    def _encoder(self) -> DualEncoder:
        return dual_encoder(self.encoder)


def _blocks(corpus: Mapping[str, str], specification: str, encoder: DualEncoder) -> Iterator[Vectors]:
    """Yield the embeddings of a corpus, block by block, in its order; those of a document store from what is kept."""
    steps = Steps(len(corpus), "documents")
    texts = None if isinstance(corpus, DocumentStore) else list(corpus.values())
    of_encoder = [identity("ranker", parse(specification)), runtime_parts(), code_parts(__name__)]
    for start in range(0, len(corpus), BLOCK):
        if isinstance(corpus, DocumentStore):
            key = digest_of([corpus.digest, of_encoder, start])
            folder = kept_folder("embeddings", key, lambda new, start=start: _write(new, corpus, start, encoder))  # type: ignore[misc]
            yield open_array(folder / "vectors.npy")
        elif texts is not None:
            yield _embedded(texts[start : start + BLOCK], encoder)
        steps.advance(min(BLOCK, len(corpus) - start))


def _write(folder: Path, corpus: DocumentStore, start: int, encoder: DualEncoder) -> None:
    np.save(folder / "vectors.npy", _embedded(corpus.texts(start, start + BLOCK), encoder))


def _embedded(texts: Sequence[str], encoder: DualEncoder) -> Vectors:
    vectors = encoder.embed(texts)
    return np.array([vectors[text] for text in texts], dtype=np.float32)


def _kth(scores: Vectors, k: int) -> float:
    """Return the ``k``-th highest score; where there are fewer, less than any of a document that is not hidden."""
    return float(np.partition(scores, -k)[-k]) if k < len(scores) else float(np.finfo(np.float32).min)


def _best(numbers: Sequence[NDArray[np.int64]], values: Sequence[Vectors], k: int, slack: float) -> list[int]:
    if not numbers:
        return []
    near, scores = np.concatenate(numbers), np.concatenate(values)
    wanted = (scores >= _kth(scores, k) - slack) & np.isfinite(scores)
    best: list[int] = near[wanted].tolist()
    return best


def _largest_norm(vectors: Vectors) -> float:
    return float(np.linalg.norm(vectors, axis=1).max()) if len(vectors) else 0.0
