"""Seconds of scores that a run loses which is killed while it scores 6,000 pairs.

    python benchmarks/kill.py [--pairs 6000] [--kills 3]

One cell scores the pairs with a cross-encoder of MiniLM's size (random weights), in one worker of one thread. The run
is killed by SIGKILL a random time after its first scores are kept, and started again where it was. Lost is what was
computed after the last write into the score cache: its time, and its processor time, as it takes on an idle machine.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
from benchmarks.executors import write
from benchmarks.records import HELP, Records


def worker_of(pid: int) -> int | None:
    """Return the process that the driver has started."""
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            if int(path.read_text().rpartition(")")[2].split()[1]) == pid:
                return int(path.parent.name)
        except OSError:
            continue
    return None


def processor_seconds(pid: int) -> float:
    """Return what a process has used of the processor."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def kept(database: Path) -> int:
    """Return the number of scores in the cache."""
    if not database.exists():
        return 0
    with closing(sqlite3.connect(database)) as connection:
        made = connection.execute("SELECT count(*) FROM sqlite_master WHERE name = 'answers'").fetchone()[0]
        return int(connection.execute("SELECT count(*) FROM answers").fetchone()[0]) if made else 0


def kill_once(folder: Path, seconds: float) -> tuple[float, float, int]:
    """Run until so many seconds after a write into the cache, kill; return both losses, and the scores kept."""
    command = [
        sys.executable,
        "-m",
        "robustrank",
        "run",
        "experiment.yaml",
        "--out",
        "out",
        "--cache",
        "cache",
        "--quiet",
    ]
    environment, database = {**os.environ, "OMP_NUM_THREADS": "1"}, folder / "cache" / "scores" / "scores.sqlite"
    before = kept(database)
    driver = subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.DEVNULL)
    while kept(database) == before:
        if driver.poll() is not None:
            raise SystemExit("the run ended before it could be killed: take more --pairs")
        time.sleep(0.05)
    worker = worker_of(driver.pid)
    if worker is None:
        raise SystemExit("the worker is gone")
    written, used, until = database.stat().st_mtime, processor_seconds(worker), time.time() + seconds
    while time.time() < until:
        if database.stat().st_mtime != written:
            written, used = database.stat().st_mtime, processor_seconds(worker)
        time.sleep(0.02)
    lost = time.time() - written, processor_seconds(worker) - used
    os.kill(driver.pid, signal.SIGKILL)
    driver.wait()
    return *lost, kept(database)


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--pairs", type=int, default=6000)
    parser.add_argument("--kills", type=int, default=3)
    parser.add_argument("--out", type=Path, help=HELP)
    arguments = parser.parse_args()
    records = Records(arguments.out, vars(arguments))
    print("| kill | lost, s | lost, processor s | scores kept |\n|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder), 1, arguments.pairs)
        for number in range(arguments.kills):
            wall, processor, scores = kill_once(Path(folder), random.Random(number).uniform(2, 12))
            records.keep(f"kill {number + 1}", lost_wall_s=wall, lost_processor_s=processor, scores_kept=scores)
            print(f"| {number + 1} | {wall:.1f} | {processor:.1f} | {scores:,} of {arguments.pairs:,} |", flush=True)
    records.write()


if __name__ == "__main__":
    main()
