"""The source of a plug-in: its module and its imports from the same package and from robustrank, hashed.

What is hashed is the syntax tree without comments, docstrings and positions, under the module's name and not its path:
an edit that computes nothing changes nothing, and a wheel equals an editable install.
"""

from __future__ import annotations

import ast
import hashlib
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any

from robustrank.plugins.distributions import is_followed
from robustrank.plugins.files import PACKAGE_PREFIX

# What trains a ranker decides the cells of trained rankers alone; it is in the identity of their weights.
_APART = frozenset({"robustrank.engine.fitting"})
# Functions that load a module, or a file of a package, by a name in their first argument.
_LOADERS = frozenset({"import_module", "__import__", "find_spec", "distribution", "files", "package_folder"})
_DATA_MODULES = frozenset({"importlib.resources", "pkgutil"})  # what reads files beside a module, as does __file__


@dataclass(frozen=True)
class SourceFile:
    """What a Python file says.

    Attributes:
        digest: Of its normalised syntax tree.
        imports: The names it imports, as they stand: (level, module, names); level 0 is absolute.
        strings: Its string constants, if it reads files beside it; a constant may name one.
    """

    digest: str
    imports: tuple[tuple[int, str, tuple[str, ...]], ...]
    strings: tuple[str, ...]


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
    digest = _digest(f"{name} {digests[name]}" for name in sorted(digests))
    return Closure(digest, frozenset(seen), frozenset(libraries))


@cache
def _module(name: str, root_packages: frozenset[str]) -> tuple[str, tuple[str, ...]] | None:
    """Return the digest of a module and the files it reads beside it, and what it imports; None without a file."""
    spec = _spec(name)
    if spec is None or spec.origin is None or not Path(spec.origin).is_file():
        return None
    source = _source(name, Path(spec.origin))
    data = _files_beside(Path(spec.origin).parent, source.strings)
    digest = source.digest if not data else f"{source.digest} {_digest(data)}"
    return digest, tuple(_imported(name, spec, source, root_packages))


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
    source = _read(path, status.st_mtime_ns, status.st_size)
    if module is not None:
        _loaded[name] = module, source
    return source


@cache
def _read(path: Path, modified: int, size: int) -> SourceFile:  # noqa: ARG001 - they are in the cache's key
    raw = path.read_bytes()
    if path.suffix != ".py":
        return SourceFile(_digest([raw.hex()]), (), ())
    reader = _Reader(keeps_docstrings=b"__doc__" in raw)
    reader.read(ast.parse(raw))
    return SourceFile(
        _digest(["".join(reader.written)]), tuple(reader.imports), tuple(sorted(reader.strings)) * reader.reads
    )


@dataclass
class _Reader:
    """Writes down a syntax tree without what computes nothing, and notes what it imports."""

    keeps_docstrings: bool  # the module reads docstrings, so they compute
    reads: bool = False  # whether it reads files beside it
    imports: list[tuple[int, str, tuple[str, ...]]] = field(default_factory=list)
    strings: set[str] = field(default_factory=set)
    written: list[str] = field(default_factory=list)

    def read(self, value: Any) -> None:
        """Write a node with its fields, a list, or a value in a field."""
        write = self.written.append
        if isinstance(value, ast.AST):
            kind = type(value)
            if note := _NOTES.get(kind):
                note(self, value)
            write(kind.__name__)
            for name in kind._fields:
                if name not in _IMPLIED and (child := getattr(value, name, None)) is not None:
                    write(name)
                    self.read(child)
            write(")")
        elif isinstance(value, list):
            for item in value:
                for left in self._left(item) if type(item) in _DROPPED else (item,):
                    self.read(left)
            write("]")
        else:
            write(f"{value!r},")

    def _left(self, node: Any) -> list[Any]:
        """Return what of a statement computes anything."""
        if isinstance(node, ast.Expr):
            is_text = isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
            return [] if is_text and not self.keeps_docstrings else [node]
        if isinstance(node, ast.FunctionDef):  # what a report shows of a task computes none of its rows
            is_report = node.name == "report" and node.returns and ast.unparse(node.returns).endswith("TaskReport")
            return [] if is_report else [node]
        if _name(node.test) == "TYPE_CHECKING":
            return [left for statement in node.orelse for left in self._left(statement)]
        return [node]

    def _note_constant(self, node: ast.Constant) -> None:
        if isinstance(node.value, str):
            self.strings.add(node.value)

    def _note_name(self, node: ast.Name) -> None:
        self.reads = self.reads or node.id == "__file__"

    def _note_import(self, node: ast.Import) -> None:
        for alias in node.names:
            self._add(0, alias.name, ())

    def _note_import_from(self, node: ast.ImportFrom) -> None:
        self._add(node.level, node.module or "", tuple(alias.name for alias in node.names))

    def _note_call(self, node: ast.Call) -> None:
        first = node.args[0] if node.args else None
        if _name(node.func) in _LOADERS and isinstance(first, ast.Constant) and isinstance(first.value, str):
            self._add(0, first.value, ())

    def _add(self, level: int, module: str, names: tuple[str, ...]) -> None:
        self.imports.append((level, module, names))
        self.reads = self.reads or module in _DATA_MODULES or (module == "importlib" and "resources" in names)


_DROPPED = frozenset({ast.Expr, ast.FunctionDef, ast.If})  # kinds of statements that may compute nothing
_IMPLIED = frozenset({"ctx", "kind", "type_comment"})  # fields that other nodes tell, or that compute nothing
_NOTES: dict[type[ast.AST], Callable[[_Reader, Any], None]] = {
    ast.Constant: _Reader._note_constant,
    ast.Name: _Reader._note_name,
    ast.Import: _Reader._note_import,
    ast.ImportFrom: _Reader._note_import_from,
    ast.Call: _Reader._note_call,
}


def _name(node: ast.expr) -> str:
    """Return the last part of a dotted name; nothing of another expression."""
    return node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")


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


def _digest(texts: Iterable[str]) -> str:
    digest = hashlib.sha256()
    for text in texts:
        digest.update(text.encode("utf-8", "surrogatepass") + b"\n")
    return digest.hexdigest()[:32]
