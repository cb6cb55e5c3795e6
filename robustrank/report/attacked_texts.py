"""The attacked texts of a run, with what was measured of each, as compact data for the page's browser."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from robustrank.adversarial import texts_of_cell
from robustrank.analysis.entries import distinct
from robustrank.rows import AXES, FACT, Coordinates, Fact
from robustrank.run_files import cell_folders

_TEXTS = ("query_id", "query", "doc_id", "before", "note", "status")  # of a record
_DIGITS = 6  # significant, of a measured value


class _Numbers(defaultdict[Any, int]):
    """Gives each value a number when it first comes, so that a long text stands in the page once."""

    def __missing__(self, value: Any) -> int:
        self[value] = len(self)
        return self[value]


def attacked_texts(run: Path, cells: Sequence[Coordinates], rows: pd.DataFrame, room: int) -> dict[str, Any]:
    """Return the attacked texts as data: ``records``, with numbers for what is in ``texts`` and ``facts``.

    Args:
        run: The run folder.
        cells: Its cells.
        rows: Its rows.
        room: About how many bytes the data may have. Cells share it evenly, and each has its first texts in it;
            ``total`` counts all. ``lacking`` counts the cells that are not in the folder.

    Raises:
        DataError: A file is damaged.
    """
    files = {folder.name: folder / "adversarial.jsonl" for folder in cell_folders(run)}
    attacked = [cell for cell in cells if cell.attack and cell.status == "done"]
    present = [cell for cell in attacked if cell.key in files and files[cell.key].exists()]
    # What small cells leave of their share, large ones get.
    present.sort(key=lambda cell: files[cell.key].stat().st_size)
    texts, records, total = _Numbers(), list[list[Any]](), 0
    has_value = rows["cell"].isin([cell.key for cell in present]) & rows["value"].notna()
    facts, measured = _measured(rows.loc[has_value, ["cell", "query_id", "doc_id", "value", *FACT]])
    for number, cell in enumerate(present):
        share = room // (len(present) - number)
        labels = [getattr(cell, axis).label for axis in AXES]
        for record, edits in texts_of_cell(files[cell.key].parent):
            total += 1
            if share < 0:
                continue
            known = len(texts)
            named = [texts[text] for text in (*labels, *(str(record.get(name, "")) for name in _TEXTS))]
            targets = {(cell.key, record["query_id"], doc_id): None for doc_id in (record["doc_id"], "")}
            values = [(fact, float(f"{v:.{_DIGITS}g}")) for target in targets for fact, v in measured.get(target, ())]
            records.append([*named, cell.seed, [(e.start, e.end, e.text) for e in edits], values])
            size = len(str(records[-1])) + sum(len(text) + 3 for text in list(texts)[known:])
            share, room = share - size, room - size
    return {
        "fields": (*AXES, *_TEXTS, "seed", "edits", "facts"),
        "texts": list(texts),
        "facts": [fact._asdict() for fact in facts],
        "records": records,
        "total": total,
        "lacking": sum(cell.key not in files for cell in attacked),
    }


def _measured(rows: pd.DataFrame) -> tuple[list[Fact], dict[tuple[str, str, str], list[tuple[int, float]]]]:
    """Return the facts, and by cell, query and document the number of each fact and its value."""
    measured: dict[tuple[str, str, str], list[tuple[int, float]]] = {}
    numbers, different = distinct(rows[list(FACT)])
    cells, queries, documents, values = (rows[name].tolist() for name in ("cell", "query_id", "doc_id", "value"))
    for cell, query_id, doc_id, number, value in zip(cells, queries, documents, numbers.tolist(), values, strict=True):
        measured.setdefault((cell, query_id, doc_id), []).append((number, value))
    return [Fact(*values) for values in different], measured
