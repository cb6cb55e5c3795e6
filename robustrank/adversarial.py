"""Reads adversarial documents that were written before: by a run of this project, or in the layout of DARA.

DARA: Chen et al.: Defense of Adversarial Ranking Attack in Text Retrieval, arXiv 2307.16816.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from robustrank.attack import Edit
from robustrank.errors import DataError
from robustrank.json_lines import read_lines
from robustrank.paths import given_path
from robustrank.run_files import cell_folders, refuse_damaged_file

DARA = 5  # columns: query id, query, document id, original passage, adversarial passage


@dataclass(frozen=True, slots=True)
class Attacked:
    """A document before and after an attack for a query."""

    query_id: str
    query: str
    doc_id: str
    before: str
    after: str
    edits: tuple[Edit, ...]


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
    try:
        return list(_table(path) if path.suffix == ".tsv" else _lines(path, attack))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(f"the adversarial documents cannot be read: {error}", where=str(path)) from error


def _lines(path: Path, attack: str) -> Iterator[Attacked]:
    for _, record in read_lines(path):
        if record["doc_id"] and (not attack or record["attack"] == attack):
            edits = tuple(Edit(**edit) for edit in record["edits"])
            texts = {name: record[name] for name in ("query_id", "query", "doc_id", "before", "after")}
            yield Attacked(**texts, edits=edits)


def _table(path: Path) -> Iterator[Attacked]:
    with path.open(encoding="utf-8", newline="") as file:
        for number, row in enumerate(csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE), start=1):
            if len(row) != DARA:
                raise ValueError(f"line {number} has {len(row)} columns, not {DARA}")
            query_id, query, doc_id, before, after = row
            yield Attacked(query_id, query, doc_id, before, after, (_difference(before, after),))


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
    return str(json.loads(path.with_name("cell.json").read_text(encoding="utf-8"))["title"])
