"""The source of a plug-in: its module and its imports from the same package and from robustrank, hashed.

What is hashed is the syntax tree without comments, docstrings and positions, under the module's name and not its path:
an edit that computes nothing changes nothing, and a wheel equals an editable install.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType

from robustrank.plugins.distributions import is_followed
from robustrank.plugins.files import PACKAGE_PREFIX
from robustrank.plugins.source_file import SourceFile, digest, keep_sources, read_source

# What trains a ranker decides the cells of trained rankers alone; it is in the identity of their weights.
_APART = frozenset({"robustrank.engine.fitting"})


@dataclass(frozen=True)
class Closure:
    """A set of modules that is closed under imports.

    Attributes:
        digest: Of the source of all of them.
        modules: Their names.
        libraries: The top-level modules of other distributions that they import.
    """

    digest: str
    modules: frozenset[str]
    libraries: frozenset[str]


@cache
def closure(*roots: str) -> Closure:
    """Return the modules that these import, at any place of a file, from the packages of the roots and from robustrank.

    Modules that no installed distribution has are followed too, since no version tells them apart. The answer is
    remembered until :func:`forget_closures`.
    """
    root_packages = frozenset(root.partition(".")[0] for root in roots)
    digests: dict[str, str] = {}
    libraries: set[str] = set()
    waiting = list(roots)
    seen = set(roots)
    while waiting:
        name = waiting.pop()
        module = _module(name, root_packages)
        if module is None:
            continue
        digests[plain_name(name)], imports = module
        for imported in imports:
            top = imported.partition(".")[0]
            if _is_ours(top, root_packages):
                if imported not in seen and imported not in _APART:
                    seen.add(imported)
                    waiting.append(imported)
            elif top not in sys.stdlib_module_names:
                libraries.add(top)
    keep_sources()
    whole = digest(f"{name} {digests[name]}" for name in sorted(digests))
    return Closure(whole, frozenset(seen), frozenset(libraries))


@cache
def _module(name: str, root_packages: frozenset[str]) -> tuple[str, tuple[str, ...]] | None:
    """Return the digest of a module and the files it reads beside it, and what it imports; None without a file."""
    spec = _spec(name)
    if spec is None or spec.origin is None or not Path(spec.origin).is_file():
        return None
    source = _source(name, Path(spec.origin))
    data = _files_beside(Path(spec.origin).parent, source.strings)
    whole = source.digest if not data else f"{source.digest} {digest(data)}"
    return whole, tuple(_imported(name, spec, source, root_packages))


def plain_name(module: str) -> str:
    """Return a module's name without the generated package of a folder of file plug-ins."""
    return module.partition(".")[2] if module.startswith(PACKAGE_PREFIX) else module


def forget_closures() -> None:
    """Read changed files again at the next use."""
    closure.cache_clear()
    _module.cache_clear()


def _is_ours(top: str, root_packages: frozenset[str]) -> bool:
    """Return whether the modules of a top-level package are hashed, not told apart by a version."""
    return top in root_packages or is_followed(top)


def _imported(module: str, spec: ModuleSpec, source: SourceFile, root_packages: frozenset[str]) -> Iterator[str]:
    """Yield the full names of the modules that a module imports; a package's `__init__` counts if a name is from it."""
    package = module if spec.submodule_search_locations is not None else module.rpartition(".")[0]
    for level, target, names in source.imports:
        base = target
        if level:
            parts = package.split(".")
            base = ".".join([*parts[: len(parts) - level + 1], *([target] if target else [])])
        in_ours = bool(base) and _is_ours(base.partition(".")[0], root_packages)
        submodules = [f"{base}.{name}" for name in names if in_ours and _is_module(base, name)]
        yield from submodules
        if base and (len(submodules) < len(names) or not names):
            yield base


def _is_module(package: str, name: str) -> bool:
    """Return whether a name that is imported from a package is a module of it."""
    if name == "*":
        return False
    spec = _spec(package)
    return spec is not None and spec.submodule_search_locations is not None and _spec(f"{package}.{name}") is not None


def _spec(name: str) -> ModuleSpec | None:
    """Return where a module is, without importing it or its parents."""
    loaded: ModuleSpec | None = getattr(sys.modules.get(name), "__spec__", None)
    if loaded is not None:
        return loaded
    parent, _, _ = name.rpartition(".")
    path = None
    if parent:
        above = _spec(parent)
        if above is None or above.submodule_search_locations is None:
            return None
        path = list(above.submodule_search_locations)
    for finder in sys.meta_path:
        spec = finder.find_spec(name, path) if hasattr(finder, "find_spec") else None
        if spec is not None:
            return spec
    return None


_loaded: dict[str, tuple[ModuleType, SourceFile]] = {}


def _source(name: str, path: Path) -> SourceFile:
    """Return what the file of a module says; of a module that is loaded, what it said when it was first looked at.

    The code of a loaded module does not change with its file.
    """
    module, known = sys.modules.get(name), _loaded.get(name)
    if module is not None and known is not None and known[0] is module:
        return known[1]
    status = path.stat()
    source = read_source(path, status.st_mtime_ns, status.st_size)
    if module is not None:
        _loaded[name] = module, source
    return source


def _files_beside(folder: Path, strings: Iterable[str]) -> list[str]:
    """Return a line for each file beside a module that one of its strings names, itself or by the folder it is in."""
    lines = []
    for string in strings:
        if not string.strip("./") or len(string) > 200 or "\0" in string or Path(string).is_absolute():
            continue
        path = folder / string
        files = [path] if path.is_file() else [file for file in path.rglob("*") if file.is_file()]
        lines += [
            f"{file.relative_to(folder).as_posix()} {hashlib.sha256(file.read_bytes()).hexdigest()}"
            for file in sorted(files)
            if file.suffix not in {".py", ".pyc"}
        ]
    return lines
