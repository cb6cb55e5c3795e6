"""RAGDefender: passages at the head of a list that cluster are taken for added ones, as the package of that name does.

Reference: Kim, Lee, Koo: Rescuing the Unpoisoned: Efficient Defense against Knowledge Corruption Attacks on RAG
Systems, ACSAC 2025 (package ragdefender on PyPI).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from robustrank.collections.collection import Collection
from robustrank.defense import Defense
from robustrank.errors import DataError
from robustrank.notices import notice
from robustrank.plugins import RankerSpec
from robustrank.plugins.constraints import Count
from robustrank.rankers.ranker import Ranker, Ranking, Request
from robustrank.rankers.text_encoder import TextEncoder, text_encoder

from .parts.filtering import DemotingRanker

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class RAGDefenderFilter(Defense):
    """Demotes the passages among the first of a list that the package ragdefender takes for adversarial.

    It always takes some for adversarial, of clean lists too: read what it costs them.
    """

    depth: Count = 10  # passages at the head of the ranker's list that it sees
    kind: Literal["single-hop", "multi-hop"] = "single-hop"  # how it counts them: by clusters, or by concentration
    encoder: RankerSpec = "minilm"  # embeds the passages; the package's default is the same model

    passes_gradients = True
    reference = "Kim, Lee, Koo, ACSAC 2025; package ragdefender"
    deviations = (
        "the package as it is, which counts multi-hop passages otherwise than the paper's text (its documentation says "
        "how); what it takes away is ranked last; a list of fewer than two passages, or without a word that is no stop "
        "word, stays as it is"
    )

    def check(self) -> None:
        """Refuse to work without the package, or with an encoder that embeds nothing."""
        if find_spec("ragdefender") is None:
            raise DataError("ragdefender is not installed", hint='pip install "robustrank[ragdefender]"')
        text_encoder(self.encoder)

    def wrap(self, ranker: Ranker, collection: Collection, rng: np.random.Generator) -> Ranker:
        """Return the ranker behind the package.

        Raises:
            DataError: ragdefender is not installed.
        """
        self.check()
        return DefendedRanker(ranker, text_encoder(self.encoder), self.kind, self.depth)


class DefendedRanker(DemotingRanker):
    """A ranker behind RAGDefender.

    Args:
        inner: The ranker.
        encoder: Embeds passages.
        kind: How they are counted.
        depth: How many it sees.
    """

    def __init__(self, inner: Ranker, encoder: TextEncoder, kind: str, depth: int) -> None:
        super().__init__(inner)
        self._encoder, self._kind, self._depth = encoder, kind, depth
        self._is_told = False

    @cached_property
    def _defender(self) -> Any:
        from ragdefender import RAGDefender

        return RAGDefender(_Embedder(self._encoder), task_type=self._kind.replace("-", "_"), device="cpu")

    def _flags(self, requests: Sequence[Request], rankings: Sequence[Ranking]) -> Sequence[NDArray[np.bool_]]:
        return [self._removed(*of_query) for of_query in zip(requests, rankings, strict=True)]

    def _removed(self, request: Request, ranking: Ranking) -> NDArray[np.bool_]:
        flags, first = np.zeros(len(request), dtype=np.bool_), list(ranking.order[: self._depth])
        if len(first) < 2:
            return flags
        texts = [request.candidates[position].text for position in first]
        try:
            _, removed = self._defender.defend(request.query, texts, return_indices=True)
        except ValueError as error:  # of its TF-IDF, without a word that is no stop word
            if "empty vocabulary" not in str(error):
                raise
            if not self._is_told:
                notice(
                    f"ragdefender reads no words in the list of query {request.query_id!r}: such lists stay as they are"
                )
            self._is_told = True
            return flags
        flags[[first[i] for i in removed]] = True
        return flags


@dataclass(frozen=True)
class _Embedder:
    """An encoder as ragdefender calls one: by the interface of sentence-transformers."""

    encoder: TextEncoder

    def encode(self, texts: Sequence[str], convert_to_tensor: bool = True) -> torch.Tensor:
        import torch

        vectors = self.encoder.embed(list(texts))
        return torch.from_numpy(np.array([vectors[text] for text in texts], dtype=np.float32))
