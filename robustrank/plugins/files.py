"""Plug-ins in files: ``path/mine.py`` is imported as a module of a package that is generated for its folder.

So ``from .helper import X`` imports the file beside it, and equally named helpers of two folders are two modules.
"""

from __future__ import annotations

import hashlib
import importlib
import sys
from collections.abc import Sequence
from importlib.machinery import (
    EXTENSION_SUFFIXES,
    SOURCE_SUFFIXES,
    ExtensionFileLoader,
    FileFinder,
    ModuleSpec,
    SourceFileLoader,
)
from importlib.util import spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any, ClassVar

from robustrank.errors import PluginError, UsageError
from robustrank.paths import given_path
from robustrank.plugins.failure import plugin_code
from robustrank.plugins.output import little_output
from robustrank.plugins.registry import Kind, checked_class, import_failure

PACKAGE_PREFIX = "robustrank_files_"  # and a hash of the folder

_Stamp = tuple[tuple[str, int, int], ...]
_loaded: dict[str, tuple[ModuleType, _Stamp]] = {}  # by the file's path


def class_in_file(path: str, attribute: str, kind: Kind) -> type[Any]:
    """Return the plug-in class of a file: the one named, or the only one of its kind.

    Raises:
        UsageError: There is no such file.
        PluginError: It cannot be imported, leaves the interpreter, or has none or several classes of the kind.
    """
    module = _module_of_file(path)
    with plugin_code(path, "its module"):
        return _class_in_module(module, path, attribute, kind)


def _class_in_module(module: ModuleType, path: str, attribute: str, kind: Kind) -> type[Any]:
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


def forget_changed_files() -> None:
    """Drop the packages of file plug-ins of which a file has changed; the next use imports them anew."""
    stamps = _stamps(PACKAGE_PREFIX)
    loaded = {(_package_of(module), stamp) for module, stamp in _loaded.values()}
    changed = {package for package, stamp in loaded if stamps.get(package, ()) != stamp}
    for package in changed:
        for name in [name for name in sys.modules if name.partition(".")[0] == package]:
            del sys.modules[name]
    for path in [path for path, (module, _) in _loaded.items() if _package_of(module) in changed]:
        del _loaded[path]


def _module_of_file(path: str) -> ModuleType:
    file = given_path(path).resolve()
    if str(file) in _loaded:
        return _loaded[str(file)][0]
    if not file.is_file():
        raise UsageError(
            f"there is no plug-in file {path!r}", where=str(file), hint="paths start at the current folder"
        )
    if "." in file.stem:
        raise PluginError(f"{file.stem!r} cannot name a module", where=str(file), hint="rename it: no dot before .py")
    before = set(sys.modules)
    package = _package(file.parent)
    try:
        with little_output():
            module = importlib.import_module(f"{package}.{file.stem}")
        if not isinstance(module, ModuleType):
            raise TypeError("it puts something else in its module's place")
    except BaseException as error:
        for name in [name for name in sys.modules if name not in before and name.partition(".")[0] == package]:
            del sys.modules[name]
        if isinstance(error, KeyboardInterrupt):
            raise
        raise _with_hint(import_failure(error, str(file)), error, file.parent) from error
    _loaded[str(file)] = module, _stamps(package).get(package, ())
    return module


def _package(folder: Path) -> str:
    """Return the name of the package that is generated for a folder."""
    name = PACKAGE_PREFIX + hashlib.sha256(str(folder).encode()).hexdigest()[:12]
    _Finder.folders[name] = folder
    return name


def _package_of(module: ModuleType) -> str:
    return module.__name__.partition(".")[0]


def _stamps(prefix: str) -> dict[str, _Stamp]:
    """Return the state of the files that were imported from plug-ins' folders, by those of their packages so named."""
    stamps: dict[str, _Stamp] = {}
    for name in sorted(name for name in sys.modules if name.startswith(prefix)):
        origin = getattr(sys.modules[name], "__file__", None)
        if origin is not None:
            status = Path(origin).stat() if Path(origin).exists() else None
            stamp = name, status.st_mtime_ns if status else 0, status.st_size if status else -1
            package = name.partition(".")[0]
            stamps[package] = (*stamps.get(package, ()), stamp)
    return stamps


def _with_hint(failure: PluginError, error: BaseException, folder: Path) -> PluginError:
    missing = error.name if isinstance(error, ModuleNotFoundError) else None
    if missing and (folder / f"{missing.partition('.')[0]}.py").exists():
        hint = f"a file beside a plug-in is imported with a dot: from .{missing} import …"
        return PluginError(failure.what, where=failure.where, hint=hint)
    return failure


class _Loader(SourceFileLoader):
    """Compiles a source file each time: cached bytecode tells versions apart by whole seconds."""

    def path_stats(self, path: Any) -> Any:
        """Refuse, as a loader does that has no bytecode."""
        raise OSError("bytecode is not used")


class _Finder:
    """Finds the modules of the packages that stand for folders."""

    folders: ClassVar[dict[str, Path]] = {}

    @classmethod
    def find_spec(
        cls,
        name: str,
        path: Sequence[str] | None = None,
        target: object = None,  # noqa: ARG003 - the protocol's
    ) -> ModuleSpec | None:
        """Return where a module is, or None where it is no module of such a package."""
        package, _, rest = name.partition(".")
        folder = cls.folders.get(package)
        if folder is None:
            return None
        if rest:
            details = (ExtensionFileLoader, EXTENSION_SUFFIXES), (_Loader, SOURCE_SUFFIXES)
            finder = FileFinder(path[0] if path else str(folder), *details)
            return finder.find_spec(name)
        file = folder / "__init__.py"
        if file.exists():
            loader = _Loader(name, str(file))
            return spec_from_file_location(name, file, loader=loader, submodule_search_locations=[str(folder)])
        spec = ModuleSpec(name, None, is_package=True)
        spec.submodule_search_locations = [str(folder)]
        return spec


sys.meta_path.insert(0, _Finder)  # before the finder of paths, which would use bytecode
