"""Hashes of the framework's own source files: what a row or trained weights were made by."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

import robustrank

# What these rooms say cannot change a row, so a change in them makes no finished cell stale.
_WITHOUT_ROWS = ("cli", "report")


@cache
def sources_digest(rooms: tuple[str, ...] = ()) -> str:
    """Return a hash of the source files of these rooms; of all that can change a row where none is named."""
    digest = hashlib.sha256()
    root = Path(robustrank.__file__).parent
    for path in sorted(root.rglob("*.py")):
        room = path.relative_to(root).parts[0]
        if room in rooms or (not rooms and room not in _WITHOUT_ROWS):
            digest.update(path.relative_to(root).as_posix().encode() + path.read_bytes())
    return digest.hexdigest()[:16]
