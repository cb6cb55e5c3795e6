"""Where the files are that other packages carry: weights, vectors."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from robustrank.errors import DataError


def package_folder(module: str, package: str, hint: str) -> Path:
    """Return the folder of an installed module, without importing it.

    Args:
        module: As it is imported.
        package: As it is installed.
        hint: How to install it.

    Raises:
        DataError: It is not installed.
    """
    found = find_spec(module)
    if found is None or not found.submodule_search_locations:
        raise DataError(f"the package {package} is not installed", hint=hint)
    return Path(found.submodule_search_locations[0])
