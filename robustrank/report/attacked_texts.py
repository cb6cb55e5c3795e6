"""The attacked texts of a run, with what was measured of each, as compact data for the page's browser."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from robustrank.json_lines import read_lines
from robustrank.printing import counted
from robustrank.report.page import AttackedTexts
from robustrank.rows import AXES, FACT, Coordinates
from robustrank.run_files import cell_folders

FIELDS = (*AXES, "seed", "query_id", "query", "doc_id", "before", "note", "status", "edits", "facts")
_DIGITS = 6  # significant, of a measured value


class _Numbers(dict[Any, int]):
    """Gives every value a number, in the order in which they come: long texts stand in the page once."""

    def __missing__(self, value: Any) -> int:
        self[value] = len(self)
        return self[value]


def attacked_texts(run: Path, cells: Sequence[Coordinates], rows: pd.DataFrame, limit: int) -> AttackedTexts:
    """Return as many attacked texts as have room, some of every cell, and say what is left out.

    Args:
        run: The run folder.
        cells: Its cells.
        rows: Its rows.
        limit: About how many bytes of data there is room for.

    Raises:
        DataError: A file is damaged.
    """
    files = {folder.name: folder / "adversarial.jsonl" for folder in cell_folders(run)}
    present = [(cell, files[cell.key]) for cell in cells if cell.key in files and files[cell.key].exists()]
    total = sum(path.read_bytes().count(b"\n") for _, path in present)
    texts, facts = _Numbers(), _Numbers()
    measured = _measured(rows[rows["cell"].isin([cell.key for cell, _ in present])], facts)
    records: list[list[Any]] = []
    size = 0
    for record in _in_turn([_records(cell, path, measured) for cell, path in present]):
        if size > limit:
            break
        known = len(texts)
        records.append([texts[value] if isinstance(value, str) else value for value in record])
        size += len(str(records[-1])) + sum(len(text) + 3 for text in itertools.islice(texts, known, None))
    lacking = sum(cell.status == "done" and cell.key not in files and cell.attack is not None for cell in cells)
    note = f"{counted(lacking, 'cell')} with attacked texts not in this folder" if lacking else ""
    data = {"fields": FIELDS, "texts": list(texts), "facts": [dict(zip(FACT, f, strict=True)) for f in facts]}
    return AttackedTexts({**data, "records": records}, len(records), total, note)


def _measured(rows: pd.DataFrame, facts: _Numbers) -> dict[tuple[str, str, str], list[tuple[int, float]]]:
    """Return by cell, query and document the number of each fact and its value."""
    measured: dict[tuple[str, str, str], list[tuple[int, float]]] = {}
    rows = rows[rows["value"].notna() & (rows["query_id"] != "")]
    plain = rows[list(FACT)].astype(object).where(rows[list(FACT)].notna(), None)
    places = zip(rows["cell"], rows["query_id"], rows["doc_id"], strict=True)
    values = zip(places, plain.itertuples(index=False, name=None), rows["value"], strict=True)
    for place, fact, value in values:
        measured.setdefault(place, []).append((facts[fact], float(f"{value:.{_DIGITS}g}")))
    return measured


def _records(
    cell: Coordinates, path: Path, measured: dict[tuple[str, str, str], list[tuple[int, float]]]
) -> Iterator[list[Any]]:
    """Yield the values of ``FIELDS`` for each attacked text of a cell."""
    labels = [point.label if (point := getattr(cell, axis)) else "" for axis in AXES]
    for _, record in read_lines(path):
        texts = [str(record.get(name, "")) for name in ("query_id", "query", "doc_id", "before", "note", "status")]
        facts = measured.get((cell.key, texts[0], texts[2]), [])
        yield [*labels, cell.seed, *texts, _utf16_edits(texts[3], record["edits"]), facts]


def _utf16_edits(text: str, edits: Sequence[dict[str, Any]]) -> list[tuple[int, int, str]]:
    """Return edits with offsets in UTF-16 units, which a script counts in."""

    def units(end: int) -> int:
        return len(text[:end].encode("utf-16-le", "surrogatepass")) // 2

    return [(units(edit["start"]), units(edit["end"]), edit["text"]) for edit in edits]


def _in_turn(groups: Sequence[Iterator[list[Any]]]) -> Iterator[list[Any]]:
    """Yield the first of each group, then the second of each, to the end of the longest."""
    for records in itertools.zip_longest(*groups):
        yield from (record for record in records if record is not None)
