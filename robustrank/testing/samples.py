"""What conformance tests run on: texts with odd ones among them, a collection of them, and a small ranker."""

from __future__ import annotations

import re
import zlib
from collections.abc import Mapping, Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from robustrank.collections.check import checked
from robustrank.collections.collection import Collection
from robustrank.collections.reader import CollectionReader
from robustrank.plugins.identity import digest_of, identity_parts
from robustrank.plugins.specification import Spec
from robustrank.randomness import derive
from robustrank.rankers.ranker import Encoding, Pair, PointwiseRanker, Scores
from robustrank.records import Candidate, Document, Request

TEXTS = (
    "The quick brown fox jumps over the lazy dog near the river bank.",
    "Aircraft wings generate lift because the air pressure above them is lower.",
    "Ministers met in the capital to discuss the budget and the economy.",
    "naïve café — “quoted” \U0001f600 combining e\u0301 and \u202eright-to-left\u202c text",
    "word",
    "",
)
TEXTS_BY_LANGUAGE = {  # a query and a document each; Vietnamese in decomposed form
    "hi": ("पत्थर का पुल", "नदी पर पत्थर का पुराना पुल है। लोग उसे पार करते हैं।"),
    "vi": ("ca\u0302\u0300u \u0111a\u0301", "Ca\u0302\u0300u \u0111a\u0301 ba\u0306\u0301c qua so\u0302ng."),
    "th": ("สะพานหิน", "สะพานหินข้ามแม่น้ำ ผู้คนเดินข้ามทุกวัน"),
    "zh": ("石桥", "河上有一座石桥。人们每天从桥上走过。"),
    "ko": ("돌다리", "강에는 돌다리가 있다. 사람들이 매일 건넌다."),
}
LONG_TEXT = " ".join(["the quick brown fox jumps over the lazy dog near the river bank"] * 80)  # 1,040 words
QUERY = "aircraft wings and pressure"


class Overlap(PointwiseRanker):
    """A small ranker with gradients: the mean product of word vectors, words hashed to random vectors."""

    @cached_property
    def embedding_table(self) -> NDArray[np.float32]:
        """float32[512, 8]."""
        return derive(0, "conformance vectors").standard_normal((512, 8)).astype(np.float32)

    def score(self, pairs: Sequence[Pair]) -> Scores:
        """Return float32[n]."""
        scored = [self.gradients(query, [self.encode(query, document)])[0][0] for query, document in pairs]
        return np.array(scored, dtype=np.float32)

    def encode(self, query: str, document: str) -> Encoding:
        """Return a token a word."""
        matches = list(re.finditer(r"\S+", document))
        ids = [zlib.crc32(match.group().lower().encode("utf-8", "replace")) % 512 for match in matches]
        return Encoding(np.array(ids, dtype=np.int64), tuple(match.span() for match in matches))

    def tokens_of(self, word: str) -> NDArray[np.int64]:
        """Return the token of a word."""
        return self.encode("", word).ids

    def gradients(
        self,
        query: str,
        documents: Sequence[Encoding],
        embeddings: Sequence[NDArray[np.float32]] | None = None,
    ) -> tuple[Scores, list[NDArray[np.float32]]]:
        """Return scores and gradients, both exact: the score is linear in the document's vectors."""
        query_vector = self.embedding_table[self.encode("", query).ids].sum(axis=0)
        scores, gradients = [], []
        for number, encoding in enumerate(documents):
            given = self.embedding_table[encoding.ids] if embeddings is None else embeddings[number]
            length = max(1, len(given))
            scores.append(float((given @ query_vector).sum()) / length)
            gradients.append(np.tile(query_vector / length, (len(given), 1)).astype(np.float32))
        return np.array(scores, dtype=np.float32), gradients


DOCUMENTS = {f"d{number}": text for number, text in enumerate(TEXTS)}
COLLECTION = Collection(
    "conformance",
    {"q": QUERY, "q2": "budget and economy", "q3": "quick fox"},
    DOCUMENTS,
    {"q": {"d1": 1}, "q2": {"d2": 1}, "q3": {"d0": 1}},
    {query_id: tuple(DOCUMENTS) for query_id in ("q", "q2", "q3")},
)


class SampleReader(CollectionReader):
    """The collection as a plug-in, for experiments of conformance tests."""

    def read(self) -> Collection:
        """Return the collection."""
        return checked(COLLECTION)


def request(texts: Mapping[str, str], query: str = QUERY) -> Request:
    """Return the request for documents by id."""
    return Request("q", query, tuple(Candidate(Document(*item)) for item in texts.items()))


def require(condition: bool, message: str) -> None:
    """Fail the test with a message.

    Raises:
        AssertionError: The condition does not hold.
    """
    if not condition:
        raise AssertionError(message)


def require_one_identity(kind: str, specification: Spec) -> None:
    """Fail where a plug-in's identity changes from instance to instance.

    Raises:
        AssertionError: Its ``fingerprint`` or a default differs between two instances.
    """
    first, second = (digest_of(identity_parts(kind, specification)) for _ in range(2))  # computed anew, not remembered
    require(first == second, f"two instances of {kind} {specification.text!r} have two identities")
