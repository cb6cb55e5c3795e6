"""Bytes on disk by the digest of what they answer, each with a checksum: what does not match is not known.

It is a cache: it may be deleted at any time, and a damaged database is moved away and replaced by an empty one. Nothing
is synced to disk, since after a power cut the checksums tell what was torn; a killed process loses nothing. The
rollback journal, unlike SQLite's write-ahead log, works on network file systems.

A process claims what it is about to compute, so that others of the same machine wait for it. A claim ends with the
answer, with its process, or, where neither can be seen, after some minutes.
"""

from __future__ import annotations

import os
import sqlite3
import threading
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from filelock import FileLock, Timeout

from robustrank.errors import DataError
from robustrank.notices import notice
from robustrank.rankers import claims
from robustrank.rankers.claims import rows_of

_PATIENCE = 30  # seconds to wait for another process
_ATTEMPTS = 3
_CHECKSUM = 4  # bytes in front of each value
_BUSY = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_PROTOCOL}
_NOT_OUR_FAULT = {sqlite3.SQLITE_FULL, sqlite3.SQLITE_PERM, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_IOERR}

Answer = TypeVar("Answer")


class SqliteStore:
    """Values by keys, shared by processes.

    Args:
        path: The database; created if it is missing.

    Attributes:
        damaged: The number of values whose checksum did not match.

    Raises:
        DataError: The folder cannot be written, here and in both methods. A damaged database is no error.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.damaged = 0
        self._database: sqlite3.Connection | None = None
        self._file: tuple[int, int] | None = None  # device and inode of the database that is open
        self._is_off = False
        self._lock = threading.Lock()
        self._run(lambda _: None)

    def get_many(self, keys: Sequence[bytes]) -> dict[bytes, bytes]:
        """Return the values that are known."""
        records, wanted = self._run(lambda database: _select(database, keys)) or {}, set(keys)
        values = {
            key: value
            for key, record in records.items()
            if key in wanted and (value := unpacked(key, record)) is not None  # a damaged index finds other keys
        }
        if len(values) < len(records):
            if not self.damaged:
                notice(f"{self.path}: checksum mismatch in cached scores; these are computed again")
            self.damaged += len(records) - len(values)
        return values

    def put_many(self, values: Mapping[bytes, bytes]) -> None:
        """Keep values, in place of earlier ones; claims on them are over."""
        if values:
            rows = [(key, _pack(key, value)) for key, value in values.items()]
            self._run(lambda database: _insert(database, rows))

    def claim(self, keys: Sequence[bytes]) -> set[bytes]:
        """Claim what is to be computed; return the keys that are not known, and that no other process has claimed."""
        claimed = self._run(lambda database: _claim(database, keys))
        return set(keys) if claimed is None else claimed

    def release(self, keys: Sequence[bytes]) -> None:
        """Give up claims without an answer."""
        self._run(lambda database: claims.end(database, keys))

    def close(self) -> None:
        """Close the database; the next call opens it again."""
        if self._database is not None:
            self._database.close()
        self._database = None

    def _run(self, action: Callable[[sqlite3.Connection], Answer]) -> Answer | None:
        """Return what an action on the database gives; None where the store is switched off."""
        with self._lock:
            for _ in range(_ATTEMPTS):
                if self._is_off:
                    return None
                try:
                    return action(self._opened())
                except (OSError, sqlite3.Error, ValueError) as error:  # ValueError: a message that is not UTF-8
                    self._recover(error)
        raise DataError(
            "the score cache is damaged again and again", where=str(self.path), hint="choose another --cache"
        )

    def _opened(self) -> sqlite3.Connection:
        if self._database is None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            if self.path.is_dir():
                raise sqlite3.DatabaseError("it is a folder")
            self._database = sqlite3.connect(
                self.path, timeout=_PATIENCE, isolation_level=None, check_same_thread=False
            )
            self._database.text_factory = bytes  # of a damaged record
            self._file = _file_of(self.path)
            for pragma in ("trusted_schema=OFF", "cell_size_check=ON", "journal_mode=TRUNCATE", "synchronous=OFF"):
                self._database.execute(f"PRAGMA {pragma}").close()
            for table in ("answers (key BLOB PRIMARY KEY, value BLOB NOT NULL)", claims.TABLE):
                self._database.execute(f"CREATE TABLE IF NOT EXISTS {table} WITHOUT ROWID")
        return self._database

    def _recover(self, error: Exception) -> None:
        """Make the next attempt possible.

        Raises:
            DataError: It is not, for a reason outside the database.
        """
        code = getattr(error, "sqlite_errorcode", None) or 0
        self.close()
        if code & 0xFF in _BUSY:
            self._is_off = True
            notice(f"{self.path}: another process holds the score cache; this one goes on without it")
        elif isinstance(error, OSError) or self._is_outside(code):
            raise DataError(
                f"the score cache cannot be used: {error}",
                where=str(self.path),
                hint="make room or choose another --cache",
            ) from error
        elif code != sqlite3.SQLITE_READONLY_DBMOVED:
            self._set_aside(error)

    def _is_outside(self, code: int) -> bool:
        if code & 0xFF == sqlite3.SQLITE_READONLY:  # a damaged header can say so, too
            return code != sqlite3.SQLITE_READONLY_DBMOVED and not os.access(self.path, os.W_OK)
        return code & 0xFF in _NOT_OUR_FAULT and code != sqlite3.SQLITE_IOERR_SHORT_READ

    def _set_aside(self, error: Exception) -> None:
        """Rename the database, unless another process has done so already."""
        try:
            with FileLock(f"{self.path}.lock", timeout=_PATIENCE):
                if _file_of(self.path) not in (self._file, None) and not self.path.is_dir():
                    return
                number = 1
                while (aside := self.path.with_name(f"{self.path.name}.damaged-{number}")).exists():
                    number += 1
                for suffix in ("", "-journal", "-wal", "-shm"):
                    if (leftover := Path(f"{self.path}{suffix}")).exists():
                        os.replace(leftover, f"{aside}{suffix}")
        except (OSError, Timeout) as trouble:
            raise DataError(f"the score cache is damaged: {error}", where=str(self.path), hint="delete it") from trouble
        notice(f"{self.path}: the score cache is damaged ({error}); renamed to {aside.name}, and created anew")


def _select(database: sqlite3.Connection, keys: Sequence[bytes]) -> dict[bytes, object]:
    return dict(rows_of(database, "answers", "key, value", keys))


def _insert(database: sqlite3.Connection, rows: Sequence[tuple[bytes, bytes]]) -> None:
    with _transaction(database):
        database.executemany("INSERT OR REPLACE INTO answers VALUES (?, ?)", rows)
        claims.end(database, [key for key, _ in rows])
    key, record = rows[-1]
    if _select(database, [key]).get(key) != record:  # damage that SQLite does not see
        raise sqlite3.DatabaseError("what was written cannot be read")


def _claim(database: sqlite3.Connection, keys: Sequence[bytes]) -> set[bytes]:
    with _transaction(database):
        known = {key for key, record in _select(database, keys).items() if unpacked(key, record) is not None}
        return claims.claim(database, [key for key in keys if key not in known])


@contextmanager
def _transaction(database: sqlite3.Connection) -> Iterator[None]:
    database.execute("BEGIN IMMEDIATE")
    try:
        yield
        database.execute("COMMIT")
    except BaseException:
        if database.in_transaction:
            database.execute("ROLLBACK")
        raise


def _pack(key: bytes, value: bytes) -> bytes:
    return zlib.crc32(key + value).to_bytes(_CHECKSUM, "big") + value


def unpacked(key: bytes, record: object) -> bytes | None:
    """Return the value of a record; None where its checksum is another."""
    if not isinstance(record, bytes) or len(record) < _CHECKSUM:
        return None
    value = record[_CHECKSUM:]
    return value if _pack(key, value) == record else None


def _file_of(path: Path) -> tuple[int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino
