"""``robustrank describe``: documentation, metadata and parameters of a plug-in."""

from __future__ import annotations

import inspect
import json
from typing import Any

import click

from robustrank.cli.options import json_option, kind_of
from robustrank.plugins import find, parameters, registry

METADATA = {
    "version": "version",
    "access": "access",
    "cost": "cost",
    "edits": "edits",
    "budget_unit": "size in",
    "control": "control",
    "undivided": "undivided",
    "family": "family",
    "table": "table",
    "stops_early": "stops early",
    "reference": "reference",
    "deviations": "deviations",
}


@click.command("describe")
@click.argument("kind")
@click.argument("name")
@json_option("the description")
def command(kind: str, name: str, as_json: bool) -> None:
    """Describe the plug-in NAME of a KIND: attack, defense, task, ranker or collection.

    NAME may also be a file (path/to/attack.py) or an import path (module:Class).
    """
    kind = kind_of(kind)
    plugin_class = find(kind, name)
    plugin = registry(kind).get(name)
    if as_json:
        click.echo(json.dumps(_described(kind, name, plugin_class), indent=1))
        return
    click.secho(f"{kind} {name}", bold=True)
    click.echo(inspect.getdoc(plugin_class) or "(no docstring)")
    click.echo()
    click.echo(f"  {'origin':<10} {plugin.origin if plugin else name}")
    for attribute, text in _metadata(plugin_class).items():
        click.echo(f"  {METADATA[attribute]:<10} {text}")
    described = parameters(plugin_class)
    click.secho("\nparameters" if described else "\nno parameters", bold=True)
    for parameter in described:
        default = "required" if parameter.required else f"default {parameter.default!r}"
        click.echo(f"  {parameter.name}: {parameter.allowed} ({default})")
        if parameter.description:
            click.echo(f"      {parameter.description}")


def _metadata(plugin_class: type[Any]) -> dict[str, str]:
    """Return what the plug-in says of itself, by attribute; what has no text is left out."""
    said: dict[str, str] = {}
    for attribute in METADATA:
        value = getattr(plugin_class, attribute, "")
        if isinstance(value, str) or hasattr(value, "name"):
            text = str(getattr(value, "name", value))
            said[attribute] = text.lower() if attribute == "access" else text
    return {attribute: text for attribute, text in said.items() if text}


def _described(kind: str, name: str, plugin_class: type[Any]) -> dict[str, Any]:
    plugin = registry(kind).get(name)
    return {
        "kind": kind,
        "name": name,
        "origin": plugin.origin if plugin else name,
        "documentation": inspect.getdoc(plugin_class) or "",
        "metadata": _metadata(plugin_class),
        "parameters": [
            {
                "name": parameter.name,
                "required": parameter.required,
                "default": None if parameter.required else json.loads(json.dumps(parameter.default, default=repr)),
                "allowed": parameter.allowed,
                "description": parameter.description,
            }
            for parameter in parameters(plugin_class)
        ],
    }
