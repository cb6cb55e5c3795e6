"""Window filter: flags documents of which one part is far more similar to the query than the others.

The window of an inserted trigger or sentence is near the query, and the rest of the document is not. The detector
compares the windows of a document among themselves, so it reads less of a document's relevance than a similarity of the
whole would. The detector is ours; filtering is that of Chen et al.: Defense of Adversarial Ranking Attack in Text
Retrieval, arXiv 2307.16816.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from robustrank.collections.collection import Collection
from robustrank.defense import Defense
from robustrank.plugins import RankerSpec
from robustrank.plugins.constraints import Count, InnerShare
from robustrank.rankers.ranker import Ranker
from robustrank.rankers.text_encoder import DualEncoder, dual_encoder
from robustrank.text.languages import SPACED

from .parts.filtering import filter_ranker

Contrast = Literal["best-median", "first-rest"]
_WORD = re.compile(r"\S+")


@dataclass(frozen=True)
class WindowFilter(Defense):
    """Demotes documents whose windows differ more in similarity to the query than a (1 - FPR) share of clean ones.

    Relevant documents that hold their answer in one place differ, too: read the share of them that is flagged.
    """

    contrast: Contrast = "best-median"  # the best window less the median one, or the first less the mean of the rest
    words: Count = 12  # words of a window, between white space
    step: Count = 8  # words from the start of a window to that of the next
    windows: Count = 6  # windows of a document that are read, its first
    encoder: RankerSpec = "minilm:max_length=64"  # a bi-encoder: the similarity of query and window
    target_fpr: InnerShare = 0.05  # share of clean candidates that may be flagged

    languages = SPACED  # a window is of words between white space
    flags = passes_gradients = True
    reference = "Chen et al., arXiv 2307.16816 (filtering)"
    deviations = "the detector is ours: it compares parts of a document, and is not trained"

    def check(self) -> None:
        """Refuse an encoder that is no bi-encoder."""
        dual_encoder(self.encoder)

    def wrap(self, ranker: Ranker, collection: Collection, rng: np.random.Generator) -> Ranker:
        """Return the ranker behind the filter."""
        detector = WindowDetector(dual_encoder(self.encoder), self.contrast, self.words, self.step, self.windows)
        return filter_ranker(ranker, detector, collection, self.target_fpr, rng)


@dataclass(frozen=True)
class WindowDetector:
    """The anomaly score is the contrast of the windows' similarities to the query; 0 for a text of a single window."""

    encoder: DualEncoder
    contrast: Contrast
    words: int
    step: int
    most: int

    def anomaly_score(self, query: str, documents: Sequence[str]) -> NDArray[np.float64]:
        """Return float64[n]."""
        windows = [self.windows(document) for document in documents]
        vectors = self.encoder.embed(list(dict.fromkeys(text for of in windows for text in of)))
        of_query = self.encoder.embed_queries([query])[query]
        similarity = {text: self.encoder.similarity_of(of_query, vector) for text, vector in vectors.items()}
        return np.array([self._contrast([similarity[text] for text in of]) for of in windows], dtype=np.float64)

    def windows(self, document: str) -> list[str]:
        """Return the first windows of a document, as they are written; each but the first has a further word."""
        spans = [match.span() for match in _WORD.finditer(document)]
        starts = range(0, max(1, len(spans) - max(0, self.words - self.step)), self.step)[: self.most]
        held = [spans[start : start + self.words] for start in starts] if spans else []
        return [document[of[0][0] : of[-1][1]] for of in held]

    def _contrast(self, similarities: Sequence[float]) -> float:
        if len(similarities) < 2:
            return 0.0
        if self.contrast == "best-median":
            return float(np.max(similarities) - np.median(similarities))
        return float(similarities[0] - np.mean(similarities[1:]))
