"""Resident memory of a run as its cells, and the pairs that it scores, become many.

    python benchmarks/memory.py [--cells 300] [--pairs 100000]

The cells are seeds of an attack on a small cross-encoder, run by the engine in this process, which is worker and driver
at once. The pairs are distinct, and scored by the same cross-encoder behind a score cache, a thousand at a time.
"""

from __future__ import annotations

import argparse
import gc
import os
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
from benchmarks.records import HELP, Records
from robustrank import experiment as experiments
from robustrank.engine.cell_result import CellResult
from robustrank.engine.executors.workers import Workers
from robustrank.engine.run import run
from robustrank.rankers.cache import ScoreCache
from robustrank.rankers.serving import ServedRanker
from robustrank.rankers.transformer.cross_encoder import CrossEncoderRanker
from tests.rankers.tiny_models import save
from tests.tiny_collection import write_experiment, write_tiny

PAIRS_A_CALL = 1000


def resident() -> float:
    """Return the resident memory of this process in MB."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


class Meter:
    """Observes a run: the memory after each finished cell."""

    def __init__(self) -> None:
        self.after: list[float] = []

    def finished(self, result: CellResult) -> None:
        """A cell is finished."""
        if result.status != "done":
            raise SystemExit(result.reason)
        self.after.append(resident())

    def __getattr__(self, name: str) -> object:
        return lambda *_: None


def after_cells(folder: Path, model: str, cells: int) -> list[float]:
    """Return the memory after each of so many cells."""
    path = write_experiment(
        folder / "experiment.yaml",
        write_tiny(folder / "tiny"),
        f"rankers: [{{name: cross-encoder, model: '{model}'}}]\n"
        f"seeds: {list(range(cells))}\n"
        "attacks: [{name: keyword-stuffing}]\n"
        "tasks: [{name: document-attack, targets: [last-2]}]\n",
    )
    meter = Meter()
    run(experiments.load(path), folder / "run", cache=folder / "cache", observer=meter, workers=Workers("local"))
    return meter.after


def after_pairs(folder: Path, model: str, pairs: int) -> list[float]:
    """Return the memory after each thousand of so many pairs."""
    served = ServedRanker(CrossEncoderRanker(model), "memory", ScoreCache(folder / "scores"))
    after = []
    for start in range(0, pairs, PAIRS_A_CALL):
        served.score(
            [("rye bread flour", f"warm rolls and rye bread number {n}") for n in range(start, start + PAIRS_A_CALL)]
        )
        after.append(resident())
    return after


def main() -> None:
    """Print two tables."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--cells", type=int, default=300)
    parser.add_argument("--pairs", type=int, default=100_000)
    parser.add_argument("--out", type=Path, help=HELP)
    arguments = parser.parse_args()
    records = Records(arguments.out, vars(arguments))
    with tempfile.TemporaryDirectory() as text:
        folder = Path(text)
        model = save(folder / "model", "bert", "AutoModelForSequenceClassification", num_labels=1)
        by_cell = after_cells(folder, model, arguments.cells)
        print("| cells | MB |\n|---|---|")
        for cells in (1, arguments.cells // 6, arguments.cells // 2, arguments.cells):
            records.keep("cells", count=cells, memory_mb=by_cell[cells - 1])
            print(f"| {cells} | {by_cell[cells - 1]:.0f} |", flush=True)
        gc.collect()
        by_pair = after_pairs(folder, model, arguments.pairs)
        print("| pairs | MB |\n|---|---|")
        for pairs in (PAIRS_A_CALL, arguments.pairs // 10, arguments.pairs // 2, arguments.pairs):
            records.keep("pairs", count=pairs, memory_mb=by_pair[pairs // PAIRS_A_CALL - 1])
            print(f"| {pairs:,} | {by_pair[pairs // PAIRS_A_CALL - 1]:.0f} |", flush=True)
    records.write()


if __name__ == "__main__":
    main()
