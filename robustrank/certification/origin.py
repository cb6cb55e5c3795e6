"""What a certificate is of: the texts, the ranker and the draws that it was computed from, by their digests."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from robustrank.certification.draws import Draws

if TYPE_CHECKING:
    from robustrank.certification.certificate import Certificate

Samples = NDArray[np.floating]


@dataclass(frozen=True)
class Origin:
    """Where a certificate comes from.

    Attributes:
        query: The digest of the query's text.
        collection: The fingerprint of the collection.
        ranker, defense: Their identities: code, parameters, weights, versions.
        seed: The seed of the cell.
    """

    query: str
    collection: str
    ranker: str
    defense: str
    seed: int


def text_digest(text: str) -> str:
    """Return the SHA-256 of a text, its first 32 hexadecimal digits."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def scores_digest(scores: Samples) -> str:
    """Return the digest of the scores of copies, in single precision, in their order."""
    return hashlib.sha256(scores.astype("<f4").tobytes()).hexdigest()[:32]


def bound_certificate(
    certificate: Certificate,
    origin: Origin,
    texts: Mapping[str, str],
    scores: Mapping[str, Samples],
    draws: Draws | None,
) -> Certificate:
    """Return a certificate that names what it was computed from.

    Args:
        certificate: The certificate.
        origin: Its list and ranker.
        texts: The document texts, by id.
        scores: The scores of the copies of each document, by id; none where nothing is smoothed.
        draws: How these copies are drawn.
    """
    documents = tuple(
        replace(
            document,
            text=text_digest(texts[document.doc_id]),
            scores=scores_digest(scores[document.doc_id][: document.samples]) if scores else "",
        )
        for document in certificate.documents
    )
    return replace(certificate, origin=origin, draws=draws, documents=documents)
