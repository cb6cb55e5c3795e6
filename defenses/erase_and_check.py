"""Erase-and-check: a document's score is the least of those with a block of its words erased, whichever it is.

Source: Kumar, Agarwal, Srinivas, Li, Feizi, Lakkaraju: Certifying LLM Safety against Adversarial Prompting, 2023, arXiv
2309.02705, section 4 (insertion of one block), applied to rankers.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from robustrank.certification.certificate import Certificate, decide
from robustrank.certification.evidence import BLOCKS, ERASED, UNBOUNDED, Evidence
from robustrank.certification.threat import NO_WORD, block_inserted
from robustrank.collections.collection import Collection
from robustrank.defense import Defense, pointwise
from robustrank.plugins.constraints import Count
from robustrank.rankers.ranker import Pair, PointwiseRanker, Ranker, Scores
from robustrank.records import RankedList
from robustrank.text.table import SubstitutionTable

PAIRS_PER_CALL = 20_000  # erased copies scored in one call of the inner ranker


@dataclass(frozen=True)
class EraseAndCheck(Defense):
    """Certificates against an inserted trigger: any block of at most so many words, at one place of a document.

    With f the ranker's score, the served score h(d) is the least f of d and of d without a block of 1 to ``words``
    words. If d' is d with such a block inserted, one of the blocks of d' gives back d, so h(d') <= f(d): a document
    outside cannot enter where f(d) is below the served scores inside. Words are what white space separates. Of R in a
    task's ``radii`` those up to ``words`` can be certified. A trigger in a document of the top K can move it down.
    """

    words: Count = 3  # maximum number of words of a trigger; a document of T words is scored T * words times

    needs_pointwise = certifies = True
    reference = "Kumar et al., 2023, arXiv 2309.02705, section 4"
    deviations = "the least score in place of a harmfulness verdict; words are erased, not tokens of a model"

    def wrap(self, ranker: Ranker, collection: Collection, rng: np.random.Generator) -> Ranker:
        """Return the ranker of least scores."""
        return ErasingRanker(pointwise(ranker, self), self.words)


class ErasingRanker(PointwiseRanker):
    """The least score of a document and of all its copies without a block of words.

    Attributes:
        inner: The ranker.
        most: The maximum number of words of a block.
    """

    def __init__(self, inner: PointwiseRanker, most: int) -> None:
        self.inner, self.most, self.no_match = inner, most, inner.no_match

    @property
    def noise(self) -> float:
        """The inner ranker's."""
        return self.inner.noise

    @property
    def table(self) -> SubstitutionTable:
        """No word is replaced."""
        return NO_WORD

    def score(self, pairs: Sequence[Pair]) -> Scores:
        """Return float32[n], the least score of each document."""
        copies = {document: list(self.copies(document)) for document in dict.fromkeys(text for _, text in pairs)}
        least: dict[Pair, float] = {}
        chunk: list[tuple[Pair, Pair]] = []  # pairs, and copies of them

        def finish() -> None:
            for (pair, _), score in zip(chunk, self.inner.score([copy for _, copy in chunk]).tolist(), strict=True):
                least[pair] = min(score, least.get(pair, score))
            chunk.clear()

        for query, document in dict.fromkeys(pairs):
            chunk += [((query, document), (query, copy)) for copy in copies[document]]
            if len(chunk) >= PAIRS_PER_CALL:
                finish()
        finish()
        return np.array([least[pair] for pair in pairs], dtype=np.float32)

    def copies(self, document: str) -> Iterator[str]:
        """Yield the document's words, joined by blanks, and the same without each block of them; each text once."""
        words = document.split()
        blocks = ((start, size) for size in range(1, self.most + 1) for start in range(len(words) - size + 1))
        yield from dict.fromkeys(
            [" ".join(words), *(" ".join(words[:start] + words[start + size :]) for start, size in blocks)]
        )

    def characters_read(self, query: str, document: str) -> int | None:
        """Return the length of the document where all of it is read; None where blocks move what is."""
        joined = " ".join(document.split())
        return len(document) if self.inner.characters_read(query, joined) == len(joined) else None

    def overlaps(self, text: str) -> NDArray[np.float64]:
        """Return float64[0]: nothing is smoothed."""
        return np.empty(0)

    def words_replaced(self, before: str, after: str) -> int | None:
        """Return how many words are inserted, in one block; None where more was edited."""
        return block_inserted(before, after)

    def certify(self, served: RankedList, ks: Sequence[int], radius: int | None) -> list[Certificate]:
        """Return for each K the certificate against an inserted block of at most ``radius`` words."""
        query, pairs = served.request.query, served.run()
        texts = {candidate.doc_id: " ".join(candidate.text.split()) for candidate in served.candidates}
        whole = self.inner.score([(query, texts[doc_id]) for doc_id in pairs]).tolist()
        can_certify = radius is not None and radius <= self.most
        evidence = [
            Evidence(doc_id, mean, -UNBOUNDED, score if can_certify else UNBOUNDED, 1.0, 1)
            for (doc_id, mean), score in zip(pairs.items(), whole, strict=True)
        ]
        query_id, table = served.request.query_id, self.table.fingerprint
        return decide(query_id, ks, evidence, alpha=0.0, kind=ERASED, bound=BLOCKS, radius=radius, table=table)
