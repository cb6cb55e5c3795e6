"""How a plug-in is named and given parameters: ``name``, ``name:key=value,…``, ``path/file.py:Class:key=value``."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from robustrank.errors import UsageError
from robustrank.yaml_text import YamlError, read_yaml

_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")


@dataclass(frozen=True)
class Spec:
    """A plug-in by name, its parameters, and the label its rows carry.

    Attributes:
        name: A registered name, a file ``path.py`` or ``path.py:Class``, or an import path ``module:Class``.
        parameters: The parameters that were given; the plug-in's defaults hold for the others.
        label: What tables call it; the canonical ``name:key=value,…`` unless the user chose one.
    """

    name: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    label: str = ""

    def __post_init__(self) -> None:
        if not self.label:
            object.__setattr__(self, "label", self.text)

    @property
    def text(self) -> str:
        """The specification as one string, parameters in the order given."""
        parameters = ",".join(f"{key}={_shown(value)}" for key, value in self.parameters.items())
        return f"{self.name}:{parameters}" if parameters else self.name

    def as_dict(self) -> dict[str, Any]:
        """Return what decides the plug-in's behaviour: name and parameters, without the label."""
        return {"name": self.name, "parameters": dict(sorted(self.parameters.items()))}


def parse(text: str) -> Spec:
    """Read a specification string.

    Raises:
        UsageError: A parameter is not of the form ``key=value`` or is given twice.
    """
    head, _, rest = text.strip().partition(":")
    first, _, after = rest.partition(":")
    if _IDENTIFIER.match(first):  # path.py:Class or module:Class, perhaps with parameters behind
        head, rest = f"{head}:{first}", after
    if not head:
        raise UsageError(f"{text!r} names no plug-in", allowed="name or name:key=value,…")
    parameters: dict[str, Any] = {}
    for item in _split(rest):
        key, equals, value = item.partition("=")
        key = key.strip()
        if not equals or not _IDENTIFIER.match(key):
            raise UsageError(f"{item!r} in {text!r} is not a parameter", allowed="key=value, separated by commas")
        if key in parameters:
            raise UsageError(f"duplicate parameter {key!r} in {text!r}")
        parameters[key] = _value(value.strip())
    return Spec(head, parameters)


def _split(text: str) -> list[str]:
    """Split at commas outside brackets, braces and quotes."""
    items, depth, quote, start = [], 0, "", 0
    for position, char in enumerate(text):
        if quote:
            quote = "" if char == quote else quote
        elif char in "\"'":
            quote = char
        elif char in "[{":
            depth += 1
        elif char in "]}":
            depth -= 1
        elif char == "," and depth == 0:
            items.append(text[start:position])
            start = position + 1
    return [item for item in [*items, text[start:]] if item.strip()]


def _value(text: str) -> Any:
    """Read a value as YAML does, so that a file and a command line mean the same."""
    try:
        return read_yaml(text) if text else ""
    except YamlError as error:
        raise UsageError(f"the value {text!r} cannot be read: {error}") from error


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
