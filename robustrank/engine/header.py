"""The header of a run: what its collections and rankers have to say of themselves, each sentence once."""

from __future__ import annotations

from collections.abc import Sequence

from robustrank.engine.cell import Cell
from robustrank.engine.provenance import collections_of
from robustrank.engine.resources import Resources


def header(plan: Sequence[Cell], resources: Resources) -> list[str]:
    """Return the lines of the header: the notes of each collection, then how each ranker is read.

    What a ranker says of several collections in the same words is one line.
    """
    lines = [
        f"{spec.label}: {note}" for spec in collections_of(plan, resources) for note in resources.collection(spec).notes
    ]
    said: dict[tuple[str, str], dict[str, None]] = {}  # (ranker, sentence) to the labels of its collections
    for cell in plan:
        for sentence in resources.reading(cell.ranker, cell.collection):
            said.setdefault((cell.ranker.label, sentence), {})[cell.collection.label] = None
    grouped: dict[str, list[str]] = {}
    for (ranker, sentence), labels in said.items():
        grouped.setdefault(f"{ranker} on {', '.join(labels)}", []).append(sentence)
    return [*lines, *(f"{subject}: {' '.join(sentences)}" for subject, sentences in grouped.items())]
