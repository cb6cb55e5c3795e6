"""The versions of the libraries that compute a plug-in's results."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable
from functools import cache
from importlib.metadata import Distribution, PackageNotFoundError, distribution, packages_distributions
from importlib.util import find_spec

# They print, draw, check options and settings, lock, download, read and write files whole: what comes out of them is
# in the identity already, or in no row.
_COMPUTE_NOTHING = frozenset("click filelock huggingface-hub matplotlib pydantic pyyaml rich safetensors tqdm".split())
_NAMES = {"Stemmer": "PyStemmer", "sklearn": "scikit-learn", "yaml": "PyYAML"}  # of modules unlike their distribution
# Where a library hands the computing to another that its own version does not pin.
_THROUGH = {"transformers": ("tokenizers",), "sentence-transformers": ("tokenizers", "torch", "transformers")}


def library_versions(modules: Iterable[str]) -> dict[str, str]:
    """Return the versions of Python and of the distributions of top-level modules, those left out that compute nothing.

    A module that is not installed, as one of an optional extra, is left out; installing it changes the identity.
    """
    names = {_normal(name) for module in modules for name in _distributions(module)} - _COMPUTE_NOTHING
    names |= {through for name in names for through in _THROUGH.get(name, ())}
    versions = {name: version for name in sorted(names) if (version := _version(name))}
    return {"python": f"{sys.version_info.major}.{sys.version_info.minor}", **versions}


@cache
def is_followed(module: str) -> bool:
    """Return whether the source of a top-level module decides, not its version alone.

    This holds for robustrank, for modules that no distribution has, and for distributions that are being edited.
    """
    if module == "robustrank":
        return True
    if module in sys.builtin_module_names or module in sys.stdlib_module_names:
        return False
    return not (names := _distributions(module)) or any(_is_editable(name) for name in names)


@cache
def _distributions(module: str) -> tuple[str, ...]:
    """Return the distributions that have a top-level module; that of this name where it is a distribution's."""
    name = _NAMES.get(module, module)
    if _version(name):
        return (name,)  # without a look at the files of all distributions, which takes a while
    if find_spec(module) is None:
        return ()
    return tuple(sorted(set(_by_module().get(module, ()))))


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


@cache
def _by_module() -> dict[str, list[str]]:
    return dict(packages_distributions())


@cache
def _version(name: str) -> str | None:
    installed = _distribution(name)
    return installed.version if installed else None


def _is_editable(name: str) -> bool:
    installed = _distribution(name)
    text = installed.read_text("direct_url.json") if installed else None
    return bool(text and json.loads(text).get("dir_info", {}).get("editable"))


def _distribution(name: str) -> Distribution | None:
    try:
        return distribution(name)
    except (PackageNotFoundError, ValueError):
        return None
