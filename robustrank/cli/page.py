"""The page of a catalogue, made from what its plug-ins say of themselves: docs/attacks.md is one."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from enum import Enum
from typing import Any

from robustrank.plugins import availability, parameters

COLUMNS = {"access": "access", "edits": "edits", "size_parameter": "size", "control": "control"}
TEXTS = {"source": "Source", "differs": "Differs"}


def page(kind: str) -> str:
    """Return the installed plug-ins of a kind as Markdown: an overview, then each with source and parameters."""
    found = [(plugin.name, cls) for plugin, cls, _ in availability(kind) if cls is not None]
    columns = {name: title for name, title in COLUMNS.items() if any(hasattr(cls, name) for _, cls in found)}
    lines = [
        f"# The {kind}s",
        "",
        f"Made by `robustrank list {kind}s --markdown`; a test holds it against the code.",
        "",
        f"| {kind} | {' | '.join([*columns.values(), 'what it does'])} |",
        "|---" * (len(columns) + 2) + "|",
    ]
    for name, cls in found:
        cells = [_shown(getattr(cls, column, "")) for column in columns]
        lines.append(f"| [{name}](#{name}) | {' | '.join([*cells, _summary(cls)])} |")
    for name, cls in found:
        lines += ["", f"## {name}", "", *_section(cls)]
    return "\n".join(lines) + "\n"


def _section(cls: type[Any]) -> Iterator[str]:
    yield inspect.getdoc(cls) or ""
    yield ""
    for attribute, title in TEXTS.items():
        if text := getattr(cls, attribute, ""):
            yield f"- {title}: {text}."
    for parameter in parameters(cls):
        default = "required" if parameter.required else f"`{parameter.default!r}`"
        yield f"- `{parameter.name}` ({default}): {parameter.description}"


def _summary(cls: type[Any]) -> str:
    return (inspect.getdoc(cls) or "").partition("\n")[0]


def _shown(value: object) -> str:
    return value.name.lower() if isinstance(value, Enum) else str(value)
