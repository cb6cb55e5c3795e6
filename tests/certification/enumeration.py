"""Small worlds whose allowed edits can all be enumerated: tables with chains, odd Unicode, and words that repeat."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np

from robustrank.collections.collection import Collection
from robustrank.text.table import SubstitutionTable, symmetric
from robustrank.text.words import replace_words, words

# Stems that meet, a stop word, several terms or none to a word, letters that change their length with case, accents.
KEYS = ["wing", "wings", "winged", "flow", "flows", "river", "these", "into", "well-known", "don't", "go", "straße",
        "café", "cafés", "οδός", "kitap", "naïve", "x-ray", "résumé", "12a"]  # fmt: skip
WRITTEN = ["{}", "{}", "{}", "{}.", "({})", "“{}”", "_{}_", "{},"]
BETWEEN = [" ", " ", "  ", "\n", "\u2009", " — "]


def world(seed: int, documents: int = 5) -> tuple[Collection, SubstitutionTable]:
    """Return a collection of one query, and a table of some of its words: a chain and further pairs."""
    rng = np.random.default_rng(seed)
    keys = rng.permutation(KEYS).tolist()
    relation = {a: [b] for a, b in itertools.pairwise(keys[: rng.integers(3, 8)])}
    for a, b in rng.choice(keys, (4, 2)).tolist():
        relation.setdefault(a, []).append(b)
    table = symmetric({a: [b for b in dict.fromkeys(bs) if b != a] for a, bs in relation.items()}, {})
    texts = {f"d{i}": _text(rng, keys, int(rng.integers(0, 9))) for i in range(documents)}
    return Collection("c", {"q": " ".join(rng.choice(keys, 3))}, texts, {}, {"q": tuple(texts)}), table


def rank_after(doc_id, score, certificate):
    """The rank of a document with another score than in the list of a certificate, ties by id."""
    others = [d for d in certificate.documents if d.doc_id != doc_id]
    return 1 + sum((-d.mean, d.doc_id) < (-score, doc_id) for d in others)


def edits(text: str, table: SubstitutionTable, radius: int | None, most: int = 3000) -> Iterator[str]:
    """Yield every text that substitutions of at most ``radius`` words allow, up to ``most``, fewest words first."""
    choices = {i: table.substitutes(word.key) for i, word in enumerate(words(text)) if table.substitutes(word.key)}
    sizes = range((len(choices) if radius is None else min(radius, len(choices))) + 1)
    places = itertools.chain.from_iterable(itertools.combinations(choices, size) for size in sizes)
    replaced = (
        dict(zip(chosen, keys, strict=True))
        for chosen in places
        for keys in itertools.product(*(choices[index] for index in chosen))
    )
    yield from (replace_words(text, replacements) for replacements in itertools.islice(replaced, most))


def _text(rng: np.random.Generator, keys: list[str], length: int) -> str:
    pieces = []
    for key in rng.choice(keys[:10], length).tolist():
        cased = [key, key, key.capitalize(), key.upper()][rng.integers(4)]
        pieces += [WRITTEN[rng.integers(len(WRITTEN))].format(cased), BETWEEN[rng.integers(len(BETWEEN))]]
    return "".join(pieces)
