"""Cross-encoders: one model reads query and document together (Nogueira, Cho, arXiv 1901.04085)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from robustrank.plugins.constraints import Tokens
from robustrank.rankers.ranker import Encoding, Pair, Scores
from robustrank.rankers.transformer import TransformerRanker, document_encoding

if TYPE_CHECKING:
    import torch


@dataclass
class CrossEncoderRanker(TransformerRanker):
    """Any Hugging Face sequence classifier over (query, document), by folder or hub name.

    With one label the score is its logit; with two, the logit of the second minus that of the first. A pair that is
    too long is truncated in its longer text, in practice the document. Without trained weights (``minilm``) the head is
    randomly initialised: train it first.
    """

    model: str  # a folder, a name on the Hugging Face hub, or minilm as the initialisation of training
    max_length: Tokens = 256  # tokens of the pair, special tokens included

    auto_class = "AutoModelForSequenceClassification"
    head = MappingProxyType({"num_labels": 1})

    def score(self, pairs: Sequence[Pair]) -> Scores:
        """Return float32[n]."""
        scores = np.empty(len(pairs), dtype=np.float32)
        if pairs:
            encoded = self._tokenise([query for query, _ in pairs], [document for _, document in pairs])
            with self._inference():
                for batch, tensors in self._batches(dict(encoded)):
                    scores[batch] = relevance(self.network(**tensors).logits).float().numpy()[: len(batch)]
        return scores

    def encode(self, query: str, document: str) -> Encoding:
        """Tokenise the document as :meth:`score` does together with this query."""
        return document_encoding(self._tokenise(query, document, return_offsets_mapping=True), 1)

    def relevance(self, queries: Sequence[str], documents: Sequence[str]) -> torch.Tensor:
        """Return float32[n], differentiable."""
        encoded = self._tokenise(list(queries), list(documents), padding=True, return_tensors="pt")
        return relevance(self.network(**encoded).logits)

    def _tokenise(self, query: Any, document: Any, **options: Any) -> Any:
        return self.tokenizer(query, document, truncation="longest_first", max_length=self.max_length, **options)

    def _differentiable_score(self, query: str, encoding: Encoding, leaf: torch.Tensor) -> torch.Tensor:
        import torch

        # As many query tokens as truncation leaves beside a document of the same length.
        query_ids = self.tokenizer(query, add_special_tokens=False)["input_ids"][: self.max_length // 2]
        document_ids = encoding.ids.tolist()
        ids = self.tokenizer.build_inputs_with_special_tokens(query_ids, document_ids)
        type_ids = self.tokenizer.create_token_type_ids_from_sequences(query_ids, document_ids)
        start = len(ids) - len(document_ids) - self.tokenizer.num_special_tokens_to_add(False) + 1
        embeddings = self.network.get_input_embeddings()(torch.tensor([ids])).detach()
        embeddings = torch.cat([embeddings[:, :start], leaf[None], embeddings[:, start + len(leaf) :]], dim=1)
        has_type_ids = "token_type_ids" in self.tokenizer.model_input_names
        extra = {"token_type_ids": torch.tensor([type_ids])} if has_type_ids else {}
        return relevance(self.network(inputs_embeds=embeddings, **extra).logits)[0]


def relevance(logits: torch.Tensor) -> torch.Tensor:
    """Return [B] from logits [B, 1] or [B, 2]."""
    if logits.shape[1] == 1:
        return logits[:, 0]
    if logits.shape[1] == 2:
        return logits[:, 1] - logits[:, 0]
    raise ValueError(f"a cross-encoder needs 1 or 2 labels, and this model has {logits.shape[1]}")
