"""How many rated substitutions a limit on sentence similarity keeps, by rating: what the default limit was chosen by.

python benchmarks/similarity_limit.py docs/substitutions/*.csv [--encoder minilm]
"""

from __future__ import annotations

from pathlib import Path

import click
from robustrank.attacks.parts.similarity import similar

from robustrank.rankers.text_encoder import text_encoder
from robustrank.text.ratings import RATINGS, read_sample
from robustrank.text.words import words

LIMITS = (0.0, 0.8, 0.85, 0.9, 0.92, 0.94, 0.96, 0.98)


@click.command()
@click.argument("samples", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--encoder", default="minilm")
def main(samples: tuple[Path, ...], encoder: str) -> None:
    """Print a line for each limit: the substitutions of each rating that pass, in all samples together."""
    model = text_encoder(encoder)
    rated = [pair for path in samples for pair in read_sample(path)]
    click.echo("limit " + " ".join(f"{rating:>6}" for rating in RATINGS))
    for limit in LIMITS:
        kept = dict.fromkeys(RATINGS, 0)
        for drawn, rating in rated:
            text = drawn.sentence.replace(f"[{drawn.word}]", drawn.word, 1)
            position = drawn.sentence.index(f"[{drawn.word}]")
            tokens = words(text)
            index = next(i for i, word in enumerate(tokens) if word.start == position)
            kept[rating] += bool(similar(text, tokens, {index: (drawn.substitute.lower(),)}, model, limit))
        click.echo(f"{limit:5.2f} " + " ".join(f"{kept[rating]:>6}" for rating in RATINGS))


if __name__ == "__main__":
    main()
