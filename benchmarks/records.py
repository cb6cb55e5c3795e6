"""Keeps what a benchmark measures: a JSON record for each line, with the command, the machine, its load and the code.

A file holds the lines of one run, and is written when all are measured: a benchmark that fails leaves the earlier file.
"""

from __future__ import annotations

import os
import shlex
import sys
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import click

from robustrank.engine.provenance import environment
from robustrank.json_lines import write_lines

HELP = "JSONL file that the measured lines are written to, in place of those it holds."
out_option = click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help=HELP)
LIBRARIES = ("bm25s", "onnxruntime", "ray")  # whose speed counts, besides those that provenance names
FEATURES = ("avx2", "avx512f", "avx512_vnni", "avx512_bf16", "amx_tile", "amx_bf16", "amx_int8")
_LOOK_SECONDS = 1.0  # between two looks at the time that the processors were busy


class Records:
    """The lines that a benchmark measures. Make it before anything is measured, since it looks at the machine's load.

    Args:
        out: The file; None: nothing is written.
        parameters: What the command was told.
    """

    def __init__(self, out: Path | None, parameters: Mapping[str, Any]) -> None:
        self._out = out
        told = {name: value for name, value in parameters.items() if name != "out"}
        self._run = {"when": datetime.now(UTC).isoformat(timespec="seconds"), **load(), "parameters": told}
        self._lines: list[dict[str, Any]] = []

    def keep(self, what: str, **figures: object) -> None:
        """Keep a line: what was measured, and its figures by name, with the unit in the name."""
        self._lines.append({"what": what, **figures})

    def write(self) -> None:
        """Write the lines, when all are measured."""
        if self._out is None:
            return
        # Here, and not before: it reads sources, which a plan that is measured reads for the first time.
        run = {**self._run, **environment(), "command": command(), "features": features()}
        run["packages"] |= {name: version(name) for name in LIBRARIES if find_spec(name)}
        self._out.parent.mkdir(parents=True, exist_ok=True)
        part = self._out.with_suffix(".part")
        write_lines(part, ({**line, "run": run} for line in self._lines))
        part.replace(self._out)
        print(f"{len(self._lines)} records are in {self._out}", file=sys.stderr)


def command() -> str:
    """Return the command of this process but for --out, with the number of threads where it is set."""
    threads = os.environ.get("OMP_NUM_THREADS")
    arguments = iter(sys.argv[1:])
    told = []
    for argument in arguments:
        if argument == "--out":
            next(arguments)
        elif not argument.startswith("--out="):
            told.append(argument)
    name = Path(sys.argv[0]).name
    return (f"OMP_NUM_THREADS={threads} " if threads else "") + shlex.join(["python", f"benchmarks/{name}", *told])


def load() -> dict[str, float | None]:
    """Return the load average of the last minute, and how many cores are busy now, before anything is measured.

    The first one counts what has ended in that minute, too, such as another benchmark. None: the system does not say.
    """
    average = os.getloadavg()[0]
    before = _busy_seconds()
    time.sleep(_LOOK_SECONDS)
    after = _busy_seconds()
    busy = None if before is None or after is None else round((after - before) / _LOOK_SECONDS, 2)
    return {"load": round(average, 2), "busy_cores": busy}


def _busy_seconds() -> float | None:
    """Return the seconds that all processors together were busy since the start, on Linux."""
    try:
        total = Path("/proc/stat").read_text(encoding="utf-8").partition("\n")[0].split()[1:9]
    except OSError:
        return None
    idle = {3, 4}  # idle, and idle while it waits for a disk
    return sum(int(ticks) for at, ticks in enumerate(total) if at not in idle) / os.sysconf("SC_CLK_TCK")


def features() -> list[str]:
    """Return which instructions that matter here the processor has; empty where the system does not say."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return []
    flags = next((line.split() for line in text.splitlines() if line.startswith("flags")), [])
    return [name for name in FEATURES if name in flags]
