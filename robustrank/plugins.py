"""A typed, lazy registry over entry points; built-in plug-ins are registered exactly as a third party's are.

Nothing is imported until it is asked for. A plug-in that cannot be imported, is not of its kind, or shares its name
with another is unavailable, with the reason, and hurts nobody else.
"""

from __future__ import annotations

import ast
import dataclasses
import hashlib
import importlib
import importlib.util
import inspect
import sys
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import ModuleType
from typing import Any, get_type_hints

from robustrank.errors import PluginError, RobustrankError, UsageError, nearest
from robustrank.specification import Spec


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
    )
}


@dataclass(frozen=True)
class Parameter:
    """A parameter of a plug-in: a dataclass field and the comment beside it."""

    name: str
    type: str
    default: Any  # dataclasses.MISSING when it must be given
    description: str

    @property
    def required(self) -> bool:
        """Whether it has no default."""
        return self.default is dataclasses.MISSING


@dataclass(frozen=True)
class Plugin:
    """A plug-in that was found; :meth:`load` imports it."""

    kind: Kind
    name: str
    value: str  # "module:Class"
    origin: str  # "distribution version", or the file
    clash: str = ""  # why the name cannot be used

    def load(self) -> type[Any]:
        """Import the class.

        Raises:
            PluginError: It cannot be imported, is not of its kind, or its name clashes; the cause is in the message.
        """
        where = f"{self.kind.name} {self.name!r} from {self.origin} ({self.value})"
        if self.clash:
            raise PluginError(self.clash, where=where, hint="name it by import path: module:Class")
        try:
            found = EntryPoint(self.name, self.value, self.kind.group).load()
        except Exception as error:
            raise PluginError(
                f"cannot be imported: {type(error).__name__}: {error}",
                where=where,
                hint="install what it needs, or ask its author",
            ) from error
        return _checked(found, self.kind, where)


@cache
def registry(kind: str) -> dict[str, Plugin]:
    """Return the plug-ins of a kind by name, sorted, none of them imported."""
    group = KINDS[kind]
    found: dict[str, Plugin] = {}
    for point in sorted(entry_points(group=group.group), key=lambda p: (p.name, p.value)):
        origin = f"{point.dist.name} {point.dist.version}" if point.dist else "unknown"
        plugin = Plugin(group, point.name, point.value, origin)
        other = found.get(point.name)
        if other is not None and (other.value, other.origin) != (plugin.value, plugin.origin):
            clash = f"the name is offered twice: by {other.origin} ({other.value}) and {origin} ({point.value})"
            plugin = dataclasses.replace(other, clash=clash)
        found[point.name] = plugin
    return found


def find(kind: str, name: str) -> type[Any]:
    """Return the class behind a name, a file ``path.py[:Class]`` or an import path ``module:Class``.

    Raises:
        UsageError: No plug-in has that name; the nearest names are in the hint.
        PluginError: It was found and cannot be used.
    """
    plugin = registry(kind).get(name)
    if plugin is not None:
        return plugin.load()
    target, _, attribute = name.partition(":")
    if target.endswith(".py"):
        return _from_module(_module_of_file(target), attribute, KINDS[kind], target)
    if attribute:
        return Plugin(KINDS[kind], name, name, "its import path").load()
    raise UsageError(
        f"there is no {kind} named {name!r}",
        allowed=", ".join(registry(kind)) or "none is installed",
        hint=nearest(name, registry(kind)) or f"robustrank list {kind}s; or give a file: path/to/{kind}.py",
    )


def create(kind: str, spec: Spec) -> Any:
    """Return the plug-in of ``spec``, its parameters checked against its dataclass fields.

    Raises:
        UsageError: Unknown plug-in or parameter, a missing parameter, or a value of the wrong type.
        PluginError: The plug-in cannot be used, or its constructor raised.
    """
    found = find(kind, spec.name)
    values = _checked_parameters(found, spec, kind)
    try:
        return found(**values)
    except RobustrankError:
        raise
    except (ValueError, TypeError) as error:
        raise UsageError(f"{kind} {spec.text!r}: {error}", hint=f"robustrank describe {kind} {spec.name}") from error


def parameters(found: type) -> list[Parameter]:
    """Return the parameters of a plug-in class: its dataclass fields, described by the comments beside them."""
    if not dataclasses.is_dataclass(found):
        return []
    comments = _field_comments(found)
    return [
        Parameter(
            field.name,
            field.type if isinstance(field.type, str) else getattr(field.type, "__name__", str(field.type)),
            field.default if field.default_factory is dataclasses.MISSING else field.default_factory(),
            comments.get(field.name, ""),
        )
        for field in dataclasses.fields(found)
        if field.init
    ]


def code_digest(found: type) -> str:
    """Return a hash of the file a plug-in class stands in and of its siblings it imports, for the keys of its cells."""
    path = inspect.getsourcefile(found)
    digest = hashlib.sha256()
    for source in _with_siblings(Path(path)) if path else ():
        digest.update(source.read_bytes())
    return digest.hexdigest()[:16]


def _with_siblings(path: Path) -> list[Path]:
    """Return a source file, those beside it that it imports relatively, those that these import, and so on."""
    found = [path]
    for source in found:  # which grows while it is read
        for node in ast.walk(ast.parse(source.read_bytes())):
            if isinstance(node, ast.ImportFrom) and node.level == 1:
                names = [node.module] if node.module else [alias.name for alias in node.names]
                siblings = [source.with_name(f"{name}.py") for name in names]
                found += [sibling for sibling in siblings if sibling.exists() and sibling not in found]
    return found


def availability(kind: str) -> Iterator[tuple[Plugin, type[Any] | None, str]]:
    """Yield every plug-in of a kind with its class, or with the reason why it is unavailable."""
    for plugin in registry(kind).values():
        try:
            yield plugin, plugin.load(), ""
        except PluginError as error:
            yield plugin, None, error.what


def _checked_parameters(found: type, spec: Spec, kind: str) -> dict[str, Any]:
    from pydantic import ConfigDict, TypeAdapter, ValidationError

    known = {parameter.name: parameter for parameter in parameters(found)}
    for key in spec.parameters:
        if key not in known:
            raise UsageError(
                f"{kind} {spec.name!r} has no parameter {key!r}",
                where=spec.text,
                allowed=", ".join(known) or "it takes none",
                hint=nearest(key, known) or f"robustrank describe {kind} {spec.name}",
            )
    missing = [name for name, parameter in known.items() if parameter.required and name not in spec.parameters]
    if missing:
        raise UsageError(
            f"{kind} {spec.name!r} needs {', '.join(missing)}",
            where=spec.text,
            hint=f"robustrank describe {kind} {spec.name}",
        )
    hints, values = get_type_hints(found), {}
    for key, value in spec.parameters.items():
        try:
            adapter: TypeAdapter[Any] = TypeAdapter(hints[key], config=ConfigDict(allow_inf_nan=False))
            values[key] = adapter.validate_python(value)
        except ValidationError as error:
            reason = "; ".join(detail["msg"] for detail in error.errors())
            raise UsageError(
                f"{key}={value!r} of {kind} {spec.name!r}: {reason}",
                where=spec.text,
                allowed=f"{known[key].type} ({known[key].description or 'see describe'})",
                hint=f"robustrank describe {kind} {spec.name}",
            ) from error
    return values


def _checked(found: Any, kind: Kind, where: str) -> type[Any]:
    contract = kind.load_contract()
    if not (isinstance(found, type) and issubclass(found, contract)):
        raise PluginError(f"{found!r} is not a subclass of {kind.contract}", where=where)
    if inspect.isabstract(found):
        lacking = ", ".join(sorted(getattr(found, "__abstractmethods__", ())))
        raise PluginError(f"it does not implement {lacking}", where=where)
    return found


def _from_module(module: ModuleType, attribute: str, kind: Kind, where: str) -> type[Any]:
    if attribute:
        if not hasattr(module, attribute):
            raise PluginError(f"{where} defines no {attribute!r}", where=where)
        return _checked(getattr(module, attribute), kind, where)
    contract = kind.load_contract()
    found = [
        value
        for value in vars(module).values()
        if isinstance(value, type) and issubclass(value, contract) and value.__module__ == module.__name__
    ]
    if len(found) != 1:
        names = ", ".join(cls.__name__ for cls in found) or "none"
        raise PluginError(
            f"{where} defines {len(found)} {kind.name} classes ({names}), and one is needed",
            where=where,
            hint=f"name it: {where}:Class",
        )
    return _checked(found[0], kind, where)


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
    except Exception as error:
        del sys.modules[name]
        raise PluginError(f"cannot be imported: {type(error).__name__}: {error}", where=str(file)) from error
    return module


def _field_comments(found: type) -> dict[str, str]:
    """Return the comment beside each annotated name, over the class and its bases."""
    comments: dict[str, str] = {}
    for cls in reversed(found.__mro__[:-1]):
        try:
            source = textwrap.dedent(inspect.getsource(cls))
        except (OSError, TypeError):
            continue
        lines = source.splitlines()
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
                for line in lines[node.lineno - 1 : node.end_lineno]:
                    if "  # " in line:
                        comments[node.target.id] = line.partition("  # ")[2].strip()
    return comments
