"""A collection of many documents: its first run beside plain bm25s, and a run that has nothing left to do.

    python benchmarks/first_stage.py [--documents 200000] [--queries 1000] [--folder FOLDER] [--model FOLDER]

The corpus is made: words by Zipf's law over made-up words, two in five of them English stop words, documents of 70
words in the median. A query has the first words of a document that is relevant to it.

Anchor: plain bm25s in one process. It reads corpus.jsonl by json, makes terms by robustrank's analyser, indexes them
(k1 0.9, b 0.4, Lucene's variant), and retrieves the 100 best documents of each query; nothing is written.

Beside it: `robustrank run` of an experiment that ranks these lists with BM25 (iid-variance), first with an empty cache,
then again with nothing left to do; and, for what starting takes, `robustrank --version` and the second run of the same
experiment on a collection of 100 documents. Seconds of processor time are those of all processes of the command,
memory is that of the largest.

With a model, a cross-encoder, all queries and a typo in each go through BM25 and that model behind it, ten documents a
query.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))
from benchmarks.records import HELP, Records

ROOT = Path(__file__).parents[1]
SYLLABLES = "ba re mi so tul lan ker dos vim pra cho gen fil nor ata esk und oby".split()
ANCHOR = """
import json, sys
import bm25s
from robustrank.text.analysis import analyser
folder, terms = sys.argv[1], analyser("en").terms
def read(name):
    with open(f"{folder}/{name}.jsonl", encoding="utf-8") as file:
        return [terms(json.loads(line)["text"]) for line in file]
index = bm25s.BM25(k1=0.9, b=0.4)
index.index(read("corpus"), show_progress=False)
queries = read("queries")
index.retrieve(queries, k=100, show_progress=False)
"""


def words(draw: np.random.Generator, count: int) -> list[str]:
    """Return distinct made-up words."""
    made: dict[str, None] = {}
    while len(made) < count:
        made["".join(draw.choice(SYLLABLES, size=draw.integers(2, 5)))] = None
    return list(made)


def write(folder: Path, documents: int, queries: int) -> Path:
    """Write a collection in BEIR's layout and an experiment on it."""
    from robustrank.text.analysis import STOP_WORDS

    draw = np.random.default_rng(0)
    vocabulary, stop_words = np.array(words(draw, 60_000)), np.array(sorted(STOP_WORDS))
    shares = np.cumsum(1 / (np.arange(len(vocabulary)) + 20))
    (folder / "qrels").mkdir(parents=True)
    asked, judged = [], []
    with (folder / "corpus.jsonl").open("w") as file:
        for number in range(documents):
            length = int(np.clip(draw.lognormal(4.25, 0.5), 8, 600))
            drawn = vocabulary[np.searchsorted(shares, draw.random(length) * shares[-1])]
            text = np.where(draw.random(length) < 0.4, draw.choice(stop_words, length), drawn)
            file.write(json.dumps({"_id": f"d{number}", "title": "", "text": " ".join(text)}) + "\n")
            if number % max(1, documents // queries) == 0 and len(asked) < queries:
                asked.append(json.dumps({"_id": f"q{number}", "text": " ".join(drawn[:8])}) + "\n")
                judged.append(f"q{number}\td{number}\t1\n")
    (folder / "queries.jsonl").write_text("".join(asked))
    (folder / "qrels" / "test.tsv").write_text("query-id\tcorpus-id\tscore\n" + "".join(judged))
    path = folder / "experiment.yaml"
    path.write_text(
        f"name: first-stage\ncollections: [{{name: beir, folder: '{folder}', label: made}}]\n"
        "rankers: [bm25]\ntasks: [iid-variance]\n"
    )
    return path


def measured(*command: str, threads: str = "1") -> tuple[float, float, int]:
    """Run a command; return its seconds, its processor seconds, and the MB of its largest process.

    Args:
        command: The program and its arguments.
        threads: Of each process; "" for what a user gets who sets nothing.
    """
    left_out = ("OMP_NUM_THREADS", "PYTHONDONTWRITEBYTECODE")  # an installed package has its bytecode
    environment = {name: value for name, value in os.environ.items() if name not in left_out}
    environment |= {"OMP_NUM_THREADS": threads} if threads else {}
    start = time.perf_counter()
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"{command} failed")
    return time.perf_counter() - start, usage.ru_utime + usage.ru_stime, usage.ru_maxrss // 1024


def robustrank(experiment: Path, cache: Path, out: Path) -> tuple[float, float, int]:
    """Measure a run of an experiment in one process, so that all its memory is counted."""
    options = ["--cache", str(cache), "--out", str(out), "--workers", "0", "--quiet"]
    return measured(sys.executable, "-m", "robustrank", "run", str(experiment), *options)


def write_pipeline(folder: Path, model: Path, path: Path) -> Path:
    """Write an experiment that attacks the queries of a pipeline with typos."""
    path.write_text(
        f"name: pipeline\ncollections: [{{name: beir, folder: '{folder}', label: made}}]\n"
        f"rankers: [{{name: cross-encoder, model: '{model}', label: model, first_stage: bm25, depth: 10}}]\n"
        "attacks: [character-typos]\ntasks: [{name: query-attack, variants: 1}]\n"
    )
    return path


def print_recall(out: Path) -> None:
    """Print the mean recall of clean and of attacked queries."""
    import pandas as pd

    rows = pd.read_csv(out / "rows.csv")
    print(rows[rows["measure"] == "R@10"].groupby(["measure", "condition", "pool"])["value"].mean().to_string())


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--documents", type=int, default=200_000)
    parser.add_argument("--queries", type=int, default=1000)
    parser.add_argument("--folder", type=Path, help="where the corpus is, or is made")
    parser.add_argument("--model", type=Path, help="a cross-encoder, to be put behind BM25")
    parser.add_argument("--out", type=Path, help=HELP)
    arguments = parser.parse_args()
    records = Records(arguments.out, vars(arguments))
    with tempfile.TemporaryDirectory() as room:
        made = arguments.folder or Path(room) / "corpus"
        experiment = made / "experiment.yaml"
        if not experiment.exists():
            write(made, arguments.documents, arguments.queries)
        small = write(Path(room) / "small", 100, 10)
        cache, out = Path(room) / "cache", Path(room) / "out"
        time.sleep(4)  # digests of files that were just written are not kept
        print("| what | seconds | of processor time | MB |\n|---|---|---|---|")
        rows = {
            "plain bm25s": lambda: measured(sys.executable, "-c", ANCHOR, str(made)),
            "first run": lambda: robustrank(experiment, cache, out),
            "nothing left to do": lambda: robustrank(experiment, cache, out),
            "the same again": lambda: robustrank(experiment, cache, out),
            "small collection, first run": lambda: robustrank(small, cache, Path(room) / "small-out"),
            "small collection, nothing left to do": lambda: robustrank(small, cache, Path(room) / "small-out"),
            "robustrank --version": lambda: measured(sys.executable, "-m", "robustrank", "--version"),
        }
        if arguments.model:
            pipeline = write_pipeline(made, arguments.model.absolute(), Path(room) / "pipeline.yaml")
            rows["pipeline under typos"] = lambda: robustrank(pipeline, cache, Path(room) / "pipeline-out")
        for name, measure in rows.items():
            seconds, processor, memory = measure()
            records.keep(name, wall_s=seconds, processor_s=processor, memory_mb=memory)
            print(f"| {name} | {seconds:.1f} | {processor:.1f} | {memory} |", flush=True)
        if arguments.model:
            print_recall(Path(room) / "pipeline-out")
    records.write()


if __name__ == "__main__":
    main()
