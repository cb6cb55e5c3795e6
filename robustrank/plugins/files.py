"""Plug-ins in files: ``path/mine.py`` is imported without being installed."""

from __future__ import annotations

import hashlib
import importlib.util
import sys
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

from robustrank.errors import PluginError, UsageError
from robustrank.plugins.registry import Kind, checked_class, import_failure


def class_in_file(path: str, attribute: str, kind: Kind) -> type[Any]:
    """Return the plug-in class of a file: the one named, or the only one of its kind.

    Raises:
        UsageError: There is no such file.
        PluginError: It cannot be imported, leaves the interpreter, or has none or several classes of the kind.
    """
    module = _module_of_file(path)
    if attribute:
        if not hasattr(module, attribute):
            raise PluginError(f"{path} defines no {attribute!r}", where=path)
        return checked_class(getattr(module, attribute), kind, path)
    contract = kind.load_contract()
    classes = [
        value
        for value in vars(module).values()
        if isinstance(value, type) and issubclass(value, contract) and value.__module__ == module.__name__
    ]
    if len(classes) != 1:
        names = ", ".join(cls.__name__ for cls in classes) or "none"
        raise PluginError(
            f"{path} defines {len(classes)} {kind.name} classes ({names}), and one is needed",
            where=path,
            hint=f"name it: {path}:Class",
        )
    return checked_class(classes[0], kind, path)


@cache
def _module_of_file(path: str) -> ModuleType:
    file = Path(path).expanduser().resolve()
    if not file.is_file():
        raise UsageError(
            f"there is no plug-in file {path!r}", where=str(file), hint="paths start at the current folder"
        )
    name = f"robustrank_file_{hashlib.sha256(str(file).encode()).hexdigest()[:12]}"
    module_spec = importlib.util.spec_from_file_location(name, file)
    if module_spec is None or module_spec.loader is None:
        raise PluginError(f"{path!r} cannot be read as a Python file", where=str(file))
    module = importlib.util.module_from_spec(module_spec)
    sys.modules[name] = module  # dataclasses look their module up while the file is executed
    try:
        module_spec.loader.exec_module(module)
    except BaseException as error:
        del sys.modules[name]
        if isinstance(error, KeyboardInterrupt):
            raise
        raise import_failure(error, str(file)) from error
    return module
