r"""Lines of text files, each with its location; every error names file and line.

Lines end at ``\n`` alone, since texts hold other line separators as they are. A byte order mark at the start of the
file and a ``\r`` at the end of a line are encodings of the same text, and are not part of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from robustrank.errors import DataError

Line = tuple[str, str]  # (location: file and line, text)


def lines(path: Path) -> Iterator[Line]:
    """Yield location (file and line number, from 1) and text of each line of a UTF-8 file; blank lines are skipped.

    Raises:
        DataError: It is not a file, it cannot be opened, or a line is not UTF-8.
    """
    offset = 0
    try:
        if path.exists() and not path.is_file():  # reading a device or a pipe may have no end
            raise DataError("this is not a file", where=str(path), allowed="a file")
        with path.open("rb") as file:
            for number, raw in enumerate(file, start=1):
                where = f"{path}:{number}"
                line = _decoded(raw, where, offset, is_first=number == 1)
                offset += len(raw)
                if line.strip():
                    yield where, line.rstrip("\r\n")
    except (OSError, ValueError) as error:  # ValueError: a path with a zero byte
        raise DataError(
            f"the file cannot be read: {getattr(error, 'strerror', None) or error}",
            where=str(path),
            hint="paths are relative to the current folder",
        ) from error


def _decoded(raw: bytes, where: str, offset: int, is_first: bool) -> str:
    try:
        # The byte order mark of Windows tools would become part of the first id.
        return raw.decode("utf-8-sig" if is_first else "utf-8")
    except UnicodeDecodeError as error:
        raise DataError(
            f"byte 0x{raw[error.start]:02x} at offset {offset + error.start} is not UTF-8",
            where=where,
            allowed="plain text in UTF-8",
            hint="decompress the file if it is compressed; else: iconv -f WINDOWS-1252 -t UTF-8 OLD > NEW",
        ) from error
