"""What is too large, out of range or without a home is refused before anything runs, or runs."""

from __future__ import annotations

import subprocess
import sys
import time

import pytest

WITHOUT_HOME = """\
import os, pwd, sys
def unknown(*_):
    raise KeyError("no passwd entry")
pwd.getpwuid = unknown
for name in ("HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "HF_HOME", "ROBUSTRANK_CACHE"):
    os.environ.pop(name, None)
from robustrank.cli.main import invoke
sys.exit(invoke(sys.argv[1:]))
"""


def without_home(*options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", WITHOUT_HOME, "run", "exp.yaml", "--out", "out", "--workers", "0", *options]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


def test_a_run_without_a_home_needs_a_cache_alone(case):
    run = case("42-no-home")
    refusal = without_home()
    assert refusal.returncode == 2
    assert "set ROBUSTRANK_CACHE" in refusal.stderr
    said = without_home("--cache", "cache")  # and draws figures: other libraries have caches, too
    assert said.returncode == 0, said.stderr
    assert run.rows()
    assert list((run.folder / "out" / "report").iterdir())


@pytest.mark.parametrize(
    ("folder", "name", "says"),
    [
        ("43-yaml-bomb", "bomb", "values or more"),
        ("43-yaml-bomb", "parameter", "values or more"),
        ("44-giant-sweep", "exp", "1,000,000,000 points, and 10,000 are allowed"),
    ],
)
def test_what_is_short_but_huge_is_refused_at_once(case, folder, name, says):
    run, started = case(folder), time.monotonic()
    refusal = run.run(f"{name}.yaml")
    assert refusal.is_refusal, refusal.text
    assert says in refusal.text
    assert time.monotonic() - started < 5


@pytest.mark.parametrize(
    ("folder", "name", "says"),
    [
        ("45-negative-number-of-queries", "iid", "queries=-1 of task 'iid-variance': it must be 1 to"),
        ("45-negative-number-of-queries", "attack", "queries=-1 of task 'document-attack': it must be 1 to"),
        ("46-negative-budgets", "queries", "budget_queries=-1 of task 'document-attack': it must be 0 to"),
        ("46-negative-budgets", "seconds", "budget_seconds=-1 of task 'document-attack': it must be above 0"),
        ("46-negative-budgets", "targets", "last-5 with at least 1"),
        ("47-max-length-of-zero", "length", "max_length=0 of ranker 'minilm': it must be 8 to"),
        ("47-max-length-of-zero", "tokens", "max_tokens=0 of ranker 'minilm': it must be 1 to"),
    ],
)
def test_what_is_out_of_range_is_refused_with_the_range(case, folder, name, says):
    refusal = case(folder).run(f"{name}.yaml")
    assert refusal.is_refusal, refusal.text
    assert says in refusal.text
