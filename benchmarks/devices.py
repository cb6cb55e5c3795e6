"""Pairs a second of a cross-encoder the size of MiniLM, here and on an accelerator, beside sentence-transformers.

    python benchmarks/devices.py [--pairs 4000] [--words 120]

Weights are random: they do not change the work. Each figure is the median of three calls after a first one.
"""

from __future__ import annotations

import argparse
import random
import statistics
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).parents[1]))
from benchmarks.records import HELP, Records
from robustrank.rankers import runtime
from robustrank.rankers.transformer.cross_encoder import CrossEncoderRanker
from tests.rankers import tiny_models


def model(folder: Path) -> str:
    """Write a cross-encoder of 6 layers of 384 units."""
    from transformers import BertConfig, BertForSequenceClassification

    words = tiny_models.tokenizer("bert")
    words.model_max_length = 256
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=30522, hidden_size=384, num_hidden_layers=6, num_attention_heads=12, intermediate_size=1536,
        num_labels=1, initializer_range=0.1, pad_token_id=words.pad_token_id,
    )  # fmt: skip
    BertForSequenceClassification(config).save_pretrained(folder)
    words.save_pretrained(folder)
    return str(folder)


def pairs_of(count: int, words: int) -> list[tuple[str, str]]:
    """Return pairs whose documents have between half and one and a half as many words."""
    draw, vocabulary = random.Random(0), " ".join(tiny_models.TEXTS).split()
    lengths = [draw.randint(words // 2, words * 3 // 2) for _ in range(count)]
    return [(" ".join(draw.choices(vocabulary, k=6)), " ".join(draw.choices(vocabulary, k=n))) for n in lengths]


def seconds(work, *arguments, **options) -> float:
    """Return the median of three calls after a first one."""
    work(*arguments, **options)
    times = []
    for _ in range(3):
        start = time.perf_counter()
        work(*arguments, **options)
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def main() -> None:
    """Print a table."""
    from sentence_transformers import CrossEncoder

    parser = argparse.ArgumentParser()
    parser.add_argument("--pairs", type=int, default=4000)
    parser.add_argument("--words", type=int, default=60)
    parser.add_argument("--out", type=Path, help=HELP)
    arguments = parser.parse_args()
    devices = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]
    accelerator = torch.cuda.get_device_name() if len(devices) > 1 else None
    records = Records(arguments.out, {**vars(arguments), "accelerator": accelerator})
    pairs = pairs_of(arguments.pairs, arguments.words)
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads", end="")
    print(f", {accelerator or 'no accelerator'}")
    print("| device | what | pairs | pairs/s | of sentence-transformers |\n|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        path, scores = model(Path(folder)), {}
        for device in devices:
            runtime.use_device(device)
            some = pairs if device != "cpu" else pairs[:400]
            reference = CrossEncoder(path, device=device)
            best, size = min((seconds(reference.predict, some, batch_size=size), size) for size in (16, 64, 256))
            print(f"| {device} | sentence-transformers, batches of {size} | {len(some)} | {len(some) / best:.0f} | 1 |")
            records.keep("sentence-transformers", device=device, batch=size, pairs=len(some), wall_s=best)
            for dtype in ("fp32", "bf16"):
                for max_tokens in (None,) if device == "cpu" else (None, 8192, 262144):
                    ranker = CrossEncoderRanker(path, dtype=dtype, max_tokens=max_tokens)
                    taken = seconds(ranker.score, some)
                    about = {"device": device, "max_tokens": max_tokens, "pairs": len(some)}
                    records.keep(f"robustrank {dtype}", **about, wall_s=taken)
                    scores[device, dtype] = ranker.score(pairs[:400])
                    print(
                        f"| {device} | robustrank {dtype}, {max_tokens or 'auto'} tokens a batch | {len(some)} | "
                        f"{len(some) / taken:.0f} | {best / taken:.2f} |"
                    )
        scale = np.abs(scores["cpu", "fp32"]).max()
        for key, values in scores.items():
            difference = float(np.abs(values - scores["cpu", "fp32"]).max() / scale)
            records.keep(f"robustrank {key[1]}", device=key[0], largest_difference=difference)
            print(f"{key[0]} {key[1]}: largest difference from cpu fp32 {difference:.1e} of the largest score")
    records.write()


if __name__ == "__main__":
    main()
