"""Entries and judgements of tables, by the usual names of columns: CSV files, Parquet files, folders of those."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import Any

from robustrank.collections.files import Entry, Judgement, exactly
from robustrank.errors import DataError
from robustrank.repairs import Repairs, checked_id

Names = tuple[str, ...]

DOCUMENT_IDS: Names = ("doc_id", "docno", "docid", "document_id", "corpus_id", "corpus-id", "pid")
QUERY_IDS: Names = ("query_id", "query-id", "qid")
GAINS: Names = ("gain", "relevance", "label", "rel", "score")
_ALLOWED = "a CSV file in UTF-8 whose first row names the columns, a Parquet file, or a folder of Parquet files"


def is_table(path: Path) -> bool:
    """Return whether a file is a table by its name; a folder is one of Parquet files."""
    return path.suffix in (".csv", ".parquet") or path.is_dir()


def table_entries(path: Path, ids: Names, texts: Names, repairs: Repairs) -> Iterator[Entry]:
    """Yield the entries of a table; a ``title`` and a space are prepended to a text.

    Args:
        path: The table.
        ids: The names of the column of ids; the table must have exactly one of them.
        texts: The names of the column of texts, likewise.
        repairs: Counts what is mended.

    Raises:
        DataError: The table cannot be read, lacks a column, or an id or a text is not valid.
    """
    for where, identifier, text, title in _rows(path, ids, texts, optional="title"):
        body, head = repairs.text(text, where), repairs.text(title, where)
        yield where, checked_id(identifier, where), f"{head} {body}" if head else body


def table_judgements(path: Path) -> Iterator[Judgement]:
    """Yield location, query, document and gain, as it is written, of each row of a table.

    Raises:
        DataError: The table cannot be read, lacks a column, or an id is not valid.
    """
    for where, query_id, doc_id, gain in _rows(path, QUERY_IDS, DOCUMENT_IDS, GAINS):
        yield where, checked_id(query_id, where), checked_id(doc_id, where), gain


def _rows(path: Path, *wanted: Names, optional: str = "") -> Iterator[tuple[Any, ...]]:
    """Yield the location and the values of each row, in the order of the columns that are wanted."""
    known = {name for names in wanted for name in names} | {optional}
    table = _csv(path) if path.suffix == ".csv" else _parquet(path, known)
    _, names = next(table)
    columns = [_column(list(names), choice, path) for choice in wanted]
    for where, row in table:
        yield where, *(row[column] for column in columns), *([row.get(optional, "")] if optional else [])


def _column(names: list[str], choice: Names, path: Path) -> str:
    present = [name for name in names if name in choice]
    if len(present) != 1:
        what = f"the table has the columns {', '.join(names)[:200]}"
        raise DataError(what, where=str(path), allowed=f"exactly one of: {', '.join(choice)}")
    return present[0]


def _csv(path: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield location and fields of each row, the first with the names alone; a field may have line ends."""
    csv.field_size_limit(2**31 - 1)  # documents are longer than what the standard library expects
    names: list[str] = []
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = csv.reader(file, strict=True)
            for fields in filter(None, rows):
                where = f"{path}:{rows.line_num}"
                names = names or fields
                yield where, _by_name(names, exactly(fields, " ".join(name or "?" for name in names), where), where)
    except (OSError, ValueError, csv.Error) as error:
        raise DataError(f"the table cannot be read: {error}", where=str(path), allowed=_ALLOWED) from error
    if not names:
        raise DataError("the table is empty", where=str(path), allowed=_ALLOWED)


def _by_name(names: list[str], fields: list[str], where: str) -> dict[str, str]:
    row = dict(zip(names, fields, strict=True))
    if len(row) < len(names):
        raise DataError(f"two columns have one name: {', '.join(names)[:200]}", where=where, allowed=_ALLOWED)
    return row


def _parquet(path: Path, known: set[str]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield the names of the columns, then location and known columns of each row."""
    try:
        from pyarrow import ArrowException
        from pyarrow.dataset import dataset
    except ImportError as error:
        what = "pyarrow, which reads Parquet files, is not installed"
        raise DataError(what, where=str(path), hint='pip install "robustrank[parquet]"') from error
    try:
        table = dataset(path, format="parquet")
        yield str(path), dict.fromkeys(table.schema.names)
        batches = table.to_batches(columns=[name for name in table.schema.names if name in known])
        rows = chain.from_iterable(batch.to_pylist() for batch in batches)
        yield from ((f"{path}, row {number}", row) for number, row in enumerate(rows, start=1))
    except (OSError, ArrowException) as error:
        raise DataError(f"the table cannot be read: {error}", where=str(path), allowed=_ALLOWED) from error
