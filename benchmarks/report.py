"""Seconds that the report of a large run takes.

    OMP_NUM_THREADS=1 python benchmarks/report.py [--rows 172000] [--keep FOLDER]

The run is made of the published results ``attacks-small``: its rows again and again, as other queries of two
collections, with attacked texts. ``robustrank report`` is timed as a user calls it, in a process of its own.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))
from benchmarks.records import HELP, Records
from robustrank.json_lines import write_lines
from robustrank.published import published_results
from robustrank.rows import COLUMNS
from robustrank.storage import seal, write_folder

COLLECTIONS = 2
SOURCE = published_results()["attacks-small"]
TEXT = " ".join(f"word{number}" for number in range(120))
RUN_FILES = ("experiment.yaml", "provenance.json", "cells.jsonl", "rows.csv")


def write_run(folder: Path, least: int) -> int:
    """Write a run folder of at least so many rows, and return how many it has."""
    with gzip.open(SOURCE / "rows.csv.gz", "rt", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    cells = [json.loads(line) for line in (SOURCE / "cells.jsonl").read_text(encoding="utf-8").split("\n") if line]
    copies = -(-least // sum(bool(row["query_id"]) for row in rows))
    of_cell: dict[str, list[Any]] = {_key(cell["key"], at): [] for at in range(COLLECTIONS) for cell in cells}
    for number in range(copies):
        at = number % COLLECTIONS
        for row in rows:
            if not row["query_id"] and number >= COLLECTIONS:
                continue  # a fact about all queries
            query_id = row["query_id"] and f"{row['query_id']}-{number}"
            changed = {"cell": _key(row["cell"], at), "collection": f"lee-{at}", "query_id": query_id}
            of_cell[changed["cell"]].append(row | changed)
    points = [
        (cell, at, {"label": f"lee-{at}", "parameters": {"copy": at}}) for at in range(COLLECTIONS) for cell in cells
    ]
    cells = [c | {"key": _key(c["key"], at), "collection": c["collection"] | point} for c, at, point in points]
    folder.mkdir(parents=True)
    for name in ("experiment.yaml", "provenance.json"):
        shutil.copy(SOURCE / name, folder)
    write_lines(folder / "cells.jsonl", cells)
    with (folder / "rows.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n", quoting=csv.QUOTE_NONNUMERIC)
        writer.writeheader()
        writer.writerows(row for rows in of_cell.values() for row in rows)
    for cell in cells:
        texts = list(_texts(of_cell[cell["key"]])) if cell["attack"] else []
        fill = partial(_fill, texts)
        write_folder(folder / "cells" / cell["key"], fill)
    seal(folder, RUN_FILES)
    return sum(map(len, of_cell.values()))


def _key(key: str, at: int) -> str:
    return f"{at:02x}{key[2:]}"


def _fill(texts: list[dict[str, Any]], folder: Path) -> None:
    write_lines(folder / "adversarial.jsonl", texts)


def _texts(rows: list[Any]) -> Iterator[dict[str, Any]]:
    """Yield an attacked text for each target of a cell."""
    for query_id, doc_id in sorted({(row["query_id"], row["doc_id"]) for row in rows if row["doc_id"]}):
        before = f"{doc_id} {TEXT}"
        edit = {"start": 0, "end": 0, "text": "new words "}
        about = {"query_id": query_id, "query": f"query {query_id}", "doc_id": doc_id, "status": "ok", "note": ""}
        yield about | {"before": before, "after": edit["text"] + before, "edits": [edit]}


def main() -> None:
    """Print a line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=172_000)
    parser.add_argument("--turns", type=int, default=1)
    parser.add_argument("--keep", type=Path, help="where the run is written, and left")
    parser.add_argument("--out", type=Path, help=HELP)
    arguments = parser.parse_args()
    records = Records(arguments.out, vars(arguments))
    with tempfile.TemporaryDirectory() as room:
        folder = arguments.keep or Path(room) / "run"
        rows = write_run(folder, arguments.rows)
        for _ in range(arguments.turns):
            before, start = os.times(), time.perf_counter()
            subprocess.run([sys.executable, "-m", "robustrank", "report", folder, "--quiet"], check=True)
            seconds, after = time.perf_counter() - start, os.times()
            processor = sum(after[2:4]) - sum(before[2:4])
            load = os.getloadavg()[0]
            records.keep("robustrank report", rows=rows, wall_s=seconds, processor_s=processor)
            print(f"{rows:,} rows: {seconds:.1f} s, {processor:.1f} s of processor time, load {load:.1f}", flush=True)
    records.write()


if __name__ == "__main__":
    main()
