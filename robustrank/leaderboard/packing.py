"""A run in one file beside its entry: the same run, the same bytes."""

from __future__ import annotations

import hashlib
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
    try:
        with zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
            for path in paths:
                information = zipfile.ZipInfo(path.relative_to(run).as_posix(), _EPOCH)
                information.external_attr = 0o644 << 16
                archive.writestr(information, path.read_bytes(), zipfile.ZIP_DEFLATED, 9)
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
        except (zipfile.BadZipFile, OSError) as error:
            raise DataError(f"not a packed run: {error}", where=str(packed)) from error
        yield unpacking
