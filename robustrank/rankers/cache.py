"""Answers on disk: a pair is scored once, a list ranked once, in this run or the next, by this process or another."""

from __future__ import annotations

import hashlib
import json
import struct
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np

from robustrank.rankers.shard_store import ShardStore
from robustrank.rankers.sqlite_store import SqliteStore
from robustrank.rankers.store import Store
from robustrank.records import Cost, Pair, ParseReport, Ranking, Request

DATABASE = "scores.sqlite"
_SCORE = struct.Struct("<f")

Item = TypeVar("Item", Pair, Request)


@dataclass(frozen=True)
class Sharing:
    """Who computes answers for one cache at a time.

    Attributes:
        is_shared: Several processes of this machine: each claims what it computes.
        run: The name of a run whose workers are on several machines: each writes a shard; empty where there are none.
    """

    is_shared: bool = False
    run: str = ""


ALONE = Sharing()


class ScoreCache:
    """Scores keyed by ranker identity, query text and document text, every bit kept.

    Args:
        folder: The folder of the database; created if it is missing.
        sharing: Who else computes answers meanwhile, and how they are kept from computing the same.

    Attributes:
        store: What is below: any bytes, by digests; see :func:`digest`.
        is_shared: Whether other processes compute answers meanwhile.

    Raises:
        DataError: The folder cannot be written, here and in every method.
    """

    def __init__(self, folder: Path, sharing: Sharing = ALONE) -> None:
        path = folder / DATABASE
        self.store: Store = ShardStore(path, sharing.run) if sharing.run else SqliteStore(path)
        self.is_shared = sharing.is_shared

    def get(self, identity: str, pairs: Sequence[Pair]) -> dict[Pair, float]:
        """Return the scores that are known."""
        keys = {_key(identity, pair): pair for pair in pairs}
        known = self.store.get_many(list(keys))
        return {keys[key]: _SCORE.unpack(value)[0] for key, value in known.items() if len(value) == _SCORE.size}

    def get_rankings(self, identity: str, requests: Sequence[Request]) -> dict[Request, Ranking]:
        """Return the rankings that are known."""
        keys = {_key(identity, request): request for request in requests}
        known = self.store.get_many(list(keys))
        return {keys[key]: _unpacked(value, len(keys[key])) for key, value in known.items()}

    def put_rankings(self, identity: str, rankings: Mapping[Request, Ranking]) -> None:
        """Keep rankings."""
        packed = {_key(identity, request): _packed(ranking) for request, ranking in rankings.items()}
        self.store.put_many(packed)

    @contextmanager
    def claimed(self, identity: str, items: Sequence[Item]) -> Iterator[list[Item]]:
        """Enter with those of some pairs, or lists, that are to be computed here; the answers have to be put meanwhile.

        All of them, if the cache is not shared; else those that no other process computes, or has computed since.
        """
        if not self.is_shared:
            yield list(items)
            return
        keys = {_key(identity, item): item for item in items}
        mine = self.store.claim(list(keys))
        try:
            yield [item for key, item in keys.items() if key in mine]
        except BaseException:
            self.store.release(list(mine))
            raise

    def put(self, identity: str, scores: Mapping[Pair, float]) -> None:
        """Keep scores (float32 values)."""
        self.store.put_many({_key(identity, pair): _SCORE.pack(s) for pair, s in scores.items()})


def digest(kind: str, *texts: str) -> bytes:
    """Return the key of an answer of a kind to texts; no two lists of texts share one."""
    hashed = hashlib.sha256(kind.encode())
    for text in texts:
        raw = text.encode("utf-8", "surrogatepass")
        hashed.update(len(raw).to_bytes(8, "big") + raw)
    return hashed.digest()[:20]


def _key(identity: str, item: Pair | Request) -> bytes:
    if not isinstance(item, Request):
        return digest("score", identity, *item)
    documents = (candidate.document for candidate in item.candidates)
    texts = [text for document in documents for text in (document.doc_id, document.title, document.text)]
    scores = repr([candidate.score for candidate in item.candidates])
    return digest("list", identity, item.query, scores, *texts)


def _packed(ranking: Ranking) -> bytes:
    """Return a ranking as bytes: cost and parse report as JSON, a line end, the order, and the scores if any."""
    parse = None if ranking.parse is None else asdict(ranking.parse)
    head = json.dumps({"cost": asdict(ranking.cost), "parse": parse}).encode()
    scores = b"" if ranking.scores is None else ranking.scores.astype("<f4").tobytes()
    return head + b"\n" + np.array(ranking.order, dtype="<i4").tobytes() + scores


def _unpacked(value: bytes, count: int) -> Ranking:
    """Return the ranking of ``count`` candidates from its bytes."""
    head, _, rest = value.partition(b"\n")
    facts = json.loads(head)
    order = tuple(np.frombuffer(rest[: 4 * count], dtype="<i4").tolist())
    scores = np.frombuffer(rest[4 * count :], dtype="<f4") if len(rest) > 4 * count else None
    return Ranking(order, scores, Cost(**facts["cost"]), facts["parse"] and ParseReport(**facts["parse"]))
