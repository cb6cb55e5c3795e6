"""Seconds of a first run, with an empty cache: to its first figures, and the quickstart.

    python benchmarks/first_run.py [--no-quickstart]

The first figures are those of BM25 on the Lee corpus (iid-variance), from the command to its end, report included.
Beside it, where ranx is installed: its first nDCG of one query, which compiles (NUMBA_CACHE_DIR is empty for both).
The quickstart is `robustrank run experiments/quickstart.yaml`, as `make quickstart` calls it after installing.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
from benchmarks.first_stage import ROOT, measured
from benchmarks.records import HELP, Records

EXPERIMENT = "name: first-run\ncollections: [lee]\nrankers: [bm25]\ntasks: [iid-variance]\n"
ANCHOR = """
from ranx import Qrels, Run, evaluate
evaluate(Qrels({"q": {"a": 1}}), Run({"q": {"b": 2.0, "a": 1.0}}), "ndcg@10")
"""


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--no-quickstart", action="store_true")
    parser.add_argument("--out", type=Path, help=HELP)
    arguments = parser.parse_args()
    records = Records(arguments.out, vars(arguments))
    with tempfile.TemporaryDirectory() as text:
        room = Path(text)
        (room / "experiment.yaml").write_text(EXPERIMENT)
        commands = {"first figures": run(room / "experiment.yaml", room / "first")}
        if find_spec("ranx"):
            commands["ranx's first nDCG"] = [sys.executable, "-c", ANCHOR]
        if not arguments.no_quickstart:
            commands["quickstart"] = run(ROOT / "experiments" / "quickstart.yaml", room / "quickstart")
        print("| what | seconds | of processor time | MB | files that numba compiled |\n|---|---|---|---|---|")
        for name, command in commands.items():
            compiled = room / f"numba of {name}"
            compiled.mkdir()
            os.environ["NUMBA_CACHE_DIR"] = str(compiled)
            seconds, processor, memory = measured(*command, threads="")
            files = sum(path.is_file() for path in compiled.rglob("*"))
            records.keep(name, wall_s=seconds, processor_s=processor, memory_mb=memory, files_compiled=files)
            print(f"| {name} | {seconds:.1f} | {processor:.1f} | {memory} | {files} |", flush=True)
    records.write()


def run(experiment: Path, room: Path) -> list[str]:
    """Return the command that runs an experiment with an empty cache."""
    folders = ["--cache", str(room / "cache"), "--out", str(room / "run")]
    return [sys.executable, "-m", "robustrank", "run", str(experiment), *folders, "--quiet"]


if __name__ == "__main__":
    main()
