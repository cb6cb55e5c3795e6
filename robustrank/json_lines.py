r"""JSON lines: a record on each line. Lines end at ``\n`` alone, since texts hold other line separators as they are."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from robustrank.errors import DataError


def write_lines(path: Path, records: Iterable[Mapping[str, Any]]) -> None:
    """Write records, a line each, in UTF-8; a record with half of a surrogate pair is written in ASCII."""
    with path.open("wb") as file:
        for record in records:
            file.write(_encoded(record) + b"\n")


def read_lines(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield where each record stands (file and line) and the record.

    Raises:
        DataError: The file cannot be read, or a line is not a JSON object.
    """
    try:
        lines = path.read_bytes().split(b"\n")
    except OSError as error:
        raise DataError(f"cannot be read: {error.strerror or error}", where=str(path)) from error
    for number, line in enumerate(lines, start=1):
        if line:
            where = f"{path}:{number}"
            yield where, _decoded(line, where)


def _decoded(line: bytes, where: str) -> dict[str, Any]:
    try:
        record = json.loads(line.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise DataError(f"the line is not JSON: {error}", where=where) from error
    if not isinstance(record, dict):
        raise DataError(f"the line is a {type(record).__name__}", where=where, allowed="a JSON object on each line")
    return record


def _encoded(record: Mapping[str, Any]) -> bytes:
    try:
        return json.dumps(record, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError:
        return json.dumps(record).encode("ascii")
