"""Substitution tables from WordNet: synonyms of the same part of speech and inflection.

Source: Fellbaum: WordNet: An Electronic Lexical Database, MIT Press 1998; as substitutes, Ren et al. (PWWS), ACL 2019,
who take every sense of a word. A table knows no context, so two words are substitutes here only where the sense that
they share is what both mostly mean.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from robustrank.text.antonyms import are_antonyms, share_a_stem
from robustrank.text.embedding_table import unit_vectors
from robustrank.text.stopwords import STOP_WORDS
from robustrank.text.table import DECIMALS, SubstitutionTable, symmetric
from robustrank.text.word_forms import Use, form, lemmas, uses

PRONOUNS = frozenset(  # WordNet's nouns among them
    f"{first}{second}"
    for first in ("any", "every", "no", "some")
    for second in ("body", "one", "thing", "place", "where")
)
Pair = tuple[str, str]  # two words, the first in alphabetical order first


def wordnet_table(
    words: Iterable[str],
    share: float,
    listed: Iterable[tuple[str, str]] = (),
    vectors: tuple[Sequence[str], NDArray[np.float32]] | None = None,
    threshold: float = -1.0,
) -> SubstitutionTable:
    """Return the table in which two of the words replace each other if a sense they share is what both mostly mean.

    Words of one stem are no synonyms, stop words and antonyms are left out, and both words have the same part of speech
    and inflection.

    Args:
        words: The words of the table.
        share: The least share of that sense among the uses of either word, in (0, 1].
        listed: Further pairs of synonyms, of which only the forms must agree.
        vectors: Words and their vectors float32[n, d]: the nearest substitutes come first, words without one are left
            out.
        threshold: The minimum cosine of a substitute.

    Raises:
        DataError: NLTK or its WordNet corpus is not installed.
    """
    keys = sorted(set(words) - STOP_WORDS - PRONOUNS)
    used = {key: uses(key) for key in keys}
    further = _of_one_form(used, listed)
    pairs = {pair for pair in _of_one_form(used, _shared(used, share)) | further if _are_synonyms(*pair)}
    header = {
        "source": "WordNet 3.0 (Copyright 2006 by Princeton University), words of one part of speech and inflection",
        "share": share,
        "pairs": len(further),
        "threshold": threshold,
    }
    if vectors is None:
        return symmetric(_both_ways(dict.fromkeys(pairs, 1.0), list), header)
    near = {pair: cosine for pair, cosine in _cosines(pairs, *vectors).items() if cosine >= threshold}
    return symmetric(_both_ways(near, dict), header)


def of_one_form(table: SubstitutionTable) -> SubstitutionTable:
    """Return the substitutions of a table in which both words have one part of speech and inflection, and two stems.

    Words that WordNet does not know, and words of several forms, leave the table.
    """
    used = {key: uses(key) for key in table.neighbours}
    listed = ((key, word) for key, substitutes in table.neighbours.items() for word in substitutes)
    pairs = {(a, b): table.cosine(a, b) or 0.0 for a, b in _of_one_form(used, listed) if _are_synonyms(a, b)}
    header = {**table.header, "forms": "words of one part of speech and inflection"}
    return symmetric(_both_ways(pairs, dict if table.cosines else list), header)


def _both_ways(pairs: Mapping[Pair, float], kind: type[Any]) -> dict[str, Any]:
    """Return each word's partners, those of the highest value first: a ``dict`` with the values, or a ``list``."""
    ordered = sorted(pairs.items(), key=lambda entry: (-entry[1], entry[0]))
    relation: dict[str, dict[str, float]] = {}
    for (a, b), value in ordered:
        relation.setdefault(a, {})[b] = relation.setdefault(b, {})[a] = value
    return {key: kind(partners) for key, partners in relation.items()}


def _shared(used: Mapping[str, Mapping[Use, float]], share: float) -> set[Pair]:
    """Return the pairs of words with a use that has the share among those of either."""
    by_use: dict[Use, list[str]] = {}
    for key, shares in used.items():
        for use, value in shares.items():
            if value >= share:
                by_use.setdefault(use, []).append(key)
    return {pair for keys in by_use.values() for pair in combinations(keys, 2)}


def _of_one_form(used: Mapping[str, Mapping[Use, float]], pairs: Iterable[tuple[str, str]]) -> set[Pair]:
    forms = {key: form(shares) for key, shares in used.items()}
    return {(min(a, b), max(a, b)) for a, b in pairs if forms.get(a) is not None and forms[a] == forms.get(b)}


def _are_synonyms(a: str, b: str) -> bool:
    return a != b and not share_a_stem(a, b) and not _share_a_lemma(a, b) and not are_antonyms(a, b)


def _share_a_lemma(a: str, b: str) -> bool:
    return bool({lemma for lemma, _ in lemmas(a)} & {lemma for lemma, _ in lemmas(b)})


def _cosines(pairs: Iterable[Pair], words: Sequence[str], vectors: NDArray[np.float32]) -> dict[Pair, float]:
    rows = {word: number for number, word in enumerate(words)}
    unit = unit_vectors(vectors)
    return {(a, b): round(float(unit[rows[a]] @ unit[rows[b]]), DECIMALS) for a, b in pairs if a in rows and b in rows}
