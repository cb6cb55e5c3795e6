"""``robustrank table``: builds, shows and checks substitution tables; counter-fits their vectors."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from robustrank.errors import DataError, UsageError
from robustrank.printing import printable

if TYPE_CHECKING:
    from robustrank.text.table import SubstitutionTable

PATH = click.Path(path_type=Path, dir_okay=False)
FILE = click.Path(path_type=Path, exists=True, dir_okay=False)
COUNT, COSINE = click.IntRange(min=1), click.FloatRange(-1, 1)


@click.group("table")
def command() -> None:
    """Build, show and check substitution tables: the allowed word substitutions."""


@command.command("build")
@click.argument("source")
@click.option("--out", type=PATH, required=True, help="The table file.")
@click.option(
    "--words", "collection", help="Restrict to the words of a collection, e.g. lee or ir-datasets:id=cranfield."
)
@click.option(
    "--threshold",
    type=COSINE,
    help="Minimum cosine of a substitute. [default: .9 with vectors, .7 with an encoder, none with wordnet]",
)
@click.option(
    "--neighbours", type=COUNT, default=10, show_default=True, help="Maximum number of substitutes of a word (vectors)."
)
@click.option("--forms", is_flag=True, help="Substitutes of the word's part of speech and inflection alone (vectors).")
@click.option(
    "--share",
    type=click.FloatRange(0, 1, min_open=True),
    default=0.5,
    show_default=True,
    help="Least share of a shared sense among the uses of both words (wordnet).",
)
@click.option(
    "--pairs", type=FILE, multiple=True, help="Further synonyms, two words per line; may be repeated (wordnet)."
)
def build(
    source: str,
    out: Path,
    collection: str | None,
    threshold: float | None,
    neighbours: int,
    forms: bool,
    share: float,
    pairs: tuple[Path, ...],
) -> None:
    """Build a table from SOURCE: encoder, wordnet, glove, an encoder's folder, or a file of word vectors.

    A table from wordnet is of the words of the packaged encoder, or of --words; with --threshold it is ordered by the
    encoder's cosine. wordnet and --forms need NLTK's WordNet.
    """
    from robustrank.text.embedding_table import ENCODER, embedding_table, load_table
    from robustrank.text.vectors import read_vectors
    from robustrank.text.wordnet_table import of_one_form

    keys = _words_of(collection) if collection else None
    if source == "wordnet":
        table = _from_wordnet(keys, share, pairs, threshold)
    elif source == ENCODER or Path(source).is_dir():
        if keys is None:
            raise UsageError("a table from an encoder needs words", hint="--words COLLECTION")
        table = load_table(source, keys, 0.7 if threshold is None else threshold, neighbours)
    else:
        names, vectors = read_vectors(source)
        eligible = [i for i, name in enumerate(names) if _is_eligible(name) and (keys is None or name in keys)]
        minimum = 0.9 if threshold is None else threshold
        header = {"source": f"word vectors {source}", "threshold": minimum, "neighbours": neighbours}
        table = embedding_table([names[i] for i in eligible], vectors[eligible], minimum, neighbours, header)
    if forms and source != "wordnet":
        table = of_one_form(table)
    if not table.neighbours:
        place = f"{source}{f', words of {collection}' if collection else ''}"
        raise DataError("no word has a substitute", where=place, hint="lower --threshold, or use further words")
    table.save(out)
    click.echo(f"{out}: {len(table.neighbours)} words, fingerprint {table.fingerprint}")


@command.command("show")
@click.argument("path", type=FILE)
@click.argument("words", nargs=-1)
@click.option(
    "--size", type=COUNT, default=100, show_default=True, help="Maximum number of words in a perturbation set."
)
def show(path: Path, words: tuple[str, ...], size: int) -> None:
    """Show the table in PATH: its size, components and overlaps; or the substitutes of WORDS."""
    import numpy as np

    from robustrank.text.table import PerturbationSets, SubstitutionTable

    table = SubstitutionTable.load(path)
    sets = PerturbationSets(table, size)
    if words:
        for word in words:
            substitutes = table.substitutes(word)
            overlap = f"overlap {sets.overlap(word.lower()):.3f}" if substitutes else "not in the table"
            click.echo(printable(f"{word} ({overlap}): {', '.join(substitutes)}"))
        return
    sizes = [len(component) for component in table.components]
    overlaps = np.array([sets.overlap(key) for key in table.neighbours])
    for key, value in table.header.items():
        click.echo(printable(f"{key:<12} {value}"))
    click.echo(f"{'fingerprint':<12} {table.fingerprint}")
    mean = np.mean([len(substitutes) for substitutes in table.neighbours.values()])
    click.echo(f"{'words':<12} {len(table.neighbours)}, {mean:.1f} substitutes each")
    click.echo(f"{'components':<12} {len(sizes)}, the largest with {max(sizes, default=0)} words")
    for floor, ceiling in ((2, 3), (3, 11), (11, 101), (101, None)):
        inside = [s for s in sizes if s >= floor and (ceiling is None or s < ceiling)]
        span = (
            f"{floor} words"
            if ceiling == floor + 1
            else f"{floor} to {ceiling - 1}"
            if ceiling
            else f"{floor} and more"
        )
        click.echo(f"{'':<12} {len(inside)} of {span}")
    click.echo(
        f"{'overlaps':<12} {100 * np.mean(overlaps < 1):.1f} % of the words below 1, the minimum {overlaps.min():.3f}"
    )


@command.command("sample")
@click.argument("table")
@click.option("--words", "collection", required=True, help="The collection whose texts are read, e.g. lee.")
@click.option("--count", type=COUNT, default=50, show_default=True, help="Number of substitutions.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Of the draw.")
@click.option("--out", type=PATH, required=True, help="The CSV file: word, substitute, sentence, rating.")
def sample(table: str, collection: str, count: int, seed: int, out: Path) -> None:
    """Draw substitutions of TABLE that fit a collection's texts, to be rated by hand: good, fair or bad."""
    from robustrank.text.ratings import write_sample

    drawn = write_sample(out, table, collection, count, seed)
    click.echo(f"{out}: {drawn} substitutions")


@command.command("check")
@click.argument("path", type=FILE)
def check(path: Path) -> None:
    """Check the table in PATH: its format, its symmetry, and suspicious substitutions."""
    from robustrank.text.table import SubstitutionTable

    table = SubstitutionTable.load(path)  # raises for an invalid format or a missing symmetry
    suspicious: dict[str, list[str]] = {}
    for kind, example in _suspicious(table.neighbours):
        suspicious.setdefault(kind, []).append(example)
    for kind, examples in suspicious.items():
        click.echo(printable(f"{len(examples)} {kind}, e.g. {', '.join(examples[:3])}"))
    click.echo(f"{len(table.neighbours)} words; the table is symmetric")


@command.command("counter-fit")
@click.argument("vectors")
@click.option("--synonyms", type=FILE, multiple=True, help="Two words per line; may be repeated.")
@click.option("--antonyms", type=FILE, multiple=True, help="Two words per line; may be repeated.")
@click.option("--vocabulary", type=FILE, help="The words of the output, one per line; all by default.")
@click.option("--rounds", type=COUNT, default=20, show_default=True, help="Number of updates of all words.")
@click.option("--out", type=PATH, required=True, help="The file of the new vectors.")
def counter_fit(
    vectors: str,
    synonyms: tuple[Path, ...],
    antonyms: tuple[Path, ...],
    vocabulary: Path | None,
    rounds: int,
    out: Path,
) -> None:
    """Counter-fit VECTORS (glove, or a file of word vectors) to synonyms and antonyms (Mrkšić et al., NAACL 2016)."""
    from robustrank.text.counter_fitting import counter_fitted, read_pairs
    from robustrank.text.vectors import read_vectors, write_vectors
    from robustrank.text_lines import lines

    if not synonyms and not antonyms:
        raise UsageError("neither synonyms nor antonyms are given", hint="--synonyms FILE --antonyms FILE")
    words, table = read_vectors(vectors)
    wanted = {word for _, line in lines(vocabulary) for word in line.split()} if vocabulary else None
    selected = [i for i, word in enumerate(words) if wanted is None or word in wanted]
    if not selected:
        raise DataError("no word of the vocabulary has a vector", where=str(vocabulary))
    words, table = [words[i] for i in selected], table[selected]
    pairs = [[pair for path in paths for pair in read_pairs(path)] for paths in (synonyms, antonyms)]
    fitted = counter_fitted(words, table, pairs[0], pairs[1], rounds)
    write_vectors(out, words, fitted)
    click.echo(f"{out}: {len(words)} vectors; {len(pairs[0])} synonyms and {len(pairs[1])} antonyms")


def _from_wordnet(
    keys: frozenset[str] | None, share: float, pairs: tuple[Path, ...], threshold: float | None
) -> SubstitutionTable:
    from robustrank.text.counter_fitting import read_pairs
    from robustrank.text.embedding_table import encoder_words
    from robustrank.text.packages import minilm_folder
    from robustrank.text.wordnet_table import wordnet_table

    known, vectors = encoder_words(minilm_folder())
    listed = [pair for path in pairs for pair in read_pairs(path)]
    near = None if threshold is None else (known, vectors)
    return wordnet_table(keys or known, share, listed, near, -1.0 if threshold is None else threshold)


def _words_of(collection: str) -> frozenset[str]:
    from robustrank.plugins import create
    from robustrank.plugins.specification import parse
    from robustrank.text.words import vocabulary

    read = create("collection", parse(collection)).read()
    return vocabulary(read.documents.values())


def _is_eligible(word: str) -> bool:
    from robustrank.text.stopwords import STOP_WORDS
    from robustrank.text.words import is_alphabetic, is_replaceable

    return is_alphabetic(word) and is_replaceable(word) and word not in STOP_WORDS


def _suspicious(neighbours: Mapping[str, tuple[str, ...]]) -> Iterator[tuple[str, str]]:
    """Yield suspicious entries of a table by kind: antonyms and stop words."""
    from robustrank.text.antonyms import are_antonyms
    from robustrank.text.stopwords import STOP_WORDS

    for key, substitutes in sorted(neighbours.items()):
        if key in STOP_WORDS:
            yield "stop words", key
        for substitute in substitutes:
            if key < substitute and are_antonyms(key, substitute):
                yield "antonyms", f"{key} and {substitute}"
