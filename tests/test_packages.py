"""The list of packages in pyproject.toml holds every package folder."""

from __future__ import annotations

import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_the_package_list_matches_the_folders():
    listed = set(tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"])
    found = {
        p.parent.relative_to(ROOT).as_posix().replace("/", ".") for p in (ROOT / "robustrank").rglob("__init__.py")
    }
    found |= {
        "robustrank." + p.parent.relative_to(ROOT).as_posix().replace("/", ".")
        for name in ("attacks", "defenses", "tasks")
        for p in (ROOT / name).rglob("__init__.py")
    }
    assert listed == found
