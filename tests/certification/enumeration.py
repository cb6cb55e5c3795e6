"""Small worlds whose allowed edits can all be enumerated: tables with chains, odd Unicode, and words that repeat."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator

import numpy as np

from robustrank.certification.evidence import UNBOUNDED
from robustrank.collections.collection import Collection
from robustrank.text.table import SubstitutionTable, symmetric
from robustrank.text.words import replace_words, words
from tests.lists import served

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


def brute_force(defended, collection, table, radii, most, near):
    """Hold the certificates of a world's list against all its edits, and return how often each thing was met.

    Counts: edits scored, lists certified and broken by their witness, bounds attained (to ``near``), bounds that there
    are, lists that keep their documents in, documents that left.
    """
    [(query_id, query)] = collection.queries.items()
    ranked = served(defended, collection.documents, query, query_id)
    found = Counter()
    for radius in radii:
        certificates = defended.certify(ranked, [1, 2, 4], radius)
        variants = {c.doc_id: list(edits(c.text, table, radius, most)) for c in ranked.candidates}
        scores = {name: defended.score([(query, text) for text in texts]).tolist() for name, texts in variants.items()}
        for document in certificates[0].documents:
            of_edits = scores[document.doc_id]
            assert document.lower <= min(of_edits)
            assert max(of_edits) <= document.upper
            found["attained"] += document.mean < max(of_edits) > document.upper - near
            found["bounded"] += document.upper < UNBOUNDED
        for certificate in certificates:
            certificate.verify()
            outside = [d.doc_id for d in certificate.documents[certificate.k :]]
            enters = any(not certificate.keeps_out(name, score) for name in outside for score in scores[name])
            assert not (certificate.certified and enters)
            inside = [d.doc_id for d in certificate.documents[: certificate.k]]
            leaves = any(rank_after(d, score, certificate) > certificate.k for d in inside for score in scores[d])
            assert not (certificate.keeps_in() and leaves)
            if certificate.witness:
                doc_id = certificate.witness.doc_id
                words = {int(index): key for index, key in certificate.witness.words.items()}
                text = replace_words(collection.documents[doc_id], words)
                assert text in variants[doc_id] or len(variants[doc_id]) == most
                attacked = served(defended, {**collection.documents, doc_id: text}, query)
                assert doc_id in attacked.doc_ids[: certificate.k]
            found.update(certified=certificate.certified, broken=certificate.witness is not None)
            found.update(kept=certificate.keeps_in(), left=leaves)
        found["edits"] += sum(map(len, variants.values()))
    return found


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
