"""Sanitise: what a prompt could take for its structure is taken out of documents before they are ranked.

Source: rewriting of identifiers as in castorini/rank_llm; removal of special tokens, tags and code fences is ours.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from robustrank.collections.collection import Collection
from robustrank.defense import Defense, RewritingRanker
from robustrank.rankers.llm.texts import Sanitise, sanitised
from robustrank.rankers.ranker import Ranker


@dataclass(frozen=True)
class SanitiseDocuments(Defense):
    """Removes identifiers of prompts, or also special tokens, tags and code fences, from documents.

    Rankers that prompt language models have the parameter ``sanitise``; say ``sanitise: none`` there to measure this.
    """

    how: Literal["labels", "full"] = "full"  # identifiers as [3] alone, or all that may be the structure of a prompt
    tokens: tuple[str, ...] = ()  # further special tokens of the model's tokenizer, beside those in common use

    reference = "castorini/rank_llm (labels); Liu et al., USENIX Security 2024 (the attacks it is against)"
    deviations = "what is removed beside identifiers is ours"

    def wrap(self, ranker: Ranker, collection: Collection, rng: np.random.Generator) -> Ranker:
        """Return the ranker of sanitised documents."""
        return Sanitising.over(ranker, self.how, self.tokens)


class Sanitising(RewritingRanker):
    """Ranks sanitised documents."""

    def __init__(self, inner: Ranker, how: Sanitise, tokens: Sequence[str]) -> None:
        super().__init__(inner)
        self._how, self._tokens = how, tokens

    def rewritten_document(self, document: str) -> str:
        """Return the sanitised text."""
        return sanitised(document, self._how, self._tokens)
