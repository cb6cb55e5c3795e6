"""Makes the records of docs/performance.md: its benchmarks, one after the other. Leave the machine alone meanwhile.

    python benchmarks/all.py [--only throughput report …]
    python -m tests.docs_pages

The second command makes the page of the records. On two idle cores they take half an hour. A benchmark that fails
is named at the end, and leaves the records that it had. Records are kept in runs/performance until all is measured,
since a file that changes among the results is a change against the commit, which the records name. `devices` needs an
accelerator, and `word_substitution` the extra `textattack`.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
MEASURED, PUBLISHED = ROOT / "runs" / "performance", ROOT / "results" / "performance"
BENCHMARKS: dict[str, list[str]] = {  # with the arguments of the page
    "throughput": ["--rounds", "3"],
    "model_calls": [],
    "word_substitution": ["--documents", "48", "--only", "greedy substitution, "],
    "pat": ["--documents", "2"],
    "planning": ["--documents", "1000", "10000"],
    "first_stage": [],
    "executors": ["--rounds", "1"],
    "certification": [],
    "exact_certificates": [],
    "report": [],
    "first_run": [],
    "kill": [],
    "memory": [],
}
ON_ACCELERATORS = {"devices": ["--pairs", "4000"]}


def main() -> int:
    """Measure, then publish what was measured; return 1 where a benchmark failed."""
    every = {**BENCHMARKS, **ON_ACCELERATORS}
    parser = argparse.ArgumentParser()
    parser.add_argument("--only", nargs="+", choices=every, default=list(BENCHMARKS), help="default: all but devices")
    failed = []
    for name in parser.parse_args().only:
        print(f"\n{name}", flush=True)
        command = [sys.executable, f"benchmarks/{name}.py", *every[name], "--out", str(MEASURED / f"{name}.jsonl")]
        start = time.perf_counter()
        code = subprocess.run(command, cwd=ROOT, env={**os.environ, "OMP_NUM_THREADS": "1"}, check=False).returncode
        print(f"{name}: {f'exit code {code}' if code else 'done'}, {time.perf_counter() - start:.0f} s", flush=True)
        failed += [name] if code else []
    PUBLISHED.mkdir(parents=True, exist_ok=True)
    for path in sorted(MEASURED.glob("*.jsonl")):
        shutil.move(path, PUBLISHED / path.name)
        print(f"{PUBLISHED / path.name} is new")
    if failed:
        print(f"failed, with the records that they had: {', '.join(failed)}; python benchmarks/all.py --only NAME …")
    return int(bool(failed))


if __name__ == "__main__":
    raise SystemExit(main())
