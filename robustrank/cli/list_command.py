"""``robustrank list``: the plug-ins available to experiment files, and the installed experiments."""

from __future__ import annotations

import json
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import click

from robustrank.cli.options import json_option, kind_of
from robustrank.cli.page import page
from robustrank.plugins import KINDS, availability

if TYPE_CHECKING:
    from robustrank.plugins.registry import Plugin

_EXPERIMENT, _SUITE = "experiment", "suite"  # what is listed beside the kinds of plug-ins


@click.command("list")
@click.argument("kinds", nargs=-1)
@click.option("--names", is_flag=True, help="Names alone, one per line, for scripts.")
@click.option("--markdown", is_flag=True, help="A Markdown page with documentation and parameters.")
@json_option("the plug-ins")
def command(kinds: tuple[str, ...], names: bool, markdown: bool, as_json: bool) -> None:
    """List plug-ins of the KINDS given: attacks, defenses, tasks, rankers, collections (default: all).

    An unavailable plug-in is listed with the reason. `experiments` lists what `robustrank run NAME` runs, `suites` what
    `robustrank run suite:NAME` does.
    """
    files = {_EXPERIMENT: _experiments, _SUITE: _suites}
    chosen = [name.removesuffix("s") if name.removesuffix("s") in files else kind_of(name) for name in kinds]
    chosen = chosen or list(KINDS)
    if markdown:
        for kind in chosen:
            click.echo(page(kind_of(kind)), nl=False)
        return
    plugins = [listed for kind in chosen for listed in (files[kind]() if kind in files else _plugins(kind))]
    if as_json:
        click.echo(json.dumps(plugins, indent=1))
    elif names:
        for plugin in plugins:
            click.echo(plugin["name"])
    else:
        _show(chosen, plugins)


def _plugins(kind: str) -> list[dict[str, Any]]:
    return [_listed(kind, *available) for available in availability(kind)]


def _experiments() -> list[dict[str, Any]]:
    from robustrank.experiment import load
    from robustrank.packaged_experiments import packaged_experiments

    return [_packaged(_EXPERIMENT, name, load(path).description) for name, path in packaged_experiments().items()]


def _suites() -> list[dict[str, Any]]:
    from robustrank.suites.suite import read_suite, suites

    return [_packaged(_SUITE, name, read_suite(path).description) for name, path in suites().items()]


def _packaged(kind: str, name: str, summary: str) -> dict[str, Any]:
    origin = f"robustrank {version('robustrank')}"
    return {"kind": kind, "origin": origin, "available": True, "reason": "", "name": name, "summary": summary}


def _listed(kind: str, plugin: Plugin, plugin_class: type[Any] | None, reason: str) -> dict[str, Any]:
    summary = (plugin_class.__doc__ or "").strip().partition("\n")[0] if plugin_class else ""
    available = {"available": plugin_class is not None, "reason": reason}
    return {"kind": kind, "name": plugin.name, "summary": summary, "origin": plugin.origin, **available}


def _show(kinds: list[str], plugins: list[dict[str, Any]]) -> None:
    for kind in kinds:
        click.secho(f"{kind}s", bold=True)
        for plugin in plugins:
            if plugin["kind"] != kind:
                continue
            text, origin = plugin["summary"], "" if plugin["origin"].startswith("robustrank ") else plugin["origin"]
            if not plugin["available"]:
                text, origin = click.style(f"unavailable: {plugin['reason']}", fg="red"), plugin["origin"]
            click.echo(f"  {plugin['name']:<20} {text}{f'  [{origin}]' if origin else ''}")
