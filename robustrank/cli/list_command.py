"""``robustrank list``: what can be named in an experiment file."""

from __future__ import annotations

import click

from robustrank.cli.options import kind_of
from robustrank.cli.page import page
from robustrank.plugins import KINDS, availability


@click.command("list")
@click.argument("kinds", nargs=-1)
@click.option("--names", is_flag=True, help="Names alone, one a line, for scripts.")
@click.option("--markdown", is_flag=True, help="Everything the plug-ins say of themselves, as a page.")
def command(kinds: tuple[str, ...], names: bool, markdown: bool) -> None:
    """List plug-ins of the KINDS given: attacks, defenses, tasks, rankers, collections (default: all).

    A plug-in that cannot be used is listed with the reason.
    """
    for kind in [kind_of(name) for name in kinds] or list(KINDS):
        if markdown:
            click.echo(page(kind), nl=False)
            continue
        if not names:
            click.secho(f"{kind}s", bold=True)
        for plugin, found, reason in availability(kind):
            if names:
                click.echo(plugin.name)
                continue
            summary = (found.__doc__ or "").strip().splitlines()[0] if found and found.__doc__ else ""
            origin = "" if plugin.origin.startswith("robustrank ") else f"  [{plugin.origin}]"
            text = summary if found else click.style(f"unavailable: {reason} [{plugin.origin}]", fg="red")
            click.echo(f"  {plugin.name:<20} {text}{origin if found else ''}")
