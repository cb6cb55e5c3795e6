"""What a call of a cross-encoder computes beyond what it needs.

    python benchmarks/model_calls.py [--words 60]

The cross-encoder has the size of MiniLM (6 layers of 384 units) and random weights, which do not change the work.
Tokens computed are all that the network is given; tokens needed are those of the pairs, special tokens included.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).parents[1]))
from benchmarks.devices import model, pairs_of
from benchmarks.records import HELP, Records
from robustrank.rankers.transformer.cross_encoder import CrossEncoderRanker

SIZES = (1, 10, 100)  # pairs a call


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
    """Print a table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--words", type=int, default=60)
    parser.add_argument("--out", type=Path, help=HELP)
    arguments = parser.parse_args()
    records = Records(arguments.out, vars(arguments))
    pairs = pairs_of(max(SIZES), arguments.words)
    with tempfile.TemporaryDirectory() as folder:
        ranker = CrossEncoderRanker(model(Path(folder)))
        print("| pairs a call | tokens computed / needed |\n|---|---|")
        for size in SIZES:
            computed, needed = tokens(ranker, pairs, size)
            records.keep("tokens", pairs=size, computed=computed, needed=needed)
            print(f"| {size} | {computed / needed:.2f} |")
    records.write()


if __name__ == "__main__":
    main()
