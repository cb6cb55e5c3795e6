"""Spelling correction: query words outside the collection vocabulary are replaced by the likeliest word near them.

Source: the noisy channel of Kernighan, Church, Gale: A Spelling Correction Program Based on a Noisy Channel Model,
COLING 1990, in the form of Norvig: How to Write a Spelling Corrector, norvig.com/spell-correct.html, 2007: any word one
edit away is likelier than any word two edits away, and among equals the commoner word. Edits are those of Damerau, CACM
7(3), 1964. What typos cost rankers: Zhuang, Zuccon: Dealing with Typos for BERT-based Passage Retrieval and Ranking,
EMNLP 2021.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from importlib.util import find_spec

import numpy as np

from robustrank.collections.collection import Collection
from robustrank.defense import Defense, RewritingRanker
from robustrank.errors import DataError
from robustrank.plugins.constraints import Count
from robustrank.rankers.ranker import Ranker
from robustrank.text.analysis import analyser
from robustrank.text.languages import ENGLISH, SPACED
from robustrank.text.scripts import MARKS
from robustrank.text.words import in_case_of, is_alphabetic

SHORTEST = 3  # characters; shorter words are left alone
_WORD = re.compile(rf"\w[\w{MARKS}]+")


@dataclass(frozen=True)
class SpellingCorrection(Defense):
    """Corrects query typos with the collection vocabulary; documents are unchanged.

    A word is unchanged if the collection has it, or a word of the same stem, however rare; so is a word with a digit,
    and a word without a near word in the vocabulary.
    """

    distance: Count = 2  # maximum edit distance (Damerau-Levenshtein) between a word and its correction
    letters: Count = 6  # minimum length of a word for which more than one edit is allowed

    languages = SPACED  # a word is corrected: a character of Chinese is none
    reference = "Kernighan, Church, Gale, COLING 1990; Norvig, 2007; for rankers Zhuang, Zuccon, EMNLP 2021"
    deviations = "likelihood is document frequency in the collection; short words are allowed one edit"

    def check(self) -> None:
        """Refuse to correct without rapidfuzz."""
        if find_spec("rapidfuzz") is None:
            raise DataError("rapidfuzz is not installed", hint='pip install "robustrank[spelling]"')

    def wrap(self, ranker: Ranker, collection: Collection, rng: np.random.Generator) -> Ranker:
        """Return the ranker behind the correction.

        Raises:
            DataError: rapidfuzz is not installed.
        """
        self.check()
        spell_checker = collection.statistic(
            SpellChecker.from_documents, self.distance, self.letters, collection.language
        )
        return CorrectedRanker.over(ranker, spell_checker)


class CorrectedRanker(RewritingRanker):
    """A ranker of corrected queries."""

    def __init__(self, inner: Ranker, spell_checker: SpellChecker) -> None:
        super().__init__(inner)
        self.spell_checker = spell_checker

    def rewritten_query(self, query: str) -> str:
        """Return the corrected query."""
        return self.spell_checker.corrected(query)


@dataclass
class SpellChecker:
    """Corrects words with a vocabulary.

    Attributes:
        words: The words of letters alone, by descending document frequency, ties in alphabetical order.
        stems: The stems of all words of the vocabulary.
        distance, letters: See :class:`SpellingCorrection`.
        language: The language of the words.
    """

    words: list[str]
    stems: frozenset[str]
    distance: int
    letters: int
    language: str = ENGLISH
    _corrections: dict[str, str] = field(default_factory=dict, repr=False)

    @classmethod
    def from_documents(
        cls, documents: Iterable[str], distance: int, letters: int, language: str = ENGLISH
    ) -> SpellChecker:
        """Return the spell checker with the vocabulary of some documents."""
        analysed = analyser(language)
        counts = Counter(word for text in documents for word in set(_WORD.findall(analysed.folded(text))))
        common = sorted(filter(is_alphabetic, counts), key=lambda word: (-counts[word], word))
        return cls(common, frozenset(map(analysed.stem, counts)), distance, letters, language)

    def corrected(self, query: str) -> str:
        """Return the query with its unknown words corrected, in their case; all other characters are unchanged."""
        return _WORD.sub(self._replacement, query)

    def correction(self, word: str) -> str:
        """Return the correction of a folded word: itself where it is known, or no word is near."""
        if word not in self._corrections:
            is_known = analyser(self.language).stem(word) in self.stems
            known = is_known or len(word) < SHORTEST or not is_alphabetic(word)
            self._corrections[word] = word if known else self._nearest(word)
        return self._corrections[word]

    def _replacement(self, match: re.Match[str]) -> str:
        key = analyser(self.language).folded(match[0])
        correction = self.correction(key)
        return match[0] if correction == key else in_case_of(correction, match[0])

    def _nearest(self, word: str) -> str:
        from rapidfuzz.distance import DamerauLevenshtein
        from rapidfuzz.process import cdist

        limit = self.distance if len(word) >= self.letters else 1
        if not self.words:
            return word
        distances = cdist([word], self.words, scorer=DamerauLevenshtein.distance, score_cutoff=limit)[0]
        nearest = int(distances.argmin())  # the first of the nearest, which is the most frequent
        return self.words[nearest] if distances[nearest] <= limit else word
