"""What a call of a cross-encoder computes beyond what it needs, and its speed beside sentence-transformers.

    python benchmarks/model_calls.py [--words 60] [--rounds 3]

The cross-encoder has the size of MiniLM (6 layers of 384 units) and random weights, which do not change the work.
Tokens computed are all that the network is given; tokens needed are those of the pairs, special tokens included. Speeds
are medians of the rounds, in which the systems take turns; the batch size of sentence-transformers is its best one.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).parents[1]))
from benchmarks.devices import model, pairs_of
from robustrank.rankers.transformer.cross_encoder import CrossEncoderRanker

SIZES = (1, 10, 100)  # pairs a call, for the tokens
SPEEDS = (40, 400)  # pairs a call, for the speed
BATCHES = (8, 16, 32, 64)  # batch sizes that sentence-transformers is tried with


def tokens(ranker: CrossEncoderRanker, pairs: list[tuple[str, str]], size: int) -> tuple[int, int]:
    """Return the tokens computed and the tokens needed for pairs in calls of a size."""
    computed = 0

    def count(_module: object, arguments: tuple[dict[str, torch.Tensor]]) -> None:
        nonlocal computed
        computed += arguments[0]["input_ids"].numel()

    handle = ranker.network.register_forward_pre_hook(count)
    for start in range(0, len(pairs), size):
        ranker.score(pairs[start : start + size])
    handle.remove()
    return computed, sum(ranker.tokenisation.read(pairs, "pair").lengths)


def main() -> None:
    """Print two tables."""
    from sentence_transformers import CrossEncoder

    parser = argparse.ArgumentParser()
    parser.add_argument("--words", type=int, default=60)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    pairs = pairs_of(max(SPEEDS), arguments.words)
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads")
    with tempfile.TemporaryDirectory() as folder:
        path = model(Path(folder))
        ranker, reference = CrossEncoderRanker(path), CrossEncoder(path, device="cpu")
        print("| pairs a call | tokens computed / needed |\n|---|---|")
        for size in SIZES:
            computed, needed = tokens(ranker, pairs[:100], size)
            print(f"| {size} | {computed / needed:.2f} |")
        systems = {"robustrank fp32": ranker.score}
        for size in BATCHES:
            systems[f"sentence-transformers, batches of {size}"] = lambda some, size=size: reference.predict(
                some, batch_size=size, show_progress_bar=False
            )
        print("| pairs a call | what | pairs/s | of sentence-transformers |\n|---|---|---|---|")
        for count in SPEEDS:
            times: dict[str, list[float]] = {name: [] for name in systems}
            for turn in range(arguments.rounds + 1):
                for name, score in systems.items():
                    start = time.perf_counter()
                    score(pairs[:count])
                    times[name] += [time.perf_counter() - start] if turn else []  # the first round warms up
            medians = {name: statistics.median(taken) for name, taken in times.items()}
            best = min(taken for name, taken in medians.items() if name.startswith("sentence"))
            for name, taken in medians.items():
                if taken == best or not name.startswith("sentence"):
                    print(f"| {count} | {name} | {count / taken:.0f} | {best / taken:.2f} |")


if __name__ == "__main__":
    main()
