"""The page of a catalogue, made from what its plug-ins say of themselves: docs/attacks.md is one."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from enum import Enum
from typing import Any

from robustrank.attack import COSTS
from robustrank.plugins import availability, parameters

COLUMNS = {"access": "access", "cost": "cost", "edits": "edits", "size_parameter": "size", "control": "control"}
TEXTS = {"reference": "Reference", "deviations": "Deviations"}
ACCESS = {  # what an attack asks of its victim: how that is paid for, and what it learns of a defense by it
    "nothing": "free: no victim call; a defense is not looked at",
    "ranks": "victim calls, answered by ranks; of a defense it sees the ranks, as every user does",
    "scores": "victim calls, answered by scores; of a defense it sees the scores",
    "gradients": "forward and backward passes; it needs the defended ranker's own gradients, and is skipped without",
}


def page(kind: str) -> str:
    """Return the installed plug-ins of a kind as Markdown: an overview, then each with reference and parameters."""
    found = [(plugin.name, _example(cls)) for plugin, cls, _ in availability(kind) if cls is not None]
    columns = COLUMNS if kind == "attack" else {}
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
    if kind == "attack":
        lines += ["", "## Access, cost and what an attack knows of a defense", ""]
        lines += ["Every attack can be pointed at a defended ranker. A parameter may change what it asks for.", ""]
        lines += [*_legend("access | how it is paid for, and what is known", ACCESS), ""]
        lines += [
            "An imitation costs its training once a victim, in any class.",
            "",
            *_legend("cost | what it is", COSTS),
        ]
    return "\n".join(lines) + "\n"


def _legend(titles: str, texts: Mapping[str, str]) -> list[str]:
    return [f"| {titles} |", "|---|---|", *[f"| {name} | {text} |" for name, text in texts.items()]]


def _example(cls: type[Any]) -> Any:
    """Return the plug-in with its defaults, for they may decide its metadata; the class where one has to be given."""
    return cls if any(parameter.required for parameter in parameters(cls)) else cls()


def _section(cls: Any) -> Iterator[str]:
    yield _doc(cls)
    yield ""
    for attribute, title in TEXTS.items():
        if text := getattr(cls, attribute, ""):
            yield f"- {title}: {text}."
    for parameter in parameters(_class(cls)):
        default = "required" if parameter.required else f"`{parameter.default!r}`"
        yield f"- `{parameter.name}` ({default}): {parameter.description}"


def _summary(cls: Any) -> str:
    return _doc(cls).partition("\n")[0]


def _doc(cls: Any) -> str:
    return inspect.getdoc(_class(cls)) or ""


def _class(found: Any) -> type[Any]:
    return found if isinstance(found, type) else type(found)


def _shown(value: object) -> str:
    return value.name.lower() if isinstance(value, Enum) else str(value)
