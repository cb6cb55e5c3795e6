"""A run in one file beside its entry: the same run, the same bytes.

Files of the same content, as the rankings of seeds that decide nothing, are in it once; ``same.json`` says which others
they are.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from robustrank.errors import DataError
from robustrank.leaderboard.entry import Packed
from robustrank.storage import write_file

MOST_BYTES = 2_000_000  # of a packed run
_UNPACKED = 200_000_000  # bytes of it, unpacked
_FILES = ("experiment.yaml", "provenance.json", "cells.jsonl", "rows.csv", "manifest.json", "notes.txt")
_SAME = "same.json"  # path to the path of the file that has its content
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the date of every file in it


def pack(run: Path, packed: Path) -> str:
    """Pack a run folder, without its report, and return the digest of the file.

    Raises:
        DataError: It is too large.
    """
    paths = [run / name for name in _FILES if (run / name).exists()]
    paths += sorted(path for path in (run / "cells").rglob("*") if path.is_file())
    packed.parent.mkdir(parents=True, exist_ok=True)
    temporary = packed.with_suffix(".part")
    first, same = dict[bytes, str](), dict[str, str]()
    try:
        with zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
            for path in paths:
                name, content = path.relative_to(run).as_posix(), path.read_bytes()
                if (known := first.setdefault(hashlib.sha256(content).digest(), name)) == name:
                    _add(archive, name, content)
                else:
                    same[name] = known
            if same:
                _add(archive, _SAME, json.dumps(same, indent=0).encode())
        content = temporary.read_bytes()
    finally:
        temporary.unlink(missing_ok=True)
    if len(content) > MOST_BYTES:
        raise DataError(
            f"the run has {len(content):,} bytes, packed", where=str(run), allowed=f"at most {MOST_BYTES:,} bytes"
        )
    write_file(packed, content)
    return hashlib.sha256(content).hexdigest()


@contextmanager
def unpacked(folder: Path, run: Packed) -> Iterator[Path]:
    """Give the folder of a run that is packed beside its entry, for as long as it is read.

    Args:
        folder: The folder of the entry.
        run: What the entry says of the run.

    Raises:
        DataError: The file is not the one of that digest, or not a packed run.
    """
    packed = folder / run.file
    try:
        content = packed.read_bytes()
    except OSError as error:
        raise DataError(f"cannot be read: {error.strerror}", where=str(packed)) from error
    if (digest := hashlib.sha256(content).hexdigest()) != run.sha256:
        raise DataError(
            f"the file has the SHA-256 {digest}", where=str(packed), allowed=f"the entry names {run.sha256}"
        )
    with TemporaryDirectory(prefix="robustrank-") as room:
        unpacking = Path(room) / "run"
        unpacking.mkdir()
        try:
            with zipfile.ZipFile(packed) as archive:
                if sum(information.file_size for information in archive.infolist()) > _UNPACKED:
                    raise DataError(f"more than {_UNPACKED:,} bytes, unpacked", where=str(packed))
                archive.extractall(unpacking)  # which drops what leads out of the folder
            _write_same(unpacking)
        except (zipfile.BadZipFile, OSError, ValueError) as error:
            raise DataError(f"not a packed run: {error}", where=str(packed)) from error
        yield unpacking


def _add(archive: zipfile.ZipFile, name: str, content: bytes) -> None:
    information = zipfile.ZipInfo(name, _EPOCH)
    information.external_attr = 0o644 << 16
    archive.writestr(information, content, zipfile.ZIP_DEFLATED, 9)


def _write_same(run: Path) -> None:
    """Write the files that were packed once for several.

    Raises:
        ValueError: They are not told as paths in the run, or are too large together.
    """
    listed = run / _SAME
    if not listed.exists():
        return
    size = sum(path.stat().st_size for path in run.rglob("*") if path.is_file())
    same = json.loads(listed.read_text(encoding="utf-8"))
    if not (isinstance(same, dict) and all(isinstance(path, str) for path in same.values())):
        raise ValueError(f"{_SAME} is no mapping of paths to paths")
    for name, known in same.items():
        source, target = ((run / path).resolve() for path in (known, name))
        if not (source.is_relative_to(run.resolve()) and target.is_relative_to(run.resolve())):
            raise ValueError(f"{name} leads out of the run")
        size += source.stat().st_size
        if size > _UNPACKED:
            raise ValueError(f"more than {_UNPACKED:,} bytes, unpacked")
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)
    listed.unlink()
