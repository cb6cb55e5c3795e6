"""Reads text files line by line; every error names file and line."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from robustrank.errors import DataError

Entry = tuple[int, str, str]  # (line number, id, text)


def lines(path: Path) -> Iterator[tuple[int, str]]:
    """Yield (line number from 1, line without its end) of a UTF-8 file; blank lines are skipped.

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
            hint="paths are relative to the current folder",
        ) from error


def _decoded(raw: bytes, path: Path, number: int, offset: int) -> str:
    try:
        # Windows tools write a byte order mark at the start of the file; it would become part of the first id.
        return raw.decode("utf-8-sig" if number == 1 else "utf-8")
    except UnicodeDecodeError as error:
        raise DataError(
            f"byte 0x{raw[error.start]:02x} at offset {offset + error.start} is not UTF-8",
            where=f"{path}:{number}",
            allowed="plain text in UTF-8",
            hint="decompress the file if it is compressed; else: iconv -f WINDOWS-1252 -t UTF-8 OLD > NEW",
        ) from error


def columns(path: Path, allowed: str) -> Iterator[tuple[int, list[str]]]:
    """Yield (line number, fields) of a tab-separated file.

    Args:
        path: The file.
        allowed: The names of the columns, separated by spaces; every line must have as many.

    Raises:
        DataError: A line has a different number of columns.
    """
    for number, line in lines(path):
        yield number, exactly(line.split("\t"), allowed, path, number)


def exactly(fields: list[str], allowed: str, path: Path, number: int) -> list[str]:
    """Return ``fields`` if there are as many as names in ``allowed``.

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
            raise DataError(f"the line is not valid JSON: {error}", where=f"{path}:{number}") from error
        if not isinstance(record, dict):
            raise DataError(
                f"the line is a {type(record).__name__}",
                where=f"{path}:{number}",
                allowed="a JSON object per line: {…}",
            )
        yield number, record


def json_entries(path: Path, ids: tuple[str, ...], texts: tuple[str, ...]) -> Iterator[Entry]:
    """Yield the entries of a JSON-lines file; a ``title`` and a space are prepended to its text.

    Args:
        path: The file.
        ids: The keys of an id; the first that is present counts.
        texts: The keys of a text, likewise.

    Raises:
        DataError: A record has no id or no text, or one of a wrong type.
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
        hint=f"its keys are: {', '.join(map(repr, record))}" if key is None else None,
    )


def by_id(entries: Iterable[Entry], path: Path) -> dict[str, str]:
    """Return texts by id, in the order of the file.

    Raises:
        DataError: An id is empty, has white space (not possible in TREC files), or is a duplicate.
    """
    texts: dict[str, str] = {}
    for number, identifier, text in entries:
        if identifier.split() != [identifier]:
            raise DataError(
                f"{identifier!r} is not a valid id",
                where=f"{path}:{number}",
                allowed="an id without white space",
            )
        if identifier in texts:
            raise DataError(f"duplicate id {identifier!r}", where=f"{path}:{number}", allowed="a line per id")
        texts[identifier] = text
    return texts
