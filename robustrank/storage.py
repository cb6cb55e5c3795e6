"""Files and folders on disk that are there whole or not at all, and are checked before they are believed.

What is written is synced to disk before it is renamed, so that neither a kill nor a power cut leaves half of it. A
finished folder holds manifest.json: the size and the SHA-256 of each file, and the SHA-256 of that list. Files that it
does not name are left alone.
"""

from __future__ import annotations

import errno
import glob
import hashlib
import io
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from filelock import Timeout

from robustrank.errors import DataError

MANIFEST = "manifest.json"
MANIFEST_SCHEMA = 1
_WRITING = ".writing-"  # in the names of what is not finished


@dataclass(frozen=True)
class Damage:
    """What is wrong with a finished file.

    Attributes:
        path: The file.
        what: For a person.
    """

    path: Path
    what: str

    def __str__(self) -> str:
        """The file and what is wrong with it."""
        return f"{self.path}: {self.what}"


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn a failure to write into an error that says where and what is safe.

    Raises:
        DataError: In place of an OSError.
    """
    try:
        yield
    except Timeout:
        raise
    except OSError as error:
        raise DataError(
            f"cannot write: {error.strerror or error}",
            where=str(error.filename2 or error.filename or path),
            hint="what is finished is kept; make room or choose another folder, and run the same command again",
        ) from error


@contextmanager
def new_file(path: Path) -> Iterator[IO[str]]:
    r"""Open a file for UTF-8 text that appears under its name when it is finished; ``\n`` is written as it stands.

    Raises:
        DataError: It cannot be written; what was there before is untouched.
    """
    with _renamed_when_written(path) as raw:
        text = io.TextIOWrapper(raw, encoding="utf-8", errors="backslashreplace", newline="")
        try:
            yield text
        finally:
            text.detach()


def write_file(path: Path, content: str | bytes) -> None:
    """Write a file whole or not at all; see :func:`new_file`."""
    with _renamed_when_written(path) as file:
        file.write(content if isinstance(content, bytes) else content.encode("utf-8", "backslashreplace"))


@contextmanager
def _renamed_when_written(path: Path) -> Iterator[IO[bytes]]:
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{path.name}{_WRITING}", dir=path.parent)
        temporary = Path(name)
        try:
            with os.fdopen(handle, "wb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            temporary.chmod(0o644)
            os.replace(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)
        _sync_folder(path.parent)


def write_folder(folder: Path, fill: Callable[[Path], None]) -> None:
    """Let ``fill`` write into a folder that then appears whole, with its manifest, in place of an earlier one.

    Two processes must not write the same folder at once: leftovers of a killed one are removed.

    Raises:
        DataError: It cannot be written; an earlier one is untouched.
    """
    with writing(folder):
        folder.parent.mkdir(parents=True, exist_ok=True)
        remove_unfinished(folder.parent, folder.name)
        room = Path(tempfile.mkdtemp(prefix=f".{folder.name}{_WRITING}", dir=folder.parent))
        try:
            (new := room / "new").mkdir(mode=0o755)
            fill(new)
            seal(new)
            if folder.exists():
                os.replace(folder, room / "old")
            os.replace(new, folder)
        finally:
            shutil.rmtree(room, ignore_errors=True)
        _sync_folder(folder.parent)


def remove_unfinished(parent: Path, name: str | None = None) -> None:
    """Remove what a killed process left of files and folders it was writing: of those of a name, or of all."""
    for leftover in parent.glob(f".{glob.escape(name) if name else '*'}{_WRITING}*"):
        if leftover.is_dir():
            shutil.rmtree(leftover, ignore_errors=True)
        else:
            leftover.unlink(missing_ok=True)


def seal(folder: Path, names: Iterable[str] | None = None) -> None:
    """Sync a folder's files to disk and write their manifest.

    Args:
        folder: A folder that nobody else writes.
        names: Paths below it; all files by default.

    Raises:
        DataError: It cannot be written.
    """
    with writing(folder):
        paths = sorted(_files(folder) if names is None else (folder / name for name in names))
        for path in [*paths, *(path for path in folder.rglob("*") if path.is_dir() and names is None)]:
            _sync(path)
        files = {path.relative_to(folder).as_posix(): _measure(path) for path in paths}
        manifest = {"schema": MANIFEST_SCHEMA, "files": files, "sha256": _digest(files)}
        write_file(folder / MANIFEST, json.dumps(manifest, indent=1) + "\n")


def find_damage(folder: Path, *names: str, by_size: bool = False) -> Damage | None:
    """Return the first file of a finished folder that is not as its manifest says; None if all are.

    Args:
        folder: The folder.
        names: Which files to check; all by default. One that the manifest does not name is damaged.
        by_size: Whether only sizes are compared, so that no file is read.
    """
    try:
        files = _manifest(folder)
    except OSError as error:
        return Damage(folder / MANIFEST, error.strerror or str(error))
    except (ValueError, RecursionError) as error:
        return Damage(folder / MANIFEST, f"is not a manifest: {error}")
    for name in names or files:
        what = _compare(folder / name, files.get(name), by_size)
        if what:
            return Damage(folder / name, what)
    return None


def set_aside(path: Path, room: Path) -> Path:
    """Move a damaged file or folder into the folder ``room``, under a name that is free; return where it is.

    Raises:
        DataError: It cannot be moved.
    """
    with writing(path):
        room.mkdir(parents=True, exist_ok=True)
        target, number = room / path.name, 1
        while target.exists():
            number += 1
            target = room / f"{path.name}-{number}"
        os.replace(path, target)
    return target


def _manifest(folder: Path) -> dict[str, Any]:
    """Return the measures of a folder's files by name; OSError or ValueError if there is no such manifest."""
    raw = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    if not isinstance(raw, dict) or raw.get("schema") != MANIFEST_SCHEMA or not isinstance(raw.get("files"), dict):
        raise ValueError(f"schema {MANIFEST_SCHEMA} with files was expected")
    if raw.get("sha256") != _digest(raw["files"]):
        raise ValueError("checksum mismatch")
    return dict(raw["files"])


def _digest(files: Mapping[str, object]) -> str:
    return hashlib.sha256(json.dumps(files, sort_keys=True).encode()).hexdigest()


def _compare(path: Path, expected: object, by_size: bool) -> str:
    """Return what is wrong with a file; empty if nothing is."""
    if expected is None:
        return f"is not in {MANIFEST}"
    try:
        size = path.stat().st_size
        if not isinstance(expected, dict) or set(expected) != {"size", "sha256"}:
            return f"has no size and digest in {MANIFEST}"
        if size != expected["size"]:
            return f"has {size} bytes, not {expected['size']}"
        return "" if by_size or _measure(path) == expected else "checksum mismatch"
    except OSError as error:
        return error.strerror or str(error)


def _measure(path: Path) -> dict[str, object]:
    with path.open("rb") as file:
        return {"size": path.stat().st_size, "sha256": hashlib.file_digest(file, "sha256").hexdigest()}


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in folder.rglob("*") if path.is_file() and path.name != MANIFEST)


def _sync(path: Path) -> None:
    if path.is_dir():
        _sync_folder(path)
        return
    with path.open("rb") as file:
        os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    """Sync the entries of a folder; some network file systems cannot, and keep their own order."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP, errno.EBADF):
            raise
    finally:
        os.close(handle)
