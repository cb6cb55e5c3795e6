"""The parameters of a plug-in: its dataclass fields, the comments beside them, and the check of their values."""

from __future__ import annotations

import ast
import dataclasses
import inspect
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, get_type_hints
from weakref import WeakKeyDictionary

from robustrank.errors import PluginError, UsageError, nearest
from robustrank.plugins.failure import name_and_message, place_of, plugin_code, shown
from robustrank.plugins.specification import Spec
from robustrank.plugins.values import InvalidType, InvalidValue, check_type, excerpt, in_words, read_value


@dataclass(frozen=True)
class Parameter:
    """A parameter of a plug-in: a dataclass field and the comment beside it.

    Attributes:
        name: The field's.
        hint: Its type, with the range of its numbers.
        default: dataclasses.MISSING when it must be given.
        description: The comment.
    """

    name: str
    hint: Any
    default: Any
    description: str

    @property
    def required(self) -> bool:
        """Whether it has no default."""
        return self.default is dataclasses.MISSING

    @property
    def allowed(self) -> str:
        """The allowed values, in words."""
        return in_words(self.hint)


def parameters(plugin: type) -> list[Parameter]:
    """Return the parameters of a plug-in class: its dataclass fields, described by the comments beside them.

    Raises:
        PluginError: The type of a field names something that does not exist.
    """
    if not dataclasses.is_dataclass(plugin):
        return []
    comments, hints = _field_comments(plugin), hints_of(plugin)
    with plugin_code(plugin.__qualname__, f"{place_of(plugin)}, the default of a parameter"):
        return [
            Parameter(
                field.name,
                hints.get(field.name, Any),
                field.default if field.default_factory is dataclasses.MISSING else field.default_factory(),
                comments.get(field.name, ""),
            )
            for field in dataclasses.fields(plugin)
            if field.init
        ]


def checked_parameters(plugin: type, spec: Spec, kind: str) -> dict[str, Any]:
    """Return the parameters given in ``spec``, each read as its field's type.

    Raises:
        UsageError: A parameter is unknown, missing, of the wrong type, or outside its range.
        PluginError: A default is.
    """
    known = _checked.get(plugin) or {parameter.name: parameter for parameter in parameters(plugin)}
    missing = [name for name, parameter in known.items() if parameter.required and name not in spec.parameters]
    describe = f"robustrank describe {kind} {spec.name}"
    if missing and set(spec.parameters) <= set(known):
        raise UsageError(f"{kind} {spec.name!r} needs {', '.join(missing)}", where=spec.text, hint=describe)
    if plugin not in _checked:
        for parameter in known.values():
            _check_declaration(plugin, parameter, kind, spec.name)
        _checked[plugin] = known
    return checked_values(known, spec.parameters, f"{kind} {spec.name!r}", where=spec.text, hint=describe)


# Parameters of classes with sound declarations, by name: a plan reads those of each in every cell.
_checked = WeakKeyDictionary[type, dict[str, Parameter]]()


def checked_values(
    known: Mapping[str, Parameter], given: Mapping[str, Any], owner: str, *, where: str | None, hint: str | None
) -> dict[str, Any]:
    """Return given values by name, each read as the type of the parameter of that name.

    Args:
        known: The parameters by name.
        given: The values by name.
        owner: What has the parameters, in words.
        where: For the error.
        hint: For the error.

    Raises:
        UsageError: A parameter is unknown, its value of the wrong type, or outside its range.
    """
    values = {}
    for key, value in given.items():
        if key not in known:
            raise UsageError(
                f"{owner} has no parameter {excerpt(key)}",
                where=where,
                allowed=", ".join(known) or "it takes none",
                hint=nearest(str(key), known) or hint,
            )
        try:
            values[key] = read_value(known[key].hint, value)
        except InvalidValue as error:
            description = known[key].description or "see describe"
            raise UsageError(
                f"{key}={excerpt(value)} of {owner}: {error}",
                where=where,
                allowed=f"{known[key].allowed} ({description})",
                hint=hint,
            ) from error
    return values


def _check_declaration(plugin: type, parameter: Parameter, kind: str, name: str) -> None:
    """Refuse a plug-in with a type that is none, or a default that it would not accept from a user."""
    try:
        if parameter.required:
            check_type(parameter.hint)
        else:
            read_value(parameter.hint, parameter.default)
    except InvalidType as error:
        raise PluginError(
            f"{kind} {name!r}: the type of its parameter {parameter.name} is {error}", where=place_of(plugin)
        ) from error
    except InvalidValue as error:
        raise PluginError(
            f"{kind} {name!r} has a default that its type does not allow: "
            f"{parameter.name} = {shown(parameter.default)}: {error}",
            where=place_of(plugin),
            allowed=parameter.allowed,
        ) from error


def hints_of(plugin: type) -> dict[str, Any]:
    """Return the types of a class's attributes by name, with their constraints.

    Raises:
        PluginError: A type names something that does not exist.
    """
    return _hints(plugin)


@cache
def _hints(plugin: type) -> dict[str, Any]:
    try:
        return get_type_hints(plugin, include_extras=True)
    except Exception as error:
        raise PluginError(
            f"the type of a parameter cannot be read: {name_and_message(error)}",
            where=place_of(plugin),
            hint="types of parameters are imported at run time, not under TYPE_CHECKING",
        ) from error


@cache
def _field_comments(plugin: type) -> dict[str, str]:
    """Return the comment beside each annotated name, over the class and its bases."""
    comments: dict[str, str] = {}
    for cls in reversed(plugin.__mro__[:-1]):
        try:
            source = textwrap.dedent(inspect.getsource(cls))
            tree = ast.parse(source)
        except (OSError, TypeError, SyntaxError):
            continue
        lines = source.splitlines()
        for node in ast.walk(tree):
            if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
                for line in lines[node.lineno - 1 : node.end_lineno]:
                    if "  # " in line:
                        comments[node.target.id] = line.partition("  # ")[2].strip()
    return comments
