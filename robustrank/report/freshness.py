"""Whether a report is still what its run would be reported as, so that a run with nothing left to do leaves it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from robustrank.storage import MANIFEST, find_damage, seal, write_file

RECORD = "made_from.json"  # in the report's folder, which is sealed with it
_LIBRARIES = ("numpy", "pandas", "scipy", "matplotlib", "jinja2")
_CODE = ("robustrank", "robustrank.tasks")


def is_fresh(run: Path) -> bool:
    """Return whether the run has a report, whole and as it was written, of these results by this code."""
    path = run / "report" / RECORD
    if not path.exists() or find_damage(path.parent):
        return False
    return path.read_text(encoding="utf-8") == _made_from(run)


def remember(run: Path) -> None:
    """Keep what the report of the run, which was just written, follows from.

    Raises:
        DataError: It cannot be written.
    """
    write_file(run / "report" / RECORD, _made_from(run))
    seal(run / "report")


def _made_from(run: Path) -> str:
    inputs = [run / MANIFEST, run / "notes.txt", *sorted((run / "cells").glob(f"*/{MANIFEST}"))]
    results = hashlib.sha256()
    for path in (path for path in inputs if path.exists()):
        results.update(f"{path.relative_to(run)} {hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    code = hashlib.sha256("\n".join(sorted(_sources())).encode()).hexdigest()
    made_from = {"results": results.hexdigest(), "code": code, **{name: version(name) for name in _LIBRARIES}}
    return json.dumps(made_from, indent=1) + "\n"


def _sources() -> Iterator[str]:
    """Yield a line for each file of this package and of the tasks, which changes whenever the file is written."""
    for name in _CODE:
        spec = find_spec(name)
        for folder in (spec and spec.submodule_search_locations) or ():
            for path in Path(folder).rglob("*"):
                if path.is_file() and path.suffix != ".pyc":
                    about = path.stat()
                    yield f"{path} {about.st_size} {about.st_mtime_ns}"
