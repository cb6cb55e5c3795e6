"""Scores on disk: a pair is scored once, in this run or the next, by this process or another."""

from __future__ import annotations

import hashlib
import sqlite3
import struct
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from robustrank.errors import DataError
from robustrank.rankers.ranker import Pair

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
