"""Reads a run folder after the run: a file that is not as its manifest says is refused, with the command that helps."""

from __future__ import annotations

import re
from pathlib import Path

from robustrank.errors import DataError
from robustrank.rows import Coordinates, checked_coordinates
from robustrank.storage import MANIFEST, Damage, find_damage

KEY = re.compile("[0-9a-f]{24,64}")  # the name of a cell's folder; what else is among the cells is left alone


def cell_folders(run: Path) -> list[Path]:
    """Return the folders of a run's finished cells, sorted.

    Raises:
        DataError: A file of one is not as its manifest says.
    """
    cells = run / "cells"
    folders = sorted(path for path in cells.iterdir() if KEY.fullmatch(path.name)) if cells.is_dir() else []
    for folder in folders:
        if damage := find_damage(folder):
            raise _refusal(damage, run)
    return folders


def refuse_damaged_file(file: Path) -> None:
    """Check a file that is one of a cell's; any other is let through.

    Raises:
        DataError: It is not as the cell's manifest says.
    """
    folder = cell_of(file)
    if folder is not None and (damage := find_damage(folder, file.name)):
        raise _refusal(damage, folder.parent.parent)


def cell_of(file: Path) -> Path | None:
    """Return the folder of the cell that a file is of; None where it is of none."""
    folder = file.absolute().parent
    return folder if folder.parent.name == "cells" and KEY.fullmatch(folder.name) else None


def read_cell(where: str, record: object) -> Coordinates:
    """Return what a record of cells.jsonl tells of a cell.

    Raises:
        DataError: It is not valid.
    """
    try:
        return checked_coordinates(record)
    except ValueError as error:
        raise DataError(f"not a valid cell: {error}", where=where) from error


def read_run_file(run: Path, name: str) -> str:
    """Return a file of the run that stands beside the cells, as rows.csv; UTF-8, line ends as they are.

    A folder without cells and manifest is what somebody took from a run: its files are read as they are.

    Raises:
        DataError: It is not as the run's manifest says, or cannot be read.
    """
    is_run = (run / MANIFEST).exists() or (run / "cells").exists()
    if is_run and (damage := find_damage(run, name)):
        raise _refusal(damage, run)
    try:
        return (run / name).read_bytes().decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        hint = "is this a run folder? see `robustrank run`"
        raise DataError(f"cannot be read: {error}", where=str(run / name), hint=hint) from error


def _refusal(damage: Damage, run: Path) -> DataError:
    return DataError(
        f"the run folder is damaged: {damage.what}",
        where=str(damage.path),
        hint=f"run the experiment again, with --out {run}: damaged cells run again, and the others are kept",
    )
