"""What is computed once and kept on disk by identity: documents, indices, embeddings, collections as they were read.

A kept folder appears whole, with a manifest, and is checked when it is opened: the manifest by its digest, the files by
their sizes, so that opening takes no time that grows with them. Processes that want the same one wait for each other.
"""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock

from robustrank.notices import notice
from robustrank.storage import find_damage, set_aside, write_folder, writing

_room: Path | None = None


def keep_in(folder: Path) -> None:
    """Keep what is computed from now on below a folder: the cache of a run."""
    global _room
    _room = folder.absolute()


def room() -> Path:
    """Return the folder that things are kept below; before :func:`keep_in`, one that ends with the process."""
    global _room
    if _room is None:
        _room = Path(tempfile.mkdtemp(prefix="robustrank-"))
        atexit.register(shutil.rmtree, _room, ignore_errors=True)
    return _room


def find_kept(kind: str, identity: str, by_size: bool = True) -> Path | None:
    """Return the folder of a kind and identity if it is there and whole; None otherwise."""
    folder = room() / kind / identity
    return folder if folder.exists() and find_damage(folder, by_size=by_size) is None else None


def kept_folder(kind: str, identity: str, fill: Callable[[Path], None], by_size: bool = True) -> Path:
    """Return the folder of a kind and identity, which ``fill`` writes unless it is there.

    A damaged one is set aside, with a notice, and written again.

    Args:
        kind: What it is, in a word: the name of the folder above it.
        identity: A hash of everything that decides its content.
        fill: Writes the files into an empty folder.
        by_size: Whether files of the right size pass for whole; otherwise they are read, and their digests compared.

    Raises:
        DataError: It cannot be written.
    """
    if kept := find_kept(kind, identity, by_size):
        return kept
    folder = room() / kind / identity
    with made_alone(folder, "it was", "is written again", by_size):
        if not folder.exists():
            write_folder(folder, fill)
    return folder


@contextmanager
def made_alone(folder: Path, what: str, again: str, by_size: bool = False) -> Iterator[None]:
    """Enter as the only process that may make a folder; a damaged one is set aside first, with a notice.

    Args:
        folder: The folder; its parent is created.
        what: The words of the notice for what is moved, as "the weights were".
        again: Its words for what comes next, as "are trained again".
        by_size: Whether files of the right size pass for whole.

    Raises:
        DataError: It cannot be written.
    """
    with writing(folder):
        folder.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(f"{folder}.lock")
        lock.acquire()
    try:
        if os.path.lexists(folder) and (damage := find_damage(folder, by_size=by_size)):
            aside = set_aside(folder, folder.parent / "damaged")
            notice(f"{damage}; {what} moved to {aside.parent.name}/, and {again}")
        yield
    finally:
        lock.release()
