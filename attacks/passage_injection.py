"""Passage injection: sentences of the top-ranked documents, or of random documents, are inserted into the document.

Reference: Tamber, Lin: Illusions of Relevance: Arbitrary Content Injection Attacks Deceive Retrievers, Rerankers, and
LLM Judges, Findings of AACL 2025, arXiv 2501.18536, section 3 (sentence injection, and its reverse: relevant content).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from robustrank.attack import Attack, Perturbation
from robustrank.collections.collection import Collection
from robustrank.plugins.constraints import Count
from robustrank.text.sentences import SENTENCE_BREAK
from robustrank.text.words import first_words
from robustrank.victim import Access, QueryInterface, Target, Victim

from .parts.insertion import Position, insert


@dataclass
class PassageInjection(Attack):
    """Inserts sentences of other documents; of the victim, only the ranked list is used."""

    what: Literal["relevant", "random"] = "relevant"  # sentences of the top-ranked documents, or of random ones
    sentences: Count = 1  # number of inserted sentences, each of a different document
    position: Position = "start"  # where the sentences are inserted
    longest: Count = 40  # maximum number of words of a sentence

    access = Access.NOTHING
    size_parameter = "sentences"
    budget_unit = "sentences"
    reference = "Tamber, Lin, Findings of AACL 2025, arXiv 2501.18536, section 3"
    deviations = (
        "relevant sentences are the first sentences of the top-ranked documents; case and periods are preserved"
    )
    control = "random-trigger"

    _documents: list[str] = field(default_factory=list, init=False, repr=False)

    def prepare(self, interface: QueryInterface, collection: Collection, rng: np.random.Generator) -> None:
        """Collect the documents from which random sentences are drawn."""
        self._documents = list(collection.documents.values())

    def perturb(self, target: Target, victim: Victim, rng: np.random.Generator) -> Perturbation:
        """Return the document with the sentences inserted."""
        sources = [candidate.text for candidate in target.ranked if candidate.doc_id != target.doc_id]
        if self.what == "random":
            sources = [self._documents[int(i)] for i in rng.integers(len(self._documents), size=10 * self.sentences)]
        sentences = [sentence for text in sources if (sentence := self._first_sentence(text))][: self.sentences]
        if not sentences:
            return Perturbation(target.document, note="there is no sentence to insert")
        return insert(target.document, " ".join(sentences), self.position)

    def _first_sentence(self, text: str) -> str:
        """Return the first sentence of a text, truncated to ``longest`` words."""
        return first_words(SENTENCE_BREAK.split(text.strip())[0], self.longest)
