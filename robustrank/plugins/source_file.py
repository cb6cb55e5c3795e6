"""What a Python file says: a digest of its normalised syntax tree, and what it imports.

Parsing is most of the time of a plan, so what a file says is kept on disk, under the digest of its content.
"""

from __future__ import annotations

import ast
import hashlib
import json
import sys
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from robustrank.errors import DataError
from robustrank.kept import room
from robustrank.storage import write_file

# Functions that load a module, or a file of a package, by a name in their first argument.
_LOADERS = frozenset({"import_module", "__import__", "find_spec", "distribution", "files", "package_folder"})
_DATA_MODULES = frozenset({"importlib.resources", "pkgutil"})  # what reads files beside a module, as does __file__
_KEPT = 2_000  # files of which it is kept what they say: those that were used last


class SourceFile(NamedTuple):
    """What a Python file says.

    Attributes:
        digest: Of its normalised syntax tree.
        imports: The names it imports, as they stand: (level, module, names); level 0 is absolute.
        strings: Its string constants, if it reads files beside it; a constant may name one.
    """

    digest: str
    imports: tuple[tuple[int, str, tuple[str, ...]], ...]
    strings: tuple[str, ...]


@cache
def read_source(path: Path, modified: int, size: int) -> SourceFile:  # noqa: ARG001 - they are in the cache's key
    """Return what a file says.

    Args:
        path: The file.
        modified: When it was changed, in nanoseconds.
        size: Its size in bytes.
    """
    raw = path.read_bytes()
    if path.suffix != ".py":
        return SourceFile(digest([raw.hex()]), (), ())
    return _sources(room()).of(raw)


def keep_sources() -> None:
    """Keep what the files say that were read."""
    _sources(room()).keep()


def digest(texts: Iterable[str]) -> str:
    """Return a hash of texts, in 32 hexadecimal digits."""
    hashed = hashlib.sha256()
    for text in texts:
        hashed.update(text.encode("utf-8", "surrogatepass") + b"\n")
    return hashed.hexdigest()[:32]


class _Sources:
    """What files say, by the digest of their content, as a file keeps it: a digest, and a JSON text.

    The name of the file tells what has read them: this module, and Python's parser.

    Args:
        folder: The folder of the file.
    """

    def __init__(self, folder: Path) -> None:
        reader = digest([sys.version, Path(__file__).read_text(encoding="utf-8")])
        self._path, self._has_new = folder / "sources" / f"{reader}.json", False
        self._known = self._opened()

    def of(self, raw: bytes) -> SourceFile:
        key = hashlib.sha256(raw).hexdigest()
        known = self._known.pop(key, None)
        if known is None:
            known, self._has_new = _parsed(raw), True
        self._known[key] = known  # behind all that were used before
        return known

    def keep(self) -> None:
        if not self._has_new:
            return
        text = json.dumps(dict(list(self._known.items())[-_KEPT:]))
        with suppress(DataError):  # of a cache that cannot be written: the files are parsed again, next time
            write_file(self._path, f"{digest([text])}\n{text}")
        self._has_new = False

    def _opened(self) -> dict[str, SourceFile]:
        try:
            kept, _, text = self._path.read_text(encoding="utf-8").partition("\n")
        except (OSError, UnicodeDecodeError):
            return {}
        if kept != digest([text]):  # it is damaged
            return {}
        return {
            key: SourceFile(
                of_tree, tuple((level, module, tuple(names)) for level, module, names in imports), tuple(strings)
            )
            for key, (of_tree, imports, strings) in json.loads(text).items()
        }


_sources = cache(_Sources)


def _parsed(raw: bytes) -> SourceFile:
    reader = _Reader(keeps_docstrings=b"__doc__" in raw)
    reader.read(ast.parse(raw))
    return SourceFile(
        digest(["".join(reader.written)]), tuple(reader.imports), tuple(sorted(reader.strings)) * reader.reads
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
