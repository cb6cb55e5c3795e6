"""Prompt templates: Jinja2 files, those of the package by name and the user's by path.

A template marks the turns of a chat: ``{% call turn("user") %}…{% endcall %}``, with the roles ``system``, ``user``,
``assistant``; the start of the answer has the role ``answer`` and keeps its white space. A template without turns is a
plain text. Texts of documents enter as values: whatever they hold, they open no turn.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from robustrank.errors import DataError
from robustrank.paths import given_path
from robustrank.rankers.llm.prompt import ROLES, Prompt, Shown, Turn

TEMPLATES = Path(__file__).with_name("templates")


def template_path(name: str) -> Path:
    """Return the file of a template: a built-in one by its name, or a path.

    Raises:
        DataError: There is none.
    """
    built_in = TEMPLATES / f"{name}.j2"
    path = built_in if built_in.is_file() else given_path(name)
    if not path.is_file():
        names = ", ".join(sorted(file.stem for file in TEMPLATES.glob("*.j2")))
        raise DataError(f"there is no template {name!r}", allowed=f"the path of a Jinja2 file, or one of: {names}")
    return path


def template_digest(name: str) -> str:
    """Return a hash of a template's text."""
    return hashlib.sha256(template_path(name).read_bytes()).hexdigest()[:32]


def render(name: str, query: str, shown: tuple[Shown, ...], **values: Any) -> Prompt:
    """Return the prompt that a template makes of a query and documents.

    Args:
        name: The template's name or path.
        query: ``query`` in the template.
        shown: ``passages`` in the template, each with ``label``, ``text`` and ``score``; ``passage`` is the first.
        values: Further names of the template.

    Raises:
        DataError: The template cannot be rendered, names something unknown, or mixes turns with text outside of them.
    """
    from jinja2 import TemplateError

    turns: list[Turn] = []
    prefix: list[str] = []

    def turn(role: str, caller: Callable[[], str]) -> str:
        text = caller()
        if role == "answer":
            prefix.append(text)
        elif role in ROLES:
            turns.append(Turn(role, text.strip()))
        else:
            raise TemplateError(f"unknown role {role!r}; allowed: {', '.join(ROLES)}, answer")
        return ""

    try:
        template = _compiled(template_path(name).read_text(encoding="utf-8"))
        text = template.render(turn=turn, query=query, passages=shown, passage=shown[0] if shown else None, **values)
    except TemplateError as error:
        raise DataError(f"the template cannot be rendered: {error}", where=str(template_path(name))) from error
    if turns and text.strip():
        raise DataError(f"the template has text outside of its turns: {text.strip()[:60]!r}", where=name)
    return Prompt(tuple(turns), text.strip("\n"), "".join(prefix), query, shown)


@cache
def _compiled(source: str) -> Any:
    from jinja2 import StrictUndefined
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    environment = ImmutableSandboxedEnvironment(
        undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, autoescape=False
    )
    return environment.from_string(source)
