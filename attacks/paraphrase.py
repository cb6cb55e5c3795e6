"""Paraphrases of the query by a sequence-to-sequence model that the user gives.

Source: Penha, Camara, Hauff, ECIR 2022 (arXiv 2111.13057), paraphrasing category: a T5 fine-tuned on question pairs, or
back-translation.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from robustrank.attack import Attack, Edit, Perturbation
from robustrank.collections.collection import Collection
from robustrank.rankers.weights import load_model, load_tokenizer, model_folder, weights_digest
from robustrank.victim import Access, QueryInterface, Target, Victim


@dataclass
class Paraphrase(Attack):
    """Rewrites the query: variant i is the model's i-th best different text by beam search. Draws nothing."""

    model: str  # a folder, or a name on the Hugging Face hub, of a sequence-to-sequence model
    revision: str | None = None  # a commit, branch or tag on the hub
    prefix: str = ""  # what the model expects before the text, such as "paraphrase: "
    beams: int = 10  # of the search; the most variants there can be
    max_length: int = 64  # tokens of a query and of its paraphrase

    access = Access.NOTHING
    edits = "query"
    cost = "language model"
    reference = "Penha, Camara, Hauff, ECIR 2022"

    @property
    def fingerprint(self) -> str:
        """The model's files."""
        return weights_digest(model_folder(self.model, self.revision))

    def prepare(self, interface: QueryInterface, collection: Collection, rng: np.random.Generator) -> None:
        """Load the model."""
        folder = model_folder(self.model, self.revision)
        self._network: Any = load_model("AutoModelForSeq2SeqLM", folder)
        self._tokenizer: Any = load_tokenizer(folder)
        self._made: dict[str, list[str]] = {}

    def perturb(self, target: Target, victim: Victim, rng: np.random.Generator) -> Perturbation:
        """Return the paraphrase that is asked for."""
        if target.query not in self._made:
            self._made[target.query] = self._paraphrases(target.query)
        made = self._made[target.query]
        if target.variant >= len(made):
            return Perturbation(target.query, note=f"the model gives {len(made)} different texts")
        text = made[target.variant]
        return Perturbation(text, (Edit(0, len(target.query), text),))

    def _paraphrases(self, query: str) -> list[str]:
        import torch

        encoded = self._tokenizer(self.prefix + query, truncation=True, max_length=self.max_length, return_tensors="pt")
        with torch.inference_mode():
            ids = self._network.generate(
                encoded["input_ids"],
                attention_mask=encoded["attention_mask"],
                num_beams=self.beams,
                num_return_sequences=self.beams,
                max_length=self.max_length,
                do_sample=False,
            )
        texts = (" ".join(text.split()) for text in self._tokenizer.batch_decode(ids, skip_special_tokens=True))
        return [text for text in dict.fromkeys(texts) if text and text.casefold() != query.casefold()]
