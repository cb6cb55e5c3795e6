"""Entries of files, an id and a text each, in tab-separated columns or JSON lines; every error names file and line."""

from __future__ import annotations

import reprlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from robustrank.errors import DataError
from robustrank.json_lines import read_lines
from robustrank.printing import counted
from robustrank.repairs import Repairs, checked_id
from robustrank.text_lines import lines

Entry = tuple[str, str, str]  # (location: file and line, id, text)
Judgement = tuple[str, str, str, object]  # (location, query id, document id, gain as it is written)


def columns(path: Path, allowed: str) -> Iterator[tuple[str, list[str]]]:
    """Yield location and fields of each line of a tab-separated file.

    Args:
        path: The file.
        allowed: The names of the columns, separated by spaces; every line must have as many.

    Raises:
        DataError: A line has a different number of columns.
    """
    for where, line in lines(path):
        yield where, exactly(line.split("\t"), allowed, where)


def exactly(fields: list[str], allowed: str, where: str) -> list[str]:
    """Return ``fields`` if there are as many as names in ``allowed``.

    Raises:
        DataError: There are more or fewer.
    """
    if len(fields) != len(allowed.split()):
        raise DataError(
            f"a line of {counted(len(fields), 'column')}: {' | '.join(fields)[:80]}",
            where=where,
            allowed=f"{len(allowed.split())} columns: {allowed}",
        )
    return fields


def tab_entries(path: Path) -> Iterator[Entry]:
    """Yield the entries of a file with lines ``id <tab> text``.

    Raises:
        DataError: A line is malformed.
    """
    for where, (identifier, text) in columns(path, "id text"):
        yield where, checked_id(identifier, where), text


def json_entries(path: Path, ids: tuple[str, ...], texts: tuple[str, ...], repairs: Repairs) -> Iterator[Entry]:
    """Yield the entries of a JSON-lines file; a ``title`` and a space are prepended to its text.

    Args:
        path: The file.
        ids: The keys of an id; the first that is present counts.
        texts: The keys of a text, likewise; a null counts only if no other is present.
        repairs: Counts what is mended.

    Raises:
        DataError: A record has no id or no text, or one of a wrong type.
    """
    for where, record in read_lines(path):
        identifier = checked_id(_first(record, ids, where), where)
        text = repairs.text(_first(record, texts, where), where)
        title = repairs.text(record.get("title", ""), where)
        yield where, identifier, f"{title} {text}" if title else text


def _first(record: Mapping[str, Any], keys: tuple[str, ...], where: str) -> Any:
    present = [key for key in keys if key in record]
    if not present:
        raise DataError(
            f"the record has no {keys[0]!r}",
            where=where,
            allowed=f"a string under {' or '.join(map(repr, keys))}",
            hint=f"its keys are: {', '.join(map(repr, record))[:200]}",
        )
    return next((record[key] for key in present if record[key] is not None), None)


def by_id(entries: Iterable[Entry], repairs: Repairs) -> dict[str, str]:
    """Return texts by id, in the order of the file; entries that repeat an earlier one are counted.

    Raises:
        DataError: An id has two different texts.
    """
    texts: dict[str, str] = {}
    for where, identifier, text in entries:
        if identifier in texts:
            repairs.unite(texts[identifier], text, f"texts under the id {reprlib.repr(identifier)}", where)
        texts[identifier] = text
    return texts


def gains_by_id(judgements: Iterable[Judgement], repairs: Repairs) -> dict[str, dict[str, int]]:
    """Return query id to document id to gain; judgements that repeat an earlier one are counted.

    Raises:
        DataError: A gain is not an integer, or a document has two different gains for a query.
    """
    qrels: dict[str, dict[str, int]] = {}
    for where, query_id, doc_id, written in judgements:
        gain, gains = repairs.gain(written, where), qrels.setdefault(query_id, {})
        if doc_id in gains:
            repairs.unite(gains[doc_id], gain, f"gains of document {doc_id!r} for query {query_id!r}", where)
        gains[doc_id] = gain
    return qrels
