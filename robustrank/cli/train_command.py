"""``robustrank train``: trains a ranker on the judgements of a collection."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from robustrank.errors import UsageError


@click.command("train")
@click.argument("ranker")
@click.argument("collection")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Folder of the checkpoint; must not exist.")
@click.option("--seed", type=click.IntRange(0, 2**32 - 1), default=0, show_default=True, help="Of all draws.")
@click.option(
    "--validation-share",
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    default=0.1,
    show_default=True,
    help="Share of the training queries that select the epoch.",
)
@click.option("--queries", type=click.IntRange(2), help="Maximum number of training queries.")
@click.option("--set", "settings", multiple=True, metavar="KEY=VALUE", help="A training setting; may be repeated.")
def command(
    ranker: str,
    collection: str,
    out: Path,
    seed: int,
    validation_share: float,
    queries: int | None,
    settings: tuple[str, ...],
) -> None:
    """Train RANKER on COLLECTION and write its checkpoint and model card to a folder.

    An interrupted training resumes after its last epoch when the same command is run again.

    For example: robustrank train cross-encoder:model=minilm lee:split=background --out models/ce
    """
    from robustrank.cli.progress import StepBars, bars
    from robustrank.cli.screen import screen
    from robustrank.engine.fitting import fit
    from robustrank.plugins import create
    from robustrank.plugins.specification import parse
    from robustrank.rankers.ranker import TrainableRanker
    from robustrank.steps import following

    if out.exists():
        raise UsageError(f"{str(out)!r} exists already", hint="choose another --out, or remove it")
    model: Any = create("ranker", parse(ranker))
    if not isinstance(model, TrainableRanker):
        raise UsageError(f"ranker {ranker!r} has no weights to train", hint="robustrank list rankers")
    training = create("collection", parse(collection)).read()
    given = parse("settings:" + ",".join(settings)).parameters if settings else {}
    with bars(screen()) as shown, following(StepBars(shown).advanced):
        fit(model, training, seed, out, queries=queries, validation_share=validation_share, settings=dict(given))
    click.echo(f"trained {ranker} on {collection}: {out}")
