"""SPLADE: sparse text vectors over the vocabulary of a masked language model (Formal et al., SIGIR 2021).

SPLADE v2 (arXiv 2109.10086) uses max pooling, the first version sum pooling; the model's folder says which.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from robustrank.errors import DataError
from robustrank.plugins.constraints import Count
from robustrank.rankers.model_files import SPLADE_TINY
from robustrank.rankers.ranker import Pair, Scores
from robustrank.rankers.transformer.inputs import TEXT_SIDES, Side
from robustrank.rankers.transformer.ranker import FineTuning, TransformerRanker

if TYPE_CHECKING:
    import torch

MEMORY = 50_000  # sparse vectors kept in memory

Sparse = tuple[NDArray[np.int64], NDArray[np.float32]]  # ascending term ids, and their weights


@dataclass
class SpladeRanker(TransformerRanker):
    """Any sparse encoder of sentence-transformers: the dot product of two vectors over a vocabulary.

    Pooling, activation, prompts and the routes of queries and documents are the folder's; a plain masked language model
    has max pooling of log(1 + relu(logits)). Fine-tuning has no FLOPS regulariser, so vectors do not stay sparse.
    """

    model: str = SPLADE_TINY  # a folder, splade-tiny, or a name on the Hugging Face hub
    max_tokens: Count | None = None  # tokens in a batch; null: a quarter of others: a token has a logit for every term

    kind = "SparseEncoder"
    training = FineTuning(learning_rate=2e-5)

    def check(self) -> None:
        """Load the model, which refuses what cannot be honoured.

        Raises:
            DataError: The similarity of its vectors is another than the dot product.
        """
        super().check()
        if self.network.similarity_fn_name != "dot":
            raise DataError(
                f"the sparse encoder's similarity is {self.network.similarity_fn_name}",
                where=f"{self.folder}: similarity_fn_name",
                allowed="dot",
            )

    def score(self, pairs: Sequence[Pair]) -> Scores:
        """Return float32[n]; each distinct text is encoded once and cached in memory."""
        queries = self._vectors([query for query, _ in pairs], "query")
        documents = self._vectors([document for _, document in pairs], "document")
        scores = np.empty(len(pairs), dtype=np.float32)
        for number, (query, document) in enumerate(pairs):
            (query_terms, query_weights), (document_terms, document_weights) = queries[query], documents[document]
            _, left, right = np.intersect1d(query_terms, document_terms, assume_unique=True, return_indices=True)
            scores[number] = (query_weights[left] * document_weights[right]).sum(dtype=np.float64)
        return scores

    def relevance(self, queries: Sequence[str], documents: Sequence[str]) -> torch.Tensor:
        """Return float32[n], differentiable by the weights."""
        self._memory.clear()  # the weights are about to change
        sides = [
            self._encoded(self.tokenisation.whole(texts, side, self.device), side)
            for texts, side in zip((queries, documents), TEXT_SIDES, strict=True)
        ]
        scores: torch.Tensor = (sides[0] * sides[1]).sum(1)
        return scores

    def _auto_tokens(self) -> int:
        return super()._auto_tokens() // 4

    def _details(self) -> Sequence[str]:
        return (" + ".join(str(module).replace("\n", " ") for module in list(self.network)[1:]), "dot")

    def _vectors(self, texts: Sequence[str], side: Side) -> dict[str, Sparse]:
        def encode(features: Mapping[str, Any]) -> Iterator[Sparse]:
            for vector in self._encoded(features, side).float().cpu().numpy():
                terms = np.flatnonzero(vector)
                yield terms, vector[terms]

        return self._once(texts, side, MEMORY, encode)

    def _encoded(self, features: Mapping[str, Any], side: Side) -> torch.Tensor:
        """Return float32[B, V]."""
        import torch

        with self._out_of_place() if torch.is_grad_enabled() else nullcontext():
            vectors: torch.Tensor = self.network(dict(features), task=side)["sentence_embedding"]
        return vectors

    @contextmanager
    def _out_of_place(self) -> Iterator[None]:
        """Have the pooling keep what its gradient needs, which it overwrites when it does not train."""
        poolings = [module for module in self.network.modules() if type(module).__name__ == "SpladePooling"]
        before = [module.training for module in poolings]
        for module in poolings:
            module.training = True
        try:
            yield
        finally:
            for module, training in zip(poolings, before, strict=True):
                module.training = training

    def _scorer(self, query: str) -> Callable[[Mapping[str, Any]], torch.Tensor]:
        import torch

        terms, weights = (torch.from_numpy(part).to(self.device) for part in self._vectors([query], "query")[query])
        return lambda features: self._encoded(features, "document")[:, terms] @ weights
