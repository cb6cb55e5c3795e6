"""Hashes of source files: what a row or trained weights were made by."""

from __future__ import annotations

import ast
import hashlib
import inspect
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import robustrank
from robustrank.plugins.loading import find
from robustrank.plugins.specification import parse

# What these rooms say cannot change a row, so a change in them makes no finished cell stale.
_WITHOUT_ROWS = ("cli", "report")
_LEARNING = ("measures", "rankers", "text")  # the rooms whose code decides trained weights


@cache
def sources_digest(rooms: tuple[str, ...] = ()) -> str:
    """Return a hash of the source files of these rooms; of all that can change a row where none is named."""
    digest = hashlib.sha256()
    root = Path(robustrank.__file__).parent
    for path in sorted(root.rglob("*.py")):
        room = path.relative_to(root).parts[0]
        if room in rooms or (not rooms and room not in _WITHOUT_ROWS):
            digest.update(path.relative_to(root).as_posix().encode() + path.read_bytes())
    return digest.hexdigest()[:16]


def training_code(ranker: str, settings: Mapping[str, Any]) -> list[str]:
    """Return hashes of all code that decides a ranker's trained weights.

    Args:
        ranker: The ranker's registered name.
        settings: Its training settings; an attack that perturbs the training text is among what decides.
    """
    augment = settings.get("augment")
    perturber = [code_digest(find("attack", parse(augment).name))] if augment else []
    return [code_digest(find("ranker", ranker)), sources_digest(_LEARNING), *perturber]


def code_digest(plugin: type) -> str:
    """Return a hash of the file a plug-in class is defined in and of its siblings it imports."""
    path = inspect.getsourcefile(plugin)
    digest = hashlib.sha256()
    for source in _with_siblings(Path(path)) if path else ():
        digest.update(source.read_bytes())
    return digest.hexdigest()[:16]


def _with_siblings(path: Path) -> list[Path]:
    """Return a source file, those beside it that it imports relatively, those that these import, and so on."""
    sources = [path]
    for source in sources:  # which grows while it is read
        for node in ast.walk(ast.parse(source.read_bytes())):
            if isinstance(node, ast.ImportFrom) and node.level == 1:
                names = [node.module] if node.module else [alias.name for alias in node.names]
                siblings = [source.with_name(f"{name}.py") for name in names]
                sources += [sibling for sibling in siblings if sibling.exists() and sibling not in sources]
    return sources
