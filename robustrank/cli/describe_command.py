"""``robustrank describe``: documentation, metadata and parameters of a plug-in."""

from __future__ import annotations

import inspect

import click

from robustrank.cli.options import kind_of
from robustrank.plugins import find, parameters, registry

METADATA = {
    "access": "access",
    "cost": "cost",
    "edits": "edits",
    "budget_unit": "size in",
    "control": "control",
    "family": "family",
    "table": "table",
    "stops_early": "stops early",
    "reference": "reference",
    "deviations": "deviations",
}


@click.command("describe")
@click.argument("kind")
@click.argument("name")
def command(kind: str, name: str) -> None:
    """Describe the plug-in NAME of a KIND: attack, defense, task, ranker or collection.

    NAME may also be a file (path/to/attack.py) or an import path (module:Class).
    """
    kind = kind_of(kind)
    plugin_class = find(kind, name)
    plugin = registry(kind).get(name)
    click.secho(f"{kind} {name}", bold=True)
    click.echo(inspect.getdoc(plugin_class) or "(no docstring)")
    click.echo()
    click.echo(f"  {'origin':<10} {plugin.origin if plugin else name}")
    for attribute, title in METADATA.items():
        value = getattr(plugin_class, attribute, "")
        if isinstance(value, str) or hasattr(value, "name"):
            text = getattr(value, "name", value)
            if text:
                click.echo(f"  {title:<10} {str(text).lower() if attribute == 'access' else text}")
    described = parameters(plugin_class)
    click.secho("\nparameters" if described else "\nno parameters", bold=True)
    for parameter in described:
        default = "required" if parameter.required else f"default {parameter.default!r}"
        click.echo(f"  {parameter.name}: {parameter.allowed} ({default})")
        if parameter.description:
            click.echo(f"      {parameter.description}")
