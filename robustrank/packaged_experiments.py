"""The experiments that are installed with robustrank, by name: ``robustrank run quickstart``."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from robustrank.paths import installed_path


def packaged_experiments() -> dict[str, Path]:
    """Return the files of the installed experiments by name, in order."""
    folder = Path(str(files("robustrank.experiments")))
    return {path.stem: path for path in sorted(folder.glob("*.yaml"), key=lambda path: path.stem)}


def experiment_file(given: Path) -> Path:
    """Return the experiment file that is meant: the installed one of that name, or the path as it is given.

    Where there is a file of that name, the file is meant.
    """
    return installed_path(given, packaged_experiments(), Path.is_file)
