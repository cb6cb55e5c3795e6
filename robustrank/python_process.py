"""Processes of this Python beside this one."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence


def python_command(module: str, path: Sequence[str], *numbers: int) -> list[str]:
    """Return the command of a process that calls ``main`` of a module with some numbers.

    Its interpreter has the flags of this one. The main module of this process is not run again in it.

    Args:
        module: The module.
        path: The module search path, so that the same plug-ins are found.
        numbers: The arguments of ``main``.
    """
    code = (
        "import json, sys; sys.path[:] = json.loads(sys.argv[1]); "
        f"from {module} import main; main(*map(int, sys.argv[2:]))"
    )
    flags = subprocess._args_from_interpreter_flags()  # type: ignore[attr-defined]  # -W, -X, -O, …
    return [sys.executable, *flags, "-c", code, json.dumps(list(path)), *map(str, numbers)]
