"""Samples of substitutions, rated by hand: a CSV file with the columns word, substitute, sentence, rating."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import astuple
from pathlib import Path

from robustrank.plugins import create
from robustrank.plugins.specification import parse
from robustrank.randomness import derive
from robustrank.storage import write_file
from robustrank.text.embedding_table import load_table
from robustrank.text.fitting import Substitution, sampled_substitutions
from robustrank.text.words import vocabulary

COLUMNS = ("word", "substitute", "sentence", "rating")
RATINGS = ("good", "fair", "bad")  # meaning and grammar kept; meaning kept alone; another meaning


def draw(table: str, collection: str, count: int, seed: int) -> list[Substitution]:
    """Return substitutions of a table, as :func:`load_table` names it, in texts of a collection.

    Raises:
        DataError: The table or collection is missing or cannot be read.
    """
    read = create("collection", parse(collection)).read()
    loaded = load_table(table, read.statistic(vocabulary), 0.6, 10)
    texts = list(read.documents.values())
    return sampled_substitutions(texts, loaded, read.language, count, derive(seed, "rated substitutions"))


def write_sample(path: Path, table: str, collection: str, count: int, seed: int) -> int:
    """Write :func:`draw` without ratings; return how many there are."""
    drawn = draw(table, collection, count, seed)
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows([COLUMNS, *((*astuple(entry), "") for entry in drawn)])
    write_file(path, text.getvalue())
    return len(drawn)


def read_sample(path: Path) -> list[tuple[Substitution, str]]:
    """Return what was drawn, each with its rating."""
    with path.open(encoding="utf-8", newline="") as file:
        rows: Sequence[dict[str, str]] = list(csv.DictReader(file))
    return [(Substitution(row["word"], row["substitute"], row["sentence"]), row["rating"]) for row in rows]
