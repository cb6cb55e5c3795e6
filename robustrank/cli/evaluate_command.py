"""``robustrank evaluate``: an experiment of one line, run by the engine of ``robustrank run``."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

import click

from robustrank.cli.options import cache_option


@click.command("evaluate")
@click.argument("rankers", metavar="RANKER...", nargs=-1, required=True)
@click.option("--collection", required=True, help="The collection.")
@click.option("--attack", "attacks", multiple=True, help="An attack; may be repeated.")
@click.option("--defense", "defenses", multiple=True, help="A defense; may be repeated [default: none].")
@click.option("--task", "tasks", multiple=True, default=("iid-variance",), show_default=True, help="May be repeated.")
@click.option("--limit", type=click.IntRange(1), help="How many queries, the first of the collection [default: all].")
@click.option("--seed", type=click.IntRange(0, 2**32 - 1), default=0, show_default=True, help="Of all draws.")
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), help="Run folder [default: runs/evaluation].")
@click.option("--workers", type=click.IntRange(0), default=1, show_default=True, help="Processes that run cells.")
@click.option("--quiet", is_flag=True, help="Show errors and the last line alone.")
@cache_option
def command(
    rankers: tuple[str, ...],
    collection: str,
    attacks: tuple[str, ...],
    defenses: tuple[str, ...],
    tasks: tuple[str, ...],
    limit: int | None,
    seed: int,
    out: Path | None,
    workers: int,
    quiet: bool,
    cache: Path | None,
) -> int:
    """Evaluate each RANKER on a collection: a name, or name:key=value,… as in an experiment file.

    The run folder is that of `robustrank run`, and its experiment.yaml is the file of this evaluation.
    """
    from robustrank.api.evaluation import combined
    from robustrank.cli.run_command import How, execute
    from robustrank.paths import default_cache, give_libraries_a_home
    from robustrank.plugins import parse

    cache, out = cache or default_cache(), out or Path("runs") / "evaluation"
    give_libraries_a_home(cache)
    experiment = combined([parse(r) for r in rankers], parse(collection), attacks, defenses, tasks, limit, seed)
    return execute(experiment, out, How(cache, workers, quiet=quiet), shlex.join(["robustrank", *sys.argv[1:]]))
