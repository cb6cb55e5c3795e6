"""Claims: what a process of this machine is about to compute, and others that want it, too, wait for.

A claim ends with the answer, or with its process. One of a process that cannot be seen from here, or that goes on
without an answer, ends after some minutes: what it claims is then computed twice, which is no harm.
"""

from __future__ import annotations

import os
import socket
import sqlite3
import time
from collections.abc import Iterator, Sequence
from typing import Any

TABLE = "claims (key BLOB PRIMARY KEY, owner BLOB NOT NULL, until REAL NOT NULL)"
_SECONDS = 600.0
_BATCH = 500  # keys in a query; SQLite allows 999 variables everywhere


def claim(database: sqlite3.Connection, keys: Sequence[bytes]) -> set[bytes]:
    """Claim keys, in a transaction; return those that no other process has claimed."""
    now, this = time.time(), this_process().encode()
    held = {
        key
        for key, owner, until in rows_of(database, "claims", "key, owner, until", keys)
        if owner != this and 0 < until - now <= _SECONDS and may_run(owner.decode())
    }
    free = [key for key in keys if key not in held]
    database.executemany(
        "INSERT OR REPLACE INTO claims VALUES (?, ?, ?)", [(key, this, now + _SECONDS) for key in free]
    )
    return set(free)


def end(database: sqlite3.Connection, keys: Sequence[bytes]) -> None:
    """End claims."""
    database.executemany("DELETE FROM claims WHERE key = ?", [(key,) for key in keys])


def rows_of(database: sqlite3.Connection, table: str, columns: str, keys: Sequence[bytes]) -> Iterator[tuple[Any, ...]]:
    """Yield columns of the rows of a table that have one of the keys."""
    for start in range(0, len(keys), _BATCH):
        batch = keys[start : start + _BATCH]
        marks = ",".join("?" * len(batch))
        yield from database.execute(f"SELECT {columns} FROM {table} WHERE key IN ({marks})", batch)


def this_process() -> str:
    """Return the name of this process, which :func:`may_run` takes."""
    return f"{os.getpid()} {socket.gethostname()}"


def may_run(process: str) -> bool:
    """Return whether a process runs, as far as can be told from here: those of other machines may."""
    pid, _, machine = process.partition(" ")
    if machine != socket.gethostname():
        return True
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True
