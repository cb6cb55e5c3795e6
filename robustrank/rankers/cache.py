"""Scores on disk: a pair is scored once, in this run or the next, by this process or another."""

from __future__ import annotations

import hashlib
import json
import sqlite3
import struct
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

import numpy as np

from robustrank.errors import DataError
from robustrank.records import Cost, Pair, ParseReport, Ranking, Request

_BATCH = 500  # keys in one query; SQLite allows 999 variables everywhere


class ScoreCache:
    """Scores keyed by ranker fingerprint, query text and document text, every bit kept.

    Args:
        folder: Where the database stands; made when it is not there.

    Raises:
        DataError: The folder or the database cannot be used.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / "scores.sqlite"
        with self._trouble():
            folder.mkdir(parents=True, exist_ok=True)
            self._database = sqlite3.connect(self.path, timeout=60, isolation_level=None)
            self._database.execute("PRAGMA journal_mode=WAL")
            self._database.execute("PRAGMA synchronous=NORMAL")
            self._database.execute("CREATE TABLE IF NOT EXISTS scores (key BLOB PRIMARY KEY, score BLOB) WITHOUT ROWID")

    def get(self, fingerprint: str, pairs: Sequence[Pair]) -> dict[Pair, float]:
        """Return the scores that are known."""
        keys = {_key(fingerprint, pair): pair for pair in pairs}
        listed, found = list(keys), {}
        with self._trouble():
            for start in range(0, len(listed), _BATCH):
                batch = listed[start : start + _BATCH]
                marks = ",".join("?" * len(batch))
                rows = self._database.execute(f"SELECT key, score FROM scores WHERE key IN ({marks})", batch)
                found.update({keys[bytes(key)]: struct.unpack("<f", score)[0] for key, score in rows})
        return found

    def put(self, fingerprint: str, scores: Mapping[Pair, float]) -> None:
        """Keep scores (float32 values)."""
        rows = [(_key(fingerprint, pair), struct.pack("<f", score)) for pair, score in scores.items()]
        with self._trouble():
            self._database.execute("BEGIN IMMEDIATE")
            try:
                self._database.executemany("INSERT OR IGNORE INTO scores VALUES (?, ?)", rows)
            finally:
                self._database.execute("COMMIT")

    def get_rankings(self, fingerprint: str, requests: Sequence[Request]) -> dict[Request, Ranking]:
        """Return the rankings that are known."""
        keys = {_request_key(fingerprint, request): request for request in requests}
        with self._trouble():
            rows = [
                (request, row[0])
                for key, request in keys.items()
                if (row := self._database.execute("SELECT score FROM scores WHERE key = ?", (key,)).fetchone())
            ]
        return {request: unpacked_ranking(value, len(request)) for request, value in rows}

    def put_rankings(self, fingerprint: str, rankings: Mapping[Request, Ranking]) -> None:
        """Keep rankings."""
        rows = [(_request_key(fingerprint, request), packed_ranking(ranking)) for request, ranking in rankings.items()]
        with self._trouble():
            self._database.executemany("INSERT OR IGNORE INTO scores VALUES (?, ?)", rows)

    @contextmanager
    def _trouble(self) -> Iterator[None]:
        try:
            yield
        except (OSError, sqlite3.Error) as error:
            raise DataError(
                f"the score cache cannot be used: {error}",
                where=str(self.path),
                hint="make room or choose another --cache; a broken cache may be deleted, it only saves time",
            ) from error


def _key(fingerprint: str, pair: Pair) -> bytes:
    digest = hashlib.sha256(fingerprint.encode())
    for text in pair:
        raw = text.encode("utf-8", "surrogatepass")
        digest.update(len(raw).to_bytes(8, "big") + raw)
    return digest.digest()[:20]


def _request_key(fingerprint: str, request: Request) -> bytes:
    parts = [request.query, *(f"{c.doc_id}|{c.score!r}|{c.document.title}|{c.text}" for c in request.candidates)]
    digest = hashlib.sha256(f"list|{fingerprint}".encode())
    for text in parts:
        raw = text.encode("utf-8", "surrogatepass")
        digest.update(len(raw).to_bytes(8, "big") + raw)
    return digest.digest()[:20]


def packed_ranking(ranking: Ranking) -> bytes:
    """Return a ranking as bytes: cost and parse report as JSON, a line end, the order, and the scores if any."""
    head = {
        "calls": ranking.cost.calls,
        "tokens": ranking.cost.tokens,
        "parse": ranking.parse and asdict(ranking.parse),
    }
    scores = b"" if ranking.scores is None else np.asarray(ranking.scores, dtype="<f4").tobytes()
    return json.dumps(head).encode() + b"\n" + np.array(ranking.order, dtype="<i4").tobytes() + scores


def unpacked_ranking(value: bytes, count: int) -> Ranking:
    """Return the ranking of ``count`` candidates that :func:`packed_ranking` wrote."""
    head, _, rest = value.partition(b"\n")
    facts = json.loads(head)
    order = tuple(np.frombuffer(rest[: 4 * count], dtype="<i4").tolist())
    scores = np.frombuffer(rest[4 * count :], dtype="<f4") if len(rest) > 4 * count else None
    parse = ParseReport(**facts["parse"]) if facts["parse"] else None
    return Ranking(order, scores, Cost(facts["calls"], facts["tokens"]), parse)
