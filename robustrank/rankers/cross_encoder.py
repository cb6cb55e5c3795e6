"""Cross-encoders: query and document are read together (Nogueira, Cho, arXiv 1901.04085)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from robustrank.collections.collection import Collection
from robustrank.rankers.ranker import Encoding, Pair, Ranker, Scores
from robustrank.rankers.training import TrainingSettings
from robustrank.rankers.training import train as train_ranker
from robustrank.rankers.transformer import Dtype, TransformerRanker, document_encoding
from robustrank.rankers.weights import load_model

if TYPE_CHECKING:
    import torch


@dataclass
class CrossEncoderRanker(TransformerRanker):
    """Any Hugging Face sequence classifier over (query, document), by folder or hub name.

    With one label the score is its logit; with two, the logit of the second minus that of the first. A pair that is too
    long loses tokens of its longer part, the document in practice. Without trained weights (``minilm``) the head is
    fresh: train it first.
    """

    model: str  # a folder, a name on the Hugging Face hub, or minilm as a start for training
    revision: str | None = None  # a commit, branch or tag on the hub
    max_length: int = 256  # tokens of the pair, special tokens included
    dtype: Dtype = "fp32"  # bf16 is faster and changes scores
    max_tokens: int = 8192  # tokens in a batch

    auto_class = "AutoModelForSequenceClassification"

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
        """Tokenise the document as :meth:`score` does beside this query."""
        return document_encoding(self._tokenise(query, document, return_offsets_mapping=True), 1)

    def fit(
        self, train: Collection, validation: Collection, seed: int, folder: str, settings: Mapping[str, Any]
    ) -> None:
        """Fine-tune; see :func:`robustrank.rankers.training.train`."""

        def fresh() -> CrossEncoderRanker:
            learner = replace(self)
            learner.__dict__["network"] = load_model(self.auto_class, self.folder, num_labels=1)
            return learner

        start = {"ranker": "cross-encoder", "start": self.model, "max_length": self.max_length}
        train_ranker(fresh, train, validation, seed, folder, TrainingSettings.of(settings), start)

    def load(self, folder: str) -> Ranker:
        """Return the ranker with the weights in ``folder``."""
        return replace(self, model=folder, revision=None)

    def relevance(self, queries: Sequence[str], documents: Sequence[str]) -> torch.Tensor:
        """Return float32[n], differentiable."""
        encoded = self._tokenise(list(queries), list(documents), padding=True, return_tensors="pt")
        return relevance(self.network(**encoded).logits)

    def save(self, folder: Path) -> None:
        """Write weights and tokenizer."""
        self.network.save_pretrained(folder, safe_serialization=True)
        self.tokenizer.save_pretrained(folder)

    def _tokenise(self, query: Any, document: Any, **options: Any) -> Any:
        return self.tokenizer(query, document, truncation="longest_first", max_length=self.max_length, **options)

    def _differentiable_score(self, query: str, encoding: Encoding, leaf: torch.Tensor) -> torch.Tensor:
        import torch

        # The query is tokenised beside a document of the same length, so that truncation treats it alike.
        query_ids = self.tokenizer(query, add_special_tokens=False)["input_ids"][: self.max_length // 2]
        document_ids = encoding.ids.tolist()
        ids = self.tokenizer.build_inputs_with_special_tokens(query_ids, document_ids)
        kinds = self.tokenizer.create_token_type_ids_from_sequences(query_ids, document_ids)
        start = len(ids) - len(document_ids) - self.tokenizer.num_special_tokens_to_add(False) + 1
        whole = self.network.get_input_embeddings()(torch.tensor([ids])).detach()
        whole = torch.cat([whole[:, :start], leaf[None], whole[:, start + len(leaf) :]], dim=1)
        takes_kinds = "token_type_ids" in self.tokenizer.model_input_names
        extra = {"token_type_ids": torch.tensor([kinds])} if takes_kinds else {}
        return relevance(self.network(inputs_embeds=whole, **extra).logits)[0]


def relevance(logits: torch.Tensor) -> torch.Tensor:
    """Return [B] from logits [B, 1] or [B, 2]."""
    if logits.shape[1] == 1:
        return logits[:, 0]
    if logits.shape[1] == 2:
        return logits[:, 1] - logits[:, 0]
    raise ValueError(f"a relevance model has one or two labels, and this one has {logits.shape[1]}")
