"""``robustrank list``: the plug-ins available to experiment files, and the installed experiments."""

from __future__ import annotations

import click

from robustrank.cli.options import kind_of
from robustrank.cli.page import page
from robustrank.plugins import KINDS, availability

_EXPERIMENTS = "experiments"


@click.command("list")
@click.argument("kinds", nargs=-1)
@click.option("--names", is_flag=True, help="Names alone, one per line, for scripts.")
@click.option("--markdown", is_flag=True, help="A Markdown page with documentation and parameters.")
def command(kinds: tuple[str, ...], names: bool, markdown: bool) -> None:
    """List plug-ins of the KINDS given: attacks, defenses, tasks, rankers, collections (default: all).

    An unavailable plug-in is listed with the reason. The kind `experiments` lists what `robustrank run NAME` runs.
    """
    for kind in [name if name == _EXPERIMENTS else kind_of(name) for name in kinds] or list(KINDS):
        if kind == _EXPERIMENTS:
            _list_experiments(names)
            continue
        if markdown:
            click.echo(page(kind), nl=False)
            continue
        if not names:
            click.secho(f"{kind}s", bold=True)
        for plugin, plugin_class, reason in availability(kind):
            if names:
                click.echo(plugin.name)
                continue
            doc = (plugin_class.__doc__ or "").strip() if plugin_class else ""
            summary = doc.partition("\n")[0]
            origin = "" if plugin.origin.startswith("robustrank ") else f"  [{plugin.origin}]"
            text = summary if plugin_class else click.style(f"unavailable: {reason} [{plugin.origin}]", fg="red")
            click.echo(f"  {plugin.name:<20} {text}{origin if plugin_class else ''}")


def _list_experiments(names: bool) -> None:
    from robustrank.experiment import load
    from robustrank.packaged_experiments import packaged_experiments

    if not names:
        click.secho(_EXPERIMENTS, bold=True)
    for name, path in packaged_experiments().items():
        click.echo(name if names else f"  {name:<24} {load(path).description}")
