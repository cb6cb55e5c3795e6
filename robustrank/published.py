"""The results that are published with robustrank, to compare with: their rows, without the report."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from robustrank.paths import installed_path


def published_results() -> dict[str, Path]:
    """Return the folders of the published results by name, in order."""
    folder = Path(str(files("robustrank.results")))
    return {path.parent.name: path.parent for path in sorted(folder.glob("*/cells.jsonl"))}


def run_folder(given: Path) -> Path:
    """Return the run folder that is meant: the published results of that name, or the path as it is given.

    Where there is a folder of that name, the folder is meant.
    """
    return installed_path(given, published_results(), Path.is_dir)
