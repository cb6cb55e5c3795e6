"""SPLADE: sparse text vectors over the vocabulary of a masked language model (Formal et al., SIGIR 2021).

SPLADE v2 (arXiv 2109.10086) uses max pooling, the first version sum pooling.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from robustrank.plugins.constraints import Count
from robustrank.rankers.ranker import Encoding, Pair, Scores
from robustrank.rankers.transformer import FineTuning, TransformerRanker, document_encoding

if TYPE_CHECKING:
    import torch

MEMORY = 50_000  # sparse vectors kept in memory

Sparse = tuple[NDArray[np.int64], NDArray[np.float32]]  # ascending term ids, and their weights


@dataclass
class SpladeRanker(TransformerRanker):
    """The dot product of two vectors of log(1 + relu(logits)), pooled over the tokens of a text.

    Fine-tuning has no FLOPS regulariser, so vectors do not stay sparse.
    """

    model: str = "splade-tiny"  # a folder, splade-tiny, or a name on the Hugging Face hub
    pooling: Literal["max", "sum"] = "max"  # over tokens: max is SPLADE v2
    max_tokens: Count = 2048  # tokens in a batch; each token has a logit for every term of the vocabulary

    auto_class = "AutoModelForMaskedLM"
    training = FineTuning(learning_rate=2e-5)

    def score(self, pairs: Sequence[Pair]) -> Scores:
        """Return float32[n]; each distinct text is encoded once and cached in memory."""
        vectors = self._vectors(list(dict.fromkeys(text for pair in pairs for text in pair)))
        scores = np.empty(len(pairs), dtype=np.float32)
        for number, (query, document) in enumerate(pairs):
            (query_terms, query_weights), (document_terms, document_weights) = vectors[query], vectors[document]
            _, left, right = np.intersect1d(query_terms, document_terms, assume_unique=True, return_indices=True)
            scores[number] = (query_weights[left] * document_weights[right]).sum(dtype=np.float64)
        return scores

    def relevance(self, queries: Sequence[str], documents: Sequence[str]) -> torch.Tensor:
        """Return float32[n], differentiable by the weights."""
        self._memory.clear()  # the weights are about to change
        sides = []
        for texts in (queries, documents):
            tensors = self.tokenizer(
                list(texts), truncation=True, max_length=self.max_length, padding=True, return_tensors="pt"
            )
            sides.append(self._pooled(self.network(**tensors).logits, tensors["attention_mask"]))
        scores: torch.Tensor = (sides[0] * sides[1]).sum(1)
        return scores

    def encode(self, query: str, document: str) -> Encoding:
        """Tokenise the document as :meth:`score` does."""
        encoded = self.tokenizer(document, truncation=True, max_length=self.max_length, return_offsets_mapping=True)
        return document_encoding(encoded, 0)

    @cached_property
    def _memory(self) -> dict[str, Sparse]:
        return {}

    def _vectors(self, texts: Sequence[str]) -> dict[str, Sparse]:
        memory = self._memory
        missing = [text for text in texts if text not in memory]
        if len(memory) + len(missing) > MEMORY:
            memory.clear()
            missing = list(texts)
        if missing:
            encoded = self.tokenizer(missing, truncation=True, max_length=self.max_length)
            with self._inference():
                for batch, tensors in self._batches(dict(encoded)):
                    pooled = self._pooled(self.network(**tensors).logits.float(), tensors["attention_mask"]).numpy()
                    for i, vector in zip(batch.tolist(), pooled, strict=False):
                        terms = np.flatnonzero(vector)
                        memory[missing[i]] = terms, vector[terms]
        return {text: memory[text] for text in texts}

    def _pooled(self, logits: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """Pool [B, L, V] to [B, V] over the tokens that the mask [B, L] marks with 1."""
        import torch

        absent = mask[..., None] == 0
        if self.pooling == "max":  # of the logits: the monotone logarithm is computed once per term
            return torch.log1p(torch.relu(logits.masked_fill(absent, 0.0).amax(1)))
        return torch.log1p(torch.relu(logits)).masked_fill(absent, 0.0).sum(1)

    def _differentiable_score(self, query: str, encoding: Encoding, leaf: torch.Tensor) -> torch.Tensor:
        import torch

        ids, embeddings = self._document_embeddings(encoding, leaf)
        vector = self._pooled(self.network(inputs_embeds=embeddings).logits, torch.ones(1, len(ids)))[0]
        terms, weights = self._vectors([query])[query]
        return vector[torch.from_numpy(terms)] @ torch.from_numpy(weights)
