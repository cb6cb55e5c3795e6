"""Scores on disk: a pair is scored once, in this run or the next, by this process or another."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Mapping, Sequence
from pathlib import Path

from robustrank.rankers.ranker import Pair
from robustrank.rankers.store import Store

_SCORE = struct.Struct("<f")


class ScoreCache:
    """Scores keyed by ranker identity, query text and document text, every bit kept.

    Args:
        folder: Where the database is; made where it is missing.

    Attributes:
        store: What is below: any bytes, by digests; see :func:`digest`.

    Raises:
        DataError: The folder cannot be written, here and in both methods.
    """

    def __init__(self, folder: Path) -> None:
        self.store = Store(folder / "scores.sqlite")

    def get(self, identity: str, pairs: Sequence[Pair]) -> dict[Pair, float]:
        """Return the scores that are known."""
        keys = {digest("score", identity, *pair): pair for pair in pairs}
        known = self.store.get_many(list(keys))
        return {keys[key]: _SCORE.unpack(value)[0] for key, value in known.items() if len(value) == _SCORE.size}

    def put(self, identity: str, scores: Mapping[Pair, float]) -> None:
        """Keep scores (float32 values)."""
        self.store.put_many({digest("score", identity, *pair): _SCORE.pack(s) for pair, s in scores.items()})


def digest(kind: str, *texts: str) -> bytes:
    """Return the key of an answer of a kind to texts; no two lists of texts share one."""
    hashed = hashlib.sha256(kind.encode())
    for text in texts:
        raw = text.encode("utf-8", "surrogatepass")
        hashed.update(len(raw).to_bytes(8, "big") + raw)
    return hashed.digest()[:20]
