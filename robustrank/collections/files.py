"""Reads text files line by line, and says file and line of whatever is wrong with one."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from robustrank.errors import DataError

Entry = tuple[int, str, str]  # (line number, id, text)


def lines(path: Path) -> Iterator[tuple[int, str]]:
    """Yield (line number from 1, line without its end) of a UTF-8 file; blank lines are passed over.

    Raises:
        DataError: The file cannot be opened, or a line is not UTF-8.
    """
    offset = 0
    try:
        with path.open("rb") as file:
            for number, raw in enumerate(file, start=1):
                line = _decoded(raw, path, number, offset)
                offset += len(raw)
                if line.strip():
                    yield number, line.rstrip("\r\n")
    except OSError as error:
        raise DataError(
            f"the file cannot be read: {error.strerror or error}",
            where=str(path),
            hint="paths start at the current folder",
        ) from error


def _decoded(raw: bytes, path: Path, number: int, offset: int) -> str:
    try:
        # Windows tools put a byte order mark in front of the file; it would become part of the first id.
        return raw.decode("utf-8-sig" if number == 1 else "utf-8")
    except UnicodeDecodeError as error:
        raise DataError(
            f"byte 0x{raw[error.start]:02x} at offset {offset + error.start} is not UTF-8",
            where=f"{path}:{number}",
            allowed="plain text in UTF-8",
            hint="decompress it if it is compressed; else: iconv -f WINDOWS-1252 -t UTF-8 OLD > NEW",
        ) from error


def columns(path: Path, allowed: str) -> Iterator[tuple[int, list[str]]]:
    """Yield (line number, fields) of a tab-separated file.

    Args:
        path: The file.
        allowed: The names of the columns, separated by spaces; every line must have as many.

    Raises:
        DataError: A line has another number of columns.
    """
    for number, line in lines(path):
        yield number, exactly(line.split("\t"), allowed, path, number)


def exactly(fields: list[str], allowed: str, path: Path, number: int) -> list[str]:
    """Return ``fields`` if there is one for every name in ``allowed``.

    Raises:
        DataError: There are more or fewer.
    """
    if len(fields) != len(allowed.split()):
        raise DataError(
            f"a line of {len(fields)} columns: {' | '.join(fields)[:80]}",
            where=f"{path}:{number}",
            allowed=f"{len(allowed.split())} columns: {allowed}",
        )
    return fields


def json_records(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield (line number, object) of a JSON-lines file.

    Raises:
        DataError: A line is not a JSON object.
    """
    for number, line in lines(path):
        try:
            record = json.loads(line)
        except ValueError as error:
            raise DataError(f"the line is not JSON: {error}", where=f"{path}:{number}") from error
        if not isinstance(record, dict):
            raise DataError(
                f"the line holds a {type(record).__name__}",
                where=f"{path}:{number}",
                allowed="one JSON object a line: {…}",
            )
        yield number, record


def json_entries(path: Path, ids: tuple[str, ...], texts: tuple[str, ...]) -> Iterator[Entry]:
    """Yield the entries of a JSON-lines file; a ``title`` goes in front of its text, a space between.

    Args:
        path: The file.
        ids: The names an id may have; the first that is there counts.
        texts: The names a text may have, likewise.

    Raises:
        DataError: A record lacks an id or a text, or holds one of another type.
    """
    for number, record in json_records(path):
        identifier, text = (_first(record, keys, path, number) for keys in (ids, texts))
        title = record.get("title") or ""
        if not isinstance(title, str):
            raise DataError(f"the title is {title!r}", where=f"{path}:{number}", allowed="a string")
        yield number, identifier, f"{title} {text}" if title else text


def _first(record: Mapping[str, Any], keys: tuple[str, ...], path: Path, number: int) -> str:
    key = next((key for key in keys if key in record), None)
    value = None if key is None else record[key]
    if isinstance(value, str):
        return value
    if isinstance(value, int) and not isinstance(value, bool):  # ids are often written as numbers
        return str(value)
    raise DataError(
        f"the record has no {keys[0]!r}" if key is None else f"{key!r} is {value!r}",
        where=f"{path}:{number}",
        allowed=f"a string under {' or '.join(map(repr, keys))}",
        hint=f"it has: {', '.join(map(repr, record))}" if key is None else None,
    )


def by_id(entries: Iterable[Entry], path: Path) -> dict[str, str]:
    """Return texts by id, in the order of the file.

    Raises:
        DataError: An id is empty, holds white space (no TREC file could name it), or stands twice.
    """
    found: dict[str, str] = {}
    for number, identifier, text in entries:
        if identifier.split() != [identifier]:
            raise DataError(
                f"{identifier!r} cannot be an id",
                where=f"{path}:{number}",
                allowed="an id without white space",
            )
        if identifier in found:
            raise DataError(f"the id {identifier!r} stands twice", where=f"{path}:{number}", hint="keep one line an id")
        found[identifier] = text
    return found
