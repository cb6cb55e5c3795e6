"""Part of speech and inflection of English words, and how often each sense is meant, from WordNet.

Source: Fellbaum: WordNet: An Electronic Lexical Database, MIT Press 1998; its counts of senses are of SemCor (Miller et
al., 1993). NLTK reads it, where its corpus is installed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, NamedTuple

from robustrank.errors import DataError

PARTS = "nvar"  # WordNet's parts of speech: nouns, verbs, adjectives, adverbs
UNSEEN = 0.5  # added to the count of a word's first sense, half of that to the second's, and so on
FORM_SHARE = 0.8  # of its uses that a word has in one part of speech and inflection
UNCLEAR = "unclear"  # the inflection of a form that may be of two tenses, or past and participle
INVARIANT = frozenset(  # verbs whose present or participle is their past: the form does not tell
    "beat become bet bid broadcast burst cast come cost cut forecast hit hurt let overcome put quit read reset rid run "
    "set shed shut split spread thrust upset".split()
)


class Use(NamedTuple):
    """A sense of a word, in one form."""

    synset: str  # WordNet's name of the sense
    part: str  # n, v, a or r
    inflection: str  # base, s, ing, ed, er, est, or unclear


def wordnet() -> Any:
    """Return NLTK's reader of WordNet.

    Raises:
        DataError: NLTK or its WordNet corpus is not installed.
    """
    try:
        from nltk.corpus import wordnet as reader

        reader.ensure_loaded()
    except (ImportError, LookupError) as error:
        raise DataError(
            "WordNet is not installed",
            hint='pip install "robustrank[wordnet]", then python -m nltk.downloader wordnet',
        ) from error
    return reader


def uses(word: str) -> Mapping[Use, float]:
    """Return the share of each use among all of a word, in lower case; none for a word that WordNet does not know."""
    counts: dict[Use, float] = {}
    for lemma, part in lemmas(word):
        inflection = _inflection(word, lemma, part)
        for rank, synset in enumerate(wordnet().synsets(lemma, part)):
            seen = sum(entry.count() for entry in synset.lemmas() if entry.name().lower() == lemma)
            use = Use(synset.name(), part, inflection)
            counts[use] = counts.get(use, 0.0) + seen + UNSEEN / (1 + rank)
    total = sum(counts.values())
    return {use: count / total for use, count in counts.items()}


def form(used: Mapping[Use, float]) -> tuple[str, str] | None:
    """Return the part of speech and inflection of nearly all uses of a word; None where there is no such."""
    shares: dict[tuple[str, str], float] = {}
    for use, share in used.items():
        shares[use.part, use.inflection] = shares.get((use.part, use.inflection), 0.0) + share
    most = [key for key, share in shares.items() if share >= FORM_SHARE and key[1] != UNCLEAR]
    return most[0] if most else None


def lemmas(word: str) -> Iterator[tuple[str, str]]:
    """Yield the base forms that a word may be a form of, and their parts of speech."""
    for part in PARTS:
        for lemma in wordnet()._morphy(word, part):  # the public form tells the first alone
            yield lemma, part


def _inflection(word: str, lemma: str, part: str) -> str:
    if part == "v" and lemma in INVARIANT:
        return UNCLEAR
    if word == lemma:
        return "base"
    if part == "n":
        return "s"
    if part != "v":
        return "est" if word.endswith("est") else "er"
    if word.endswith("ing"):
        return "ing"
    if word.endswith("s"):
        return "s"
    # Of an irregular verb with one past form, as said, past and participle are the same, as of a regular one.
    return "ed" if len(_irregular().get(lemma, ())) < 2 and _is_past(word, lemma) else UNCLEAR


def _is_past(word: str, lemma: str) -> bool:
    """Whether it is the only past form: neither showed nor shown is."""
    return lemma not in _irregular() or (word in _irregular()[lemma] and not word.endswith("n"))


@cache
def _irregular() -> Mapping[str, frozenset[str]]:
    """Return the irregular past forms of verbs."""
    forms: dict[str, set[str]] = {}
    for word, bases in wordnet()._exception_map["v"].items():
        if not word.endswith(("ing", "s", "ed")):
            for base in bases:
                forms.setdefault(base, set()).add(word)
    return {base: frozenset(words) for base, words in forms.items()}
