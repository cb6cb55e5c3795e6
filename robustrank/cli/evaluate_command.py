"""``robustrank evaluate``: an experiment of one line, run by the engine of ``robustrank run``."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import get_args

import click

from robustrank.cli.options import (
    cache_option,
    fail_if_option,
    json_option,
    junit_option,
    workers_given,
    workers_options,
)
from robustrank.engine.executors.workers import Name
from robustrank.rankers.runtime import Device


@click.command("evaluate")
@click.argument("rankers", metavar="RANKER...", nargs=-1, required=True)
@click.option("--collection", required=True, help="The collection.")
@click.option("--attack", "attacks", multiple=True, help="An attack; may be repeated.")
@click.option("--defense", "defenses", multiple=True, help="A defense; may be repeated [default: none].")
@click.option("--task", "tasks", multiple=True, default=("iid-variance",), show_default=True, help="May be repeated.")
@click.option("--limit", type=click.IntRange(1), help="How many queries, the first of the collection [default: all].")
@click.option("--seed", type=click.IntRange(0, 2**32 - 1), default=0, show_default=True, help="Of all draws.")
@click.option(
    "--device",
    type=click.Choice(get_args(Device)),
    default="auto",
    show_default=True,
    help="What models compute on; auto is an accelerator where there is one.",
)
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), help="Run folder [default: runs/evaluation].")
@workers_options
@click.option("--quiet", is_flag=True, help="Show errors and the last line alone.")
@json_option("what the evaluation has come to: cells, reasons, notes, files")
@junit_option
@fail_if_option
@cache_option
def command(
    rankers: tuple[str, ...],
    collection: str,
    attacks: tuple[str, ...],
    defenses: tuple[str, ...],
    tasks: tuple[str, ...],
    limit: int | None,
    seed: int,
    device: Device,
    out: Path | None,
    executor: Name,
    workers: int,
    executor_options: tuple[str, ...],
    quiet: bool,
    as_json: bool,
    junit: Path | None,
    conditions: tuple[str, ...],
    cache: Path | None,
) -> int:
    """Evaluate each RANKER on a collection: a name, or name:key=value,… as in an experiment file.

    The run folder is that of `robustrank run`, and its experiment.yaml is the file of this evaluation.
    """
    from robustrank.api.combination import combined
    from robustrank.cli.run_command import How, execute, limit_notes
    from robustrank.paths import default_cache, give_libraries_a_home
    from robustrank.plugins import parse
    from robustrank.report_settings import Gate

    cache, out = cache or default_cache(), out or Path("runs") / "evaluation"
    give_libraries_a_home(cache)
    specs, searched = [parse(ranker) for ranker in rankers], parse(collection)
    experiment = combined(specs, searched, attacks, defenses, tasks, limit, seed, device)
    gates, notes = tuple(map(Gate.of, conditions)), tuple(limit_notes(limit))
    who = workers_given(executor, workers, executor_options)
    how = How(cache, who, quiet=quiet, as_json=as_json, junit=junit, notes=notes, gates=gates)
    return execute(experiment, out, how, shlex.join(["robustrank", *sys.argv[1:]]))
