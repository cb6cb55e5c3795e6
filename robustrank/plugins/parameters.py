"""The parameters of a plug-in: its dataclass fields, the comments beside them, and the check of given values."""

from __future__ import annotations

import ast
import dataclasses
import inspect
import textwrap
from dataclasses import dataclass
from functools import cache
from typing import Any, get_type_hints

from robustrank.errors import UsageError, nearest
from robustrank.plugins.nested import marks
from robustrank.plugins.specification import Spec


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


def parameters(plugin: type) -> list[Parameter]:
    """Return the parameters of a plug-in class: its dataclass fields, described by the comments beside them."""
    if not dataclasses.is_dataclass(plugin):
        return []
    comments, hints = _field_comments(plugin), get_type_hints(plugin, include_extras=True)
    plain = get_type_hints(plugin) if any(any(marks(hint)) for hint in hints.values()) else {}
    return [
        Parameter(
            field.name,
            _shown_type(plain[field.name] if any(marks(hints.get(field.name))) else field.type),
            field.default if field.default_factory is dataclasses.MISSING else field.default_factory(),
            comments.get(field.name, ""),
        )
        for field in dataclasses.fields(plugin)
        if field.init
    ]


def checked_parameters(plugin: type, spec: Spec, kind: str) -> dict[str, Any]:
    """Return the parameters given in ``spec``, each read as its field's type.

    Raises:
        UsageError: A parameter is unknown, missing, or of the wrong type.
    """
    from pydantic import ConfigDict, TypeAdapter, ValidationError

    known = {parameter.name: parameter for parameter in parameters(plugin)}
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
    hints, values = get_type_hints(plugin), {}
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


def _shown_type(annotation: Any) -> str:
    if isinstance(annotation, str):
        return annotation
    return inspect.formatannotation(annotation).replace("typing.", "")


@cache
def _field_comments(plugin: type) -> dict[str, str]:
    """Return the comment beside each annotated name, over the class and its bases."""
    comments: dict[str, str] = {}
    for cls in reversed(plugin.__mro__[:-1]):
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
