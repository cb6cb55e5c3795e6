"""Answers of workers on several machines: each writes a shard, a database to itself, and the driver merges the shards.

Locks of databases do not hold on every network file system. So a worker reads what was known when the run began, and
what it has computed itself; nobody else opens its shard before it has ended. What two of them want at once is computed
twice.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path

from robustrank.notices import notice
from robustrank.rankers.claims import may_run, rows_of, this_process
from robustrank.rankers.sqlite_store import SqliteStore, unpacked

_SHARDS = "shards"
_AT_ONCE = 10_000  # rows that are merged in a transaction


class ShardStore:
    """What was known before the run, read alone, and a shard of this process.

    Args:
        path: The database of the cache.
        run: The name of the run, of whose shards this is one.
    """

    def __init__(self, path: Path, run: str) -> None:
        self._path, self._known = path, self._opened(path)
        name = f"{this_process()} {os.urandom(4).hex()}.sqlite"
        self._shard = SqliteStore(path.parent / _SHARDS / run / name)

    def get_many(self, keys: Sequence[bytes]) -> dict[bytes, bytes]:
        """Return the values that are known to the run's beginning, and to this process."""
        here = self._shard.get_many(keys)
        return self._before([key for key in keys if key not in here]) | here

    def put_many(self, values: Mapping[bytes, bytes]) -> None:
        """Keep values in the shard."""
        self._shard.put_many(values)

    def claim(self, keys: Sequence[bytes]) -> set[bytes]:
        """Return all: what other machines compute cannot be seen."""
        return set(keys)

    def release(self, keys: Sequence[bytes]) -> None:
        """Give up nothing."""

    def close(self) -> None:
        """Close the shard."""
        self._shard.close()

    @staticmethod
    def _opened(path: Path) -> sqlite3.Connection | None:
        if not path.is_file():
            return None
        database = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro&immutable=1", uri=True, check_same_thread=False)
        database.text_factory = bytes
        return database

    def _before(self, keys: Sequence[bytes]) -> dict[bytes, bytes]:
        if self._known is None or not keys:
            return {}
        try:
            records = list(rows_of(self._known, "answers", "key, value", keys))
        except sqlite3.Error as error:
            notice(f"{self._path}: the score cache cannot be read ({error}); this worker goes on without it")
            self._known = None
            return {}
        return {key: value for key, record in records if (value := unpacked(key, record)) is not None}


def merge_shards(path: Path) -> None:
    """Put the shards beside a database into it, those of this process's run, and of runs whose drivers are gone.

    Damaged answers are left out; a shard that cannot be read is renamed, and said.
    """
    store = SqliteStore(path)
    for run in (path.parent / _SHARDS).glob("*"):
        if run.name == this_process() or not may_run(run.name):
            for shard in sorted(run.glob("*.sqlite")):
                _merge(shard, store)
            if not list(run.glob("*.damaged")):
                shutil.rmtree(run)
    store.close()


def _merge(shard: Path, store: SqliteStore) -> None:
    try:
        with closing(sqlite3.connect(shard)) as database:
            database.text_factory = bytes
            rows = database.execute("SELECT key, value FROM answers")
            while batch := rows.fetchmany(_AT_ONCE):
                store.put_many({k: value for k, record in batch if (value := unpacked(k, record)) is not None})
    except sqlite3.Error as error:
        aside = shard.rename(shard.with_suffix(".damaged"))
        notice(f"{shard}: these scores cannot be read ({error}); renamed to {aside.name}")
