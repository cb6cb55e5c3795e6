"""Spelling correction: query words the collection does not know become the likeliest of its words near to them.

Source: the noisy channel of Kernighan, Church, Gale: A Spelling Correction Program Based on a Noisy Channel Model,
COLING 1990, in the form of Norvig: How to Write a Spelling Corrector, norvig.com/spell-correct.html, 2007: any word one
edit away is likelier than any word two edits away, and among equals the commoner word. Edits are those of Damerau, CACM
7(3), 1964. What typos cost rankers: Zhuang, Zuccon: Dealing with Typos for BERT-based Passage Retrieval and Ranking,
EMNLP 2021.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec

import numpy as np

from robustrank.collections.collection import Collection
from robustrank.defense import Defense
from robustrank.errors import DataError
from robustrank.rankers.ranker import Pair, Ranker, Scores
from robustrank.text.analysis import WORD, stem
from robustrank.text.words import in_case_of

SHORTEST = 3  # characters; shorter words are left alone


@dataclass(frozen=True)
class SpellingCorrection(Defense):
    """Mends the query's typos by the collection's own words; documents are read as they are.

    A word stays if the collection knows it, or another word of its stem, however rare; so does a word with a digit, and
    one without any word of the collection near to it.
    """

    distance: int = 2  # edits between a word and its correction at the most: a letter more, less, other, or two swapped
    letters: int = 6  # of a word from which on more than one edit is allowed

    reference = "Kernighan, Church, Gale, COLING 1990; Norvig, 2007; for rankers Zhuang, Zuccon, EMNLP 2021"
    deviations = "likely is what stands in many documents of the collection; short words are allowed one edit"

    def __post_init__(self) -> None:
        if self.distance < 1 or self.letters < 1:
            raise ValueError(f"distance={self.distance}, letters={self.letters}; each is 1 at the least")

    def wrap(self, ranker: Ranker, collection: Collection, rng: np.random.Generator) -> Ranker:
        """Return the ranker behind the correction.

        Raises:
            DataError: rapidfuzz is not installed.
        """
        if find_spec("rapidfuzz") is None:
            raise DataError("rapidfuzz is not installed", hint='pip install "robustrank[spelling]"')
        spell_checker = SpellChecker.of(collection.documents.values(), self.distance, self.letters)
        return CorrectedRanker(ranker, spell_checker, f"{collection.fingerprint}|{self.distance}|{self.letters}")


@dataclass
class CorrectedRanker(Ranker):
    """A ranker of corrected queries.

    Attributes:
        inner: The ranker.
        speller: Corrects.
        name: What decides the corrections, for the fingerprint.
    """

    inner: Ranker
    spell_checker: SpellChecker
    name: str

    @property
    def fingerprint(self) -> str:
        """The ranker and what decides the corrections."""
        return hashlib.sha256(f"{self.inner.fingerprint}|spelling|{self.name}".encode()).hexdigest()[:32]

    def score(self, pairs: Sequence[Pair]) -> Scores:
        """Return float32[n], the inner ranker's scores for the corrected queries."""
        mended = {query: self.spell_checker.corrected(query) for query in dict.fromkeys(query for query, _ in pairs)}
        return self.inner.score([(mended[query], document) for query, document in pairs])


@dataclass
class SpellChecker:
    """Corrects words by those of a collection.

    Attributes:
        words: The words of letters alone, the one in most documents first, equals in alphabetical order.
        stems: The stems of all words that are known.
        distance, letters: See :class:`SpellingCorrection`.
    """

    words: list[str]
    stems: frozenset[str]
    distance: int
    letters: int
    _found: dict[str, str] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, documents: Iterable[str], distance: int, letters: int) -> SpellChecker:
        """Return the speller of a collection's documents."""
        counts = Counter(word for text in documents for word in set(WORD.findall(text.lower())))
        common = sorted((word for word in counts if word.isalpha()), key=lambda word: (-counts[word], word))
        return cls(common, frozenset(map(stem, counts)), distance, letters)

    def corrected(self, query: str) -> str:
        """Return the query with its unknown words corrected, each in the case it stood in; all else stays."""
        return WORD.sub(self._replacement, query)

    def correction(self, word: str) -> str:
        """Return the correction of a word in lower case: itself where it is known, or nothing is near."""
        if word not in self._found:
            known = stem(word) in self.stems or len(word) < SHORTEST or not word.isalpha()
            self._found[word] = word if known else self._nearest(word)
        return self._found[word]

    def _replacement(self, match: re.Match[str]) -> str:
        key = match[0].lower()
        found = self.correction(key)
        return match[0] if found == key else in_case_of(found, match[0])

    def _nearest(self, word: str) -> str:
        from rapidfuzz.distance import DamerauLevenshtein
        from rapidfuzz.process import cdist

        limit = self.distance if len(word) >= self.letters else 1
        if not self.words:
            return word
        away = cdist([word], self.words, scorer=DamerauLevenshtein.distance, score_cutoff=limit)[0]
        best = int(away.argmin())  # the first of the nearest, which is the commonest
        return self.words[best] if away[best] <= limit else word
