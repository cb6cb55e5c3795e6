"""The analysers of the first stage and of every lexical ranker, by language.

English, the default: lower-casing, words of at least two word characters, removal of 33 English stop words, Snowball's
English stemmer (Porter's own revision of the Porter stemmer): close to Lucene's EnglishAnalyzer, behind the published
BM25 baselines. With k1=0.9 and b=0.4 it gives nDCG@10 .676 on BEIR's SciFact (.671 with the older Porter stemmer),
.679 published for Lucene.

Other languages: words of any length, no stop words (a frequent term has a small idf), the Snowball stemmer of the
language where there is one.

What is the same in all of them suits each script, whatever the language of the collection:

- Texts are compared in Unicode's composed form (NFC).
- A word holds its combining marks, as in Devanagari, Thai and Hebrew; invisible joiners inside it are dropped.
- Scripts without spaces between words, and Hangul, whose spaces separate phrases, give overlapping pairs of characters
  (bigrams), as Lucene's CJKAnalyzer does for Chinese, Japanese and Korean; as good as words for Chinese (Kwok, SIGIR
  1997). A character has its marks. A Han character is a term, too (the option outputUnigrams of Lucene's
  CJKBigramFilter, here for Han alone): a word may have one character. Thai, Lao, Khmer, Myanmar, Tibetan by the same
  rule (ours).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache, lru_cache

from robustrank.text.languages import ENGLISH, language_of
from robustrank.text.scripts import CLUSTER, HAN, HANGUL, JOINERS, MARKS, UNIT, UNSPACED

Span = tuple[int, int]

_BIGRAM = f"{UNSPACED}{HANGUL}"  # scripts that give bigrams
_RUN_OR_WORD = re.compile(
    rf"(?P<run>(?:(?=\w)[{_BIGRAM}][{MARKS}{JOINERS}]*)+)|(?:(?![{_BIGRAM}])\w[{MARKS}{JOINERS}]*)+"
)
_ASCII_WORD = re.compile(r"\w+")  # the same for a text in ASCII, and faster
_HAN = re.compile(rf"[{HAN}]")
_DROPPED = str.maketrans("", "", JOINERS)
_TURKIC = {"tr": str.maketrans("Iİ", "ıi"), "az": str.maketrans("Iİ", "ıi")}  # the dot is part of the letter

# Lucene's EnglishAnalyzer.ENGLISH_STOP_WORDS_SET, which bm25s calls "english" too.
STOP_WORDS = frozenset(
    re.findall(
        r"\w+",
        "a an and are as at be but by for if in into is it no not of on or such that the their then there "
        "these they this to was will with",
    )
)


@dataclass(frozen=True)
class Analyser:
    """Turns texts of a language into terms.

    Attributes:
        language: Its code.
        stop_words: Words that are no terms.
        shortest: The fewest characters of a word, its marks not counted.
    """

    language: str
    stop_words: frozenset[str]
    shortest: int

    def terms(self, text: str) -> list[str]:
        """Return the terms of ``text`` in order, with repetitions; empty for a text of stop words alone."""
        folded = self.folded(text)
        if folded.isascii():  # the same, without spans: most of the time that indexing takes
            words = _ASCII_WORD.findall(folded)
            return [self.stem(w) for w in words if w not in self.stop_words and len(w) >= self.shortest]
        return [term for term, _ in self._terms(folded)]

    def located_terms(self, text: str) -> list[tuple[str, Span]]:
        """Return the terms of :meth:`terms`, each with its character span ``(start, end)`` in ``text``.

        Spans of bigrams overlap.
        """
        # Folded text can be longer than the text (İ becomes two characters) or shorter (e and an accent become one).
        spans = [unit.span() for unit in UNIT.finditer(text) for _ in self.folded(unit[0])]
        return [(term, (spans[start][0], spans[end - 1][1])) for term, (start, end) in self._terms(self.folded(text))]

    def folded(self, text: str) -> str:
        """Return a text in lower case and in composed form, as its terms are compared."""
        if self.language in _TURKIC:
            text = unicodedata.normalize("NFC", text).translate(_TURKIC[self.language])
        return unicodedata.normalize("NFC", text.lower())

    def stem(self, word: str) -> str:
        """Return the stem of a folded word."""
        return _stem(self.language, word)

    def _terms(self, folded: str) -> Iterator[tuple[str, Span]]:
        """Yield the terms of a folded text with their spans in it."""
        is_ascii = folded.isascii()
        for match in (_ASCII_WORD if is_ascii else _RUN_OR_WORD).finditer(folded):
            if not is_ascii and match["run"]:
                yield from _bigrams(folded, match)
                continue
            word = match[0] if is_ascii else match[0].translate(_DROPPED)
            if word not in self.stop_words and (self.shortest == 1 or _length(word) >= self.shortest):
                yield self.stem(word), match.span()


@cache
def analyser(language: str) -> Analyser:
    """Return the analyser of a language.

    Raises:
        UsageError: The language is not known.
    """
    is_english = language_of(language).code == ENGLISH
    return Analyser(language, STOP_WORDS if is_english else frozenset(), 2 if is_english else 1)


@lru_cache(maxsize=100_000)
def terms(language: str, text: str) -> tuple[str, ...]:
    """Return the terms of a text by the analyser of its language; cached."""
    return tuple(analyser(language).terms(text))


def _bigrams(folded: str, run: re.Match[str]) -> Iterator[tuple[str, Span]]:
    """Yield the pairs of neighbouring characters of a run, and each Han character; a run of one character whole."""
    clusters = [(cluster[0].translate(_DROPPED), cluster.span()) for cluster in CLUSTER.finditer(folded, *run.span())]
    for number, (cluster, span) in enumerate(clusters):
        if len(clusters) == 1 or _HAN.match(cluster):
            yield cluster, span
        if number + 1 < len(clusters):
            following, (_, end) = clusters[number + 1]
            yield cluster + following, (span[0], end)


def _length(word: str) -> int:
    return len(word) if word.isascii() else sum(1 for _ in CLUSTER.finditer(word))


@lru_cache(maxsize=200_000)
def _stem(language: str, word: str) -> str:
    stemmer = _stemmer(language)
    return stemmer(word) if stemmer else word


@cache
def _stemmer(language: str) -> Callable[[str], str] | None:
    import Stemmer

    name = language_of(language).stemmer
    stem: Callable[[str], str] | None = Stemmer.Stemmer(name).stemWord if name else None
    return stem
