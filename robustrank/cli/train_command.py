"""``robustrank train``: weights for a ranker, from a collection's judgements."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from robustrank.errors import UsageError


@click.command("train")
@click.argument("ranker")
@click.argument("collection")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Folder of the checkpoint; must not exist.")
@click.option("--seed", default=0, show_default=True)
@click.option(
    "--validation-share",
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    default=0.1,
    show_default=True,
)
@click.option("--queries", type=click.IntRange(2), help="Learn from no more than so many queries.")
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
    """Train RANKER on COLLECTION and leave its weights and a card in a folder.

    A training that was killed goes on after its last epoch when the same command is run again.

    For example: robustrank train cross-encoder:model=minilm lee:split=background --out models/ce
    """
    from robustrank.plugins import create
    from robustrank.plugins.specification import parse
    from robustrank.randomness import derive
    from robustrank.rankers.ranker import TrainableRanker
    from robustrank.rankers.training import sample_queries, split_by_query

    if out.exists():
        raise UsageError(f"{str(out)!r} exists already", hint="choose another --out, or remove it")
    made: Any = create("ranker", parse(ranker))
    if not isinstance(made, TrainableRanker):
        raise UsageError(f"ranker {ranker!r} has no weights to train", hint="robustrank list rankers")
    whole = create("collection", parse(collection)).read()
    if queries is not None:
        whole = sample_queries(whole, queries, derive(seed, "training queries"))
    train, validation = split_by_query(whole, validation_share, derive(seed, "validation split"))
    parsed = parse("settings:" + ",".join(settings)) if settings else parse("settings")
    made.fit(train, validation, seed, str(out), dict(parsed.parameters))
    click.echo(f"trained {ranker} on {collection}: {out}")
