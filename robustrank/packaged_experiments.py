"""The experiments that are installed with robustrank, by name: ``robustrank run quickstart``."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path


def packaged_experiments() -> dict[str, Path]:
    """Return the files of the installed experiments by name, in order."""
    folder = Path(str(files("robustrank.experiments")))
    return {path.stem: path for path in sorted(folder.glob("*.yaml"), key=lambda path: path.stem)}


def experiment_file(given: Path) -> Path:
    """Return the experiment file that is meant: the installed one of that name, or the path as it is given.

    A name has neither a folder nor an ending; where there is a file of that name, the file is meant.
    """
    is_name = len(given.parts) == 1 and not given.suffix and not given.is_file()
    return packaged_experiments().get(given.name, given) if is_name else given
