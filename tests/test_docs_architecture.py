"""docs/architecture.md names every package and module of the framework, and none that does not exist."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
HELPERS = {"__init__", "__main__", "errors", "notices", "printing", "randomness"}


def test_every_path_exists():
    paths = re.findall(r"`((?:robustrank|attacks|defenses|tasks)/[\w/.]*)`", PAGE)
    assert len(paths) > 15
    assert [path for path in paths if not (ROOT / path).exists()] == []


def test_every_package_and_module_is_named():
    folder = ROOT / "robustrank"
    packages = [f"robustrank/{path.parent.name}/" for path in folder.glob("*/__init__.py")]
    modules = [f"robustrank/{path.name}" for path in folder.glob("*.py") if path.stem not in HELPERS]
    assert [path for path in packages + modules if f"`{path}`" not in PAGE] == []
