r"""JSON lines: a record on each line. Lines end at ``\n`` alone, since texts hold other line separators as they are."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from robustrank.errors import DataError
from robustrank.text_lines import lines


def write_lines(path: Path, records: Iterable[Mapping[str, Any]]) -> None:
    """Write records, a line each, in UTF-8."""
    with path.open("w", encoding="utf-8", newline="") as file:
        for record in records:
            file.write(line(record))


def line(record: Mapping[str, Any], default: Callable[[Any], Any] | None = None) -> str:
    """Return a record's line; in ASCII where it holds half of a surrogate pair, which UTF-8 cannot write.

    Args:
        record: What JSON can hold.
        default: Turns what it cannot hold into what it can.
    """
    text = json.dumps(record, ensure_ascii=False, default=default) + "\n"
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return json.dumps(record, default=default) + "\n"
    return text


def read_lines(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the location (file and line) of each record and the record; blank lines are skipped.

    Raises:
        DataError: The file cannot be read, or a line is not a JSON object, or an object has a key twice.
    """
    for where, text in lines(path):
        yield where, parse_object(text, where)


def parse_object(text: str, where: str) -> dict[str, Any]:
    """Return the object that a line is.

    Raises:
        DataError: It is not a JSON object, or an object has a key twice.
    """
    try:
        record = _DECODER.decode(text)
    except (ValueError, RecursionError) as error:
        raise DataError(f"the line is not valid JSON: {error}", where=where) from error
    if not isinstance(record, dict):
        raise DataError(
            f"the line is a {type(record).__name__}", where=where, allowed="a JSON object on each line: {…}"
        )
    return record


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return an object; which of two values of a key is meant, nobody can say."""
    record = dict(pairs)
    if len(record) < len(pairs):
        keys = [key for key, _ in pairs]
        raise ValueError(f"duplicate key {next(key for key in keys if keys.count(key) > 1)!r}")
    return record


_DECODER = json.JSONDecoder(object_pairs_hook=_object)
