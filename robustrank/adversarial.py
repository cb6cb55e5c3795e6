"""Reads adversarial texts that were written before: by a run of this project, or in the layout of DARA.

DARA: Chen et al.: Defense of Adversarial Ranking Attack in Text Retrieval, arXiv 2307.16816.
"""

from __future__ import annotations

import reprlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from robustrank.collections.files import columns
from robustrank.errors import DataError
from robustrank.json_lines import read_lines
from robustrank.paths import given_path
from robustrank.records import Edit, apply_edits
from robustrank.run_files import cell_folders, refuse_damaged_file


@dataclass(frozen=True, slots=True)
class Attacked:
    """A document before and after an attack for a query."""

    query_id: str
    query: str
    doc_id: str
    before: str
    after: str
    edits: tuple[Edit, ...]
    where: str = field(compare=False)  # file and line


_TEXTS = ("query_id", "query", "doc_id", "before", "after")


def adversarial_files(path: str, cell: str = "") -> list[Path]:
    """Return the files of adversarial documents at a path: itself, or those of a run folder, sorted.

    Args:
        path: A run folder, one of its adversarial.jsonl, or a .tsv of DARA's layout.
        cell: What the title of a cell of the run must hold.

    Raises:
        DataError: There are none, or a cell is damaged.
    """
    at = given_path(path)
    if at.is_file():
        return [at]
    files = [folder / "adversarial.jsonl" for folder in cell_folders(at)]
    matching = [file for file in files if file.exists() and cell in _title(file)]
    if not matching:
        raise DataError(
            f"there are no adversarial documents{f' of a cell {cell!r}' if cell else ''}",
            where=str(at),
            allowed="a run folder with cells/*/adversarial.jsonl, such a file, or a .tsv of DARA's layout",
        )
    return matching


def read_adversarial(path: Path, attack: str = "") -> list[Attacked]:
    """Return the attacked documents of a file, in its order; of one attack where its label is given.

    Raises:
        DataError: The file cannot be read, or is not as the manifest beside it says.
    """
    refuse_damaged_file(path)
    return list(_table(path) if path.suffix == ".tsv" else _lines(path, attack))


def texts_of_cell(folder: Path) -> Iterator[tuple[Mapping[str, Any], tuple[Edit, ...]]]:
    """Yield the attacked documents and queries of a finished cell as they were saved, each with its edits.

    Args:
        folder: The cell's folder, see :func:`robustrank.run_files.cell_folders`.

    Raises:
        DataError: A record is malformed, or its edits do not turn the text before into the text after.
    """
    path = folder / "adversarial.jsonl"
    for where, record in read_lines(path) if path.exists() else ():
        _refuse_malformed(record, where)
        yield record, _edits(record, where)


def _lines(path: Path, attack: str) -> Iterator[Attacked]:
    for where, record in read_lines(path):
        _refuse_malformed(record, where)
        if record["doc_id"] and attack in ("", record.get("attack")):
            edits = _edits(record, where)
            yield Attacked(**{name: record[name] for name in _TEXTS}, edits=edits, where=where)


def _refuse_malformed(record: Mapping[str, Any], where: str) -> None:
    wrong = next((name for name in _TEXTS if not isinstance(record.get(name), str)), None)
    if wrong:
        what = f"{wrong!r} is {reprlib.repr(record.get(wrong))}"
        raise DataError(what, where=where, allowed=f"a text under {', '.join(_TEXTS)}")


def _edits(record: Mapping[str, Any], where: str) -> tuple[Edit, ...]:
    """Return the edits of a record.

    Raises:
        DataError: They are malformed, or do not turn the text before into the text after.
    """
    try:
        edits = tuple(Edit(**edit) for edit in record["edits"])
        if apply_edits(record["before"], edits) == record["after"]:
            return edits
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(
            f"the edits cannot be read: {error}", where=where, allowed='{"start": 0, "end": 3, "text": "new"}, in order'
        ) from error
    raise DataError("the edits do not turn `before` into `after`", where=where)


def _table(path: Path) -> Iterator[Attacked]:
    for where, (query_id, query, doc_id, before, after) in columns(path, "query-id query document-id before after"):
        yield Attacked(query_id, query, doc_id, before, after, (_difference(before, after),), where)


def _difference(before: str, after: str) -> Edit:
    """Return the one edit between the longest common start and the longest common end."""
    start = end = 0
    shortest = min(len(before), len(after))
    while start < shortest and before[start] == after[start]:
        start += 1
    while end < shortest - start and before[-1 - end] == after[-1 - end]:
        end += 1
    return Edit(start, len(before) - end, after[start : len(after) - end])


def _title(path: Path) -> str:
    return "".join(str(record.get("title")) for _, record in read_lines(path.with_name("cell.json")))
