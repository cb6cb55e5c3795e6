"""The content of files and folders that parameters name."""

from __future__ import annotations

import hashlib
import time
from contextlib import suppress
from functools import cache
from pathlib import Path

from robustrank.errors import DataError
from robustrank.kept import room
from robustrank.storage import write_file

LARGE = 1_000_000  # bytes of a file whose digest is kept on disk
SETTLED = 3_000_000_000  # nanoseconds since the last change of such a file
DIGITS = 64  # of a digest
Stamp = tuple[str, int, int, int, int]


def content_digest(path: Path) -> str:
    """Return a hash of a file, or of the names and contents of all files in a folder, hidden ones left out.

    A file is read once while it stays as it is, see :func:`file_digest`.

    Raises:
        OSError: It cannot be read.
    """
    if path.is_file():
        return file_digest(path)
    digest = hashlib.sha256()
    for file in sorted(path.rglob("*")):
        name = file.relative_to(path)
        if file.is_file() and not any(p.startswith(".") or p == "__pycache__" for p in name.parts):
            digest.update(f"{name.as_posix()}\n{file_digest(file)}\n".encode("utf-8", "surrogateescape"))
    return digest.hexdigest()


def file_digest(path: Path) -> str:
    """Return the sha256 of a file, in hexadecimal.

    That of a large file is kept on disk under its path, inode, size and times of change of content and entry, to the
    nanosecond; so it is read again when any of them changes. It is not kept while the last change is a few seconds old,
    since clocks of file systems are coarse.

    Raises:
        OSError: It cannot be read.
    """
    status = path.stat()
    stamp = str(path.resolve()), status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns
    return _small(stamp) if status.st_size < LARGE else _large(stamp)


@cache
def _small(stamp: Stamp) -> str:
    with Path(stamp[0]).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@cache
def _large(stamp: Stamp) -> str:
    kept = room() / "digests" / hashlib.sha256(repr(stamp).encode("utf-8", "surrogateescape")).hexdigest()
    if kept.exists() and len(known := kept.read_text(encoding="ascii", errors="replace")) == DIGITS:
        return known
    started, digest = time.time_ns(), _small(stamp)
    if started - max(stamp[-2:]) > SETTLED:
        with suppress(DataError):  # of a cache that cannot be written: the file is read again, next time
            write_file(kept, digest)
    return digest
