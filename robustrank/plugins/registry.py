"""A typed, lazy registry over entry points; built-in plug-ins are registered exactly as a third party's are.

A plug-in is imported at its first use. A plug-in that cannot be imported, is not of its kind, or shares its name
with another is unavailable, with the reason, and hurts nobody else.
"""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import traceback
from dataclasses import dataclass
from functools import cache
from importlib.metadata import Distribution, EntryPoint, entry_points
from pathlib import Path
from typing import Any, ClassVar, get_args, get_origin, get_type_hints
from weakref import WeakSet

from robustrank.errors import PluginError
from robustrank.plugins.failure import name_and_message, place_of, shown
from robustrank.plugins.values import in_words, is_exactly


@dataclass(frozen=True)
class Kind:
    """A catalogue: its entry-point group and the contract its plug-ins subclass ("module:Class")."""

    name: str
    contract: str

    @property
    def group(self) -> str:
        """The entry-point group."""
        return f"robustrank.{self.name}s"

    def load_contract(self) -> type:
        """Import the class every plug-in of this kind subclasses."""
        module, _, name = self.contract.partition(":")
        contract: type = getattr(importlib.import_module(module), name)
        return contract


KINDS: dict[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind("task", "robustrank.task:Task"),
        Kind("attack", "robustrank.attack:Attack"),
        Kind("defense", "robustrank.defense:Defense"),
        Kind("ranker", "robustrank.rankers.ranker:Ranker"),
        Kind("collection", "robustrank.collections.reader:CollectionReader"),
        Kind("retriever", "robustrank.retrieval.retriever:Retriever"),
        Kind("llm", "robustrank.rankers.llm.backend:Backend"),
    )
}


@dataclass(frozen=True)
class Plugin:
    """A registered plug-in; :meth:`load` imports it."""

    kind: Kind
    name: str
    value: str  # "module:Class"
    origin: str  # "distribution version", or the file
    clash: str = ""  # why the name cannot be used

    def load(self) -> type[Any]:
        """Import the class.

        Raises:
            PluginError: It cannot be imported, leaves the interpreter, is not of its kind, or its name clashes.
        """
        where = f"{self.kind.name} {self.name!r} from {self.origin} ({self.value})"
        if self.clash:
            raise PluginError(self.clash, where=where, hint="name it by import path: module:Class")
        try:
            plugin = EntryPoint(self.name, self.value, self.kind.group).load()
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            raise import_failure(error, where) from error
        return checked_class(plugin, self.kind, where)


@cache
def registry(kind: str) -> dict[str, Plugin]:
    """Return the plug-ins of a kind by name, sorted, none of them imported."""
    group = KINDS[kind]
    plugins: dict[str, Plugin] = {}
    for point in sorted(entry_points(group=group.group), key=lambda p: (p.name, p.value)):
        origin = _origin(point.dist)
        plugin = Plugin(group, point.name, point.value, origin)
        first = plugins.get(point.name)
        if first is not None and (first.value, first.origin) != (plugin.value, plugin.origin):
            clash = f"the name is offered twice: by {first.origin} ({first.value}) and {origin} ({point.value})"
            plugin = dataclasses.replace(first, clash=clash)
        plugins[point.name] = plugin
    return plugins


@cache
def _origin(dist: Distribution | None) -> str:
    return f"{dist.name} {dist.version}" if dist else "unknown"  # each reads the metadata of the distribution


def checked_class(value: Any, kind: Kind, where: str) -> type[Any]:
    """Return ``value`` if it is a concrete class of the kind's contract.

    Raises:
        PluginError: It is not a subclass of the contract, lacks a method, or has an attribute of a wrong type.
    """
    if isinstance(value, type) and value in _checked[kind.name]:
        return value
    contract = kind.load_contract()
    if not (isinstance(value, type) and issubclass(value, contract)):
        raise PluginError(f"{shown(value)} is not a subclass of {kind.contract}", where=where)
    where = f"{place_of(value)}, class {value.__name__}"
    if inspect.isabstract(value):
        lacking = ", ".join(sorted(getattr(value, "__abstractmethods__", ())))
        raise PluginError(f"it does not implement {lacking}", where=where)
    for name, hint in _attributes(contract).items():
        attribute = inspect.getattr_static(value, name, None)
        if not hasattr(attribute, "__get__") and not is_exactly(hint, attribute):
            raise PluginError(f"its {name} is {shown(attribute)}", where=where, allowed=in_words(hint))
    _checked[kind.name].add(value)
    return value


_checked = {kind: WeakSet[type]() for kind in KINDS}  # a plan asks for each class in every cell


@cache
def _attributes(contract: type) -> dict[str, Any]:
    """Return the types of the attributes that a contract declares, by name."""
    hints = get_type_hints(contract, include_extras=True)
    return {name: get_args(hint)[0] if get_origin(hint) is ClassVar else hint for name, hint in hints.items()}


def import_failure(error: BaseException, where: str) -> PluginError:
    """Return the error that says why a plug-in's module could not be imported."""
    if isinstance(error, SystemExit):
        return PluginError(
            f"it left the interpreter when it was imported (exit status {error.code!r})",
            where=f"{where}{_place(error, where)}",
            hint="a plug-in's module defines classes; keep scripts under: if __name__ == '__main__'",
        )
    return PluginError(
        f"cannot be imported: {name_and_message(error)}",
        where=f"{where}{_place(error, where)}",
        hint="install what it needs, or ask its author",
    )


def _place(error: BaseException, file: str) -> str:
    """Return the line at which an import failed: of the file, or of another that it imports."""
    if isinstance(error, SyntaxError) and error.lineno:
        path, line = error.filename or file, error.lineno
    else:
        ours = (importlib.__path__[0], str(Path(__file__).parent), "<frozen")
        frames = [frame for frame in traceback.extract_tb(error.__traceback__) if not frame.filename.startswith(ours)]
        if not frames:
            return ""
        frames = [frame for frame in frames if frame.filename == file] or frames
        path, line = frames[-1].filename, frames[-1].lineno or 0
    return f":{line}" if path == file else f", {path}:{line}"
