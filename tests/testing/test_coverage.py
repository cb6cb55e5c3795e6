"""Every built-in plug-in is held to the contract of its kind: a conformance class of the tests names it."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from robustrank.plugins import KINDS, parse, registry

EXEMPT = {"ranker": {"run-file"}}  # refuses, by design, the texts that are not its collection's
TESTS = Path(__file__).parents[1]


def conformance_classes(source: str) -> list[tuple[str, str]]:
    """Return the kind and the plug-in's name of each conformance class of a test module."""
    classes = {node.name: node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.ClassDef)}
    return [
        (kind, parse(plugin).name)
        for node in classes.values()
        if (kind := kind_of(node, classes)) and (plugin := plugin_of(node))
    ]


def kind_of(node: ast.ClassDef, classes: dict[str, ast.ClassDef]) -> str:
    for base in (base.id for base in node.bases if isinstance(base, ast.Name)):
        if base.endswith("Conformance"):
            return base.removesuffix("Conformance").lower()
        if base in classes and (kind := kind_of(classes[base], classes)):
            return kind
    return ""


def plugin_of(node: ast.ClassDef) -> str:
    """Return the specification that a class names, up to what is not written in it."""
    for item in node.body:
        if isinstance(item, ast.Assign) and getattr(item.targets[0], "id", "") == "plugin":
            value = item.value.values[0] if isinstance(item.value, ast.JoinedStr) else item.value
            return str(value.value).partition("=")[0].partition(":")[0] if isinstance(value, ast.Constant) else ""
    return ""


@pytest.mark.parametrize("kind", KINDS)
def test_every_built_in_plugin_has_a_conformance_test(kind):
    tested = {
        name
        for path in TESTS.rglob("test_*.py")
        for of, name in conformance_classes(path.read_text(encoding="utf-8"))
        if of == kind
    }
    built_in = {name for name, plugin in registry(kind).items() if plugin.origin.startswith("robustrank ")}
    assert built_in - tested == EXEMPT.get(kind, set())
