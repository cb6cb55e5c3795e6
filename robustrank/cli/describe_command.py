"""``robustrank describe``: everything a plug-in says about itself."""

from __future__ import annotations

import inspect

import click

from robustrank.cli.options import kind_of
from robustrank.plugins import find, parameters, registry

FACTS = {
    "access": "access",
    "cost": "cost",
    "edits": "edits",
    "budget_unit": "size in",
    "control": "control",
    "family": "family",
    "table": "table",
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
    found = find(kind, name)
    known = registry(kind).get(name)
    click.secho(f"{kind} {name}", bold=True)
    click.echo(inspect.getdoc(found) or "It has no docstring.")
    click.echo()
    click.echo(f"  {'origin':<10} {known.origin if known else name}")
    for attribute, title in FACTS.items():
        value = getattr(found, attribute, "")
        if isinstance(value, str) or hasattr(value, "name"):
            text = getattr(value, "name", value)
            if text:
                click.echo(f"  {title:<10} {str(text).lower() if attribute == 'access' else text}")
    listed = parameters(found)
    click.secho("\nparameters" if listed else "\nit takes no parameters", bold=True)
    for parameter in listed:
        default = "required" if parameter.required else f"default {parameter.default!r}"
        click.echo(f"  {parameter.name}: {parameter.type} ({default})")
        if parameter.description:
            click.echo(f"      {parameter.description}")
