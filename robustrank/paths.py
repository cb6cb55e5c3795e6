"""Paths as users give them, and where the folders of the user are."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path

from robustrank.errors import UsageError

_LIBRARIES = {  # what says where a library keeps its files -> its folder
    "HF_HOME": "huggingface",
    "IR_DATASETS_HOME": "ir_datasets",
    "MPLCONFIGDIR": "matplotlib",
    "NUMBA_CACHE_DIR": "numba",
}


def given_path(text: str | Path) -> Path:
    """Return a path with ``~`` replaced by the home folder.

    Raises:
        UsageError: There is no such home folder, or the path has a null character.
    """
    if "\0" in str(text):
        raise UsageError(f"the path {str(text)!r} has a null character")
    try:
        return Path(text).expanduser()
    except RuntimeError as error:
        raise UsageError(
            f"{str(text)!r}: there is no such home folder", hint="give the path without ~, or set HOME"
        ) from error


def installed_path(given: Path, installed: Mapping[str, Path], is_here: Callable[[Path], bool]) -> Path:
    """Return what is installed under the name that is given, or the path as it is given.

    Args:
        given: A name, which has no folder, or a path.
        installed: The paths by name.
        is_here: Whether what the path names is there: then it is meant.
    """
    is_name = len(given.parts) == 1 and not is_here(given)
    return installed.get(given.name, given) if is_name else given


def default_cache() -> Path:
    """Return the folder of scores and trained weights: ``ROBUSTRANK_CACHE``, or the user's cache folder.

    Raises:
        UsageError: None is set, and the user has no home folder.
    """
    if given := os.environ.get("ROBUSTRANK_CACHE"):
        return Path(given)
    if base := os.environ.get("XDG_CACHE_HOME"):
        return Path(base) / "robustrank"
    try:
        return Path.home() / ".cache" / "robustrank"
    except RuntimeError as error:
        raise UsageError(
            "there is no home folder for the cache", hint="set ROBUSTRANK_CACHE to a folder, or give --cache"
        ) from error


def give_libraries_a_home(cache: Path) -> None:
    """Let libraries keep their files in a folder of the cache where the user has no home folder that can be written.

    Some of them fail without one when they are imported. What the environment says already holds.
    """
    room = cache.absolute() / "libraries"
    try:
        home = Path.home()
    except RuntimeError:
        os.environ["HOME"] = str(room)
        return
    if not os.access(home, os.W_OK):
        for variable, folder in _LIBRARIES.items():
            os.environ.setdefault(variable, str(room / folder))
