"""``robustrank prepare``: gets what an experiment needs, for machines that have no network when they run it."""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from robustrank.cli.options import cache_option, json_option, set_option
from robustrank.printing import counted, printable

if TYPE_CHECKING:
    from robustrank.engine.preparation import Part


@click.command("prepare")
@click.argument("experiment", type=click.Path(path_type=Path, dir_okay=False))
@set_option
@json_option("each part and whether it is ready")
@cache_option
def command(experiment: Path, settings: tuple[str, ...], as_json: bool, cache: Path | None) -> int:
    """Get what the experiment file EXPERIMENT needs: read its collections, load its models, check the rest.

    What is named by an id is downloaded where it is not here; no cell is run. The exit code is that of the first part
    that is not ready, or 0: then a machine that has the same folders can run the experiment without a network.
    """
    from robustrank.engine.preparation import prepare
    from robustrank.engine.resources import Resources
    from robustrank.experiment import load
    from robustrank.notices import listening
    from robustrank.overrides import overridden
    from robustrank.paths import default_cache, give_libraries_a_home

    cache = cache or default_cache()
    give_libraries_a_home(cache)
    loaded = load(experiment, lambda raw: overridden(raw, settings))
    parts: list[Part] = []
    with listening(lambda text: click.echo(printable(f"note: {text}"), err=True)):
        for part in prepare(loaded, Resources(loaded, cache)):
            parts.append(part)
            if not as_json:
                _show(part)
    missing = [part for part in parts if part.exit_code]
    code = missing[0].exit_code if missing else 0
    folders = _folders(cache)
    if as_json:
        content = {"exit_code": code, "parts": [asdict(part) for part in parts], "folders": folders}
        click.echo(json.dumps(content, indent=1))
        return code
    if missing:
        click.echo(f"{counted(len(missing), 'part')} of {len(parts)} not ready")
        return code
    click.echo("ready; what a machine without a network needs, beside the environment:")
    for name, folder in folders.items():
        click.echo(f"  {name}={folder}")
    return 0


def _show(part: Part) -> None:
    state = click.style("ready  ", fg="green") if not part.exit_code else click.style("missing", fg="red")
    click.echo(f"{state} {part.kind} {printable(part.name)}: {printable(part.text, keep=chr(10))}")


def _folders(cache: Path) -> dict[str, str]:
    """Return the folders that hold what was downloaded, by the environment variables that name them."""
    from huggingface_hub.constants import HF_HOME

    data = os.environ.get("IR_DATASETS_HOME") or str(Path.home() / ".ir_datasets")
    return {"ROBUSTRANK_CACHE": str(cache), "IR_DATASETS_HOME": data, "HF_HOME": HF_HOME, "HF_HUB_OFFLINE": "1"}
