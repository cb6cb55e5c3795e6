"""The content of files and folders that parameters name."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path


def content_digest(path: Path) -> str:
    """Return a hash of a file, or of the names and contents of all files in a folder, hidden ones left out.

    A file is read once while its time of change and size stay as they are.

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

    Raises:
        OSError: It cannot be read.
    """
    status = path.stat()
    return _file_digest(path, status.st_mtime_ns, status.st_size)


@cache
def _file_digest(path: Path, modified: int, size: int) -> str:  # noqa: ARG001 - they are in the cache's key
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
