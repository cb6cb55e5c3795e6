"""Equal cells run by one worker and by two, with the executors side by side.

    python benchmarks/executors.py [--rounds 3] [--cells 8] [--pairs 150 600] [--executors processes ray]

A cell scores so many pairs of 30 to 90 words with a cross-encoder of MiniLM's size (6 layers of 384 units, random
weights); each has a collection to itself, so that no score is shared. What a worker takes to start counts less the more
pairs there are, so there are several sizes. Runs take turns, each with an empty cache, from the command to its end. On
a machine that is busy with something else, the ratio of processor times tells more than that of times: two workers on
two cores are as many times as fast as their processor time allows, start-up included.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
from benchmarks.devices import model, pairs_of
from benchmarks.records import HELP, Records

QUERIES = 4
_SAMPLE_SECONDS = 0.2  # between two looks at what processes have used
CLUSTERS = {"ray": ["--executor", "ray"], "slurm": ["--executor", "slurm", "--executor-option", "cluster=local"]}


@dataclass
class System:
    """A way to run the cells, and what it took in each round.

    Attributes:
        name, options, threads: What it is; threads of a worker, "" for what a user gets who sets nothing.
        wall, processor: Seconds of each round, the latter of all its processes.
    """

    name: str
    options: list[str]
    threads: str = "1"
    wall: list[float] = field(default_factory=list)
    processor: list[float] = field(default_factory=list)

    def run(self, folder: Path) -> bytes:
        """Run the experiment in a folder once; return its rows."""
        for name in ("out", "cache"):
            shutil.rmtree(folder / name, ignore_errors=True)
        left_out = ("OMP_NUM_THREADS", "PYTHONDONTWRITEBYTECODE")  # an installed package has its bytecode
        environment = {name: value for name, value in os.environ.items() if name not in left_out}
        environment |= {"OMP_NUM_THREADS": self.threads} if self.threads else {}
        command = [sys.executable, "-m", "robustrank", "run", "experiment.yaml", "--out", "out", "--cache", "cache"]
        start = time.perf_counter()
        process = subprocess.Popen(
            [*command, "--no-report", "--quiet", *self.options],
            cwd=folder,
            env=environment,
            stdout=subprocess.DEVNULL,
        )
        used: dict[int, float] = {}
        while process.poll() is None:
            used |= processor_seconds(process.pid)
            time.sleep(_SAMPLE_SECONDS)
        if process.returncode:
            raise SystemExit(f"{self.name}: exit code {process.returncode}")
        self.wall.append(time.perf_counter() - start)
        self.processor.append(sum(used.values()))
        print(f"{self.name}: {self.wall[-1]:.1f} s, {self.processor[-1]:.1f} s of the processor", file=sys.stderr)
        return (folder / "out" / "rows.csv").read_bytes()


def processor_seconds(root: int) -> dict[int, float]:
    """Return what a process and all that it has started have used of the processor, by process."""
    parents, used = {}, {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:  # it has ended
            continue
        pid = int(path.parent.name)
        parents[pid], used[pid] = int(fields[1]), (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    family = {root}
    while more := {pid for pid, parent in parents.items() if parent in family and pid not in family}:
        family |= more
    return {pid: used[pid] for pid in family if pid in used}


def write(folder: Path, cells: int, pairs: int) -> None:
    """Write an experiment of so many cells, each on a collection to itself."""
    names = []
    for cell in range(cells):
        home, draw = folder / f"collection{cell}", random.Random(cell)
        (home / "qrels").mkdir(parents=True)
        texts = [f"{draw.random()} {text}" for _, text in pairs_of(pairs // QUERIES, 60)]
        queries = [query for query, _ in pairs_of(QUERIES, 60)]
        lines = [{"_id": f"d{number}", "title": "", "text": text} for number, text in enumerate(texts)]
        (home / "corpus.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
        lines = [{"_id": f"q{number}", "text": f"{cell} {query}"} for number, query in enumerate(queries)]
        (home / "queries.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
        judged = [
            f"q{query}\td{number}\t{int(number < 2)}\n" for query in range(QUERIES) for number in range(len(texts))
        ]
        (home / "qrels" / "test.tsv").write_text("query-id\tcorpus-id\tscore\n" + "".join(judged))
        names.append(f"{{name: beir, folder: '{home}', depth: {len(texts)}, label: c{cell}}}")
    (folder / "model").mkdir()
    (folder / "experiment.yaml").write_text(
        f"name: executors\ncollections: [{', '.join(names)}]\n"
        f"rankers: [{{name: cross-encoder, model: '{model(folder / 'model')}', label: ce}}]\ntasks: [iid-variance]\n"
    )


def main() -> None:
    """Print a table; each ratio is to the worker of one thread."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--cells", type=int, default=8)
    parser.add_argument("--pairs", type=int, nargs="+", default=[150, 600])
    parser.add_argument("--executors", nargs="+", default=["processes", "ray"])
    parser.add_argument("--out", type=Path, help=HELP)
    arguments = parser.parse_args()
    records = Records(arguments.out, vars(arguments))
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    for pairs in arguments.pairs:
        systems = [System("1 worker", []), System("1 worker, default threads", [], "")]
        systems += [System(f"2 workers, {n}", ["--workers", "2", *CLUSTERS.get(n, [])]) for n in arguments.executors]
        with tempfile.TemporaryDirectory() as text:
            write(Path(text), arguments.cells, pairs)
            rows = {system.run(Path(text)) for _ in range(arguments.rounds) for system in systems}
        print(f"{arguments.cells} cells of {pairs} pairs; rows bit-equal: {len(rows) == 1}")
        print("| what | s | processor s | times as fast | by processor time |\n|---|---|---|---|---|")
        one = systems[0]
        for system in systems:
            workers = 2 if system.name.startswith("2") else 1
            ratio = statistics.median(a / b for a, b in zip(one.wall, system.wall, strict=True))
            wall, used = statistics.median(system.wall), statistics.median(system.processor)
            by_processor = workers * statistics.median(one.processor) / used
            taken = {"wall_s": system.wall, "processor_s": system.processor}
            records.keep(system.name, pairs=pairs, **taken, rows_equal=len(rows) == 1)
            print(f"| {system.name} | {wall:.1f} | {used:.1f} | {ratio:.2f} | {by_processor:.2f} |")
    records.write()


if __name__ == "__main__":
    main()
