"""Processor time that the plan of many cells takes, and what a cell costs beside its work as documents become many.

    python benchmarks/planning.py [--cells 300] [--documents 200 20000]

The cells are of BM25 under sizes of one attack, on a collection of short documents. Planning is timed in one process,
twice: the first time reads and hashes sources. Then some cells run; their seconds grow with the number of documents as
far as work is left that depends on it.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import statistics
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
from benchmarks.records import HELP, Records
from robustrank import experiment as experiments
from robustrank.engine.planning import make_plan
from robustrank.engine.resources import Resources
from robustrank.engine.worker import run_cell

WORDS = [f"{a}{b}{c}" for a in ("ba", "re", "mi", "so", "tul") for b in ("lan", "ker", "dos", "vim") for c in "aeiou"]


def write(folder: Path, documents: int, cells: int) -> Path:
    """Write a collection with one query over ten candidates, and an experiment of so many cells on it."""
    draw = random.Random(0)
    (folder / "qrels").mkdir(parents=True)
    with (folder / "corpus.jsonl").open("w") as file:
        for number in range(documents):
            text = " ".join(draw.choices(WORDS, k=40))
            file.write(json.dumps({"_id": f"d{number}", "title": "", "text": text}) + "\n")
    (folder / "queries.jsonl").write_text(json.dumps({"_id": "q", "text": " ".join(WORDS[:3])}) + "\n")
    judged = "".join(f"q\td{number}\t{int(number < 2)}\n" for number in range(10))
    (folder / "qrels" / "test.tsv").write_text("query-id\tcorpus-id\tscore\n" + judged)
    path = folder / "experiment.yaml"
    sizes = list(range(1, cells + 1))
    path.write_text(
        f"name: planning\ncollections: [{{name: beir, folder: '{folder}', label: made}}]\n"
        f"rankers: [bm25]\nattacks: [{{name: keyword-stuffing, sweep: {{repeats: {sizes}}}}}]\n"
        "tasks: [{name: document-attack, queries: 1, targets: [last-1]}]\n"
    )
    return path


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--cells", type=int, default=300)
    parser.add_argument("--documents", type=int, nargs="+", default=[200, 20_000])
    parser.add_argument("--run", type=int, default=10, help="cells that are run")
    parser.add_argument("--out", type=Path, help=HELP)
    arguments = parser.parse_args()
    records = Records(arguments.out, vars(arguments))
    print("| documents | cells | planning, ms a cell | again | a cell run, ms | first cell run | MB |")
    print("|---|---|---|---|---|---|---|")
    for documents in arguments.documents:
        with tempfile.TemporaryDirectory() as folder:
            experiment = experiments.load(write(Path(folder), documents, arguments.cells))
            resources, times = Resources(experiment, Path(folder) / "cache"), []
            resources.collection(experiment.specs("collections")[0])  # reading the documents is not planning
            for _ in range(2):
                start = time.process_time()
                plan = make_plan(experiment, resources)
                times.append((time.process_time() - start) / len(plan.cells) * 1e3)
            runs = []
            for cell in plan.cells[: arguments.run]:
                start = time.process_time()
                result = run_cell(cell, resources)
                runs.append((time.process_time() - start) * 1e3)
                if result.status != "done":
                    raise SystemExit(result.reason)
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        figures = {
            "planning_ms": times[0],
            "again_ms": times[1],
            "cell_ms": statistics.median(runs[1:]),
            "first_cell_ms": runs[0],
            "memory_mb": memory,
        }
        records.keep("processor time a cell", documents=documents, cells=len(plan.cells), **figures)
        print(f"| {documents} | {len(plan.cells)} | {times[0]:.1f} | {times[1]:.1f} | ", end="")
        print(f"{statistics.median(runs[1:]):.1f} | {runs[0]:.1f} | {memory} |", flush=True)
    records.write()


if __name__ == "__main__":
    main()
