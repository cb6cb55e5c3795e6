"""What fills the slots of an adversarial passage: words of the collection, or tokens of the ranker."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from robustrank.collections.collection import Collection
from robustrank.rankers.ranker import Encoding
from robustrank.text.words import document_frequencies, is_alphabetic
from robustrank.victim import GradientView

from .slots import Alphabet, TokenSpans

CONTEXT = "of"  # around a word whose tokens inside a passage are wanted


@dataclass(frozen=True)
class WordAlphabet(Alphabet[str]):
    """Words, with spaces between them; the space in front of a word belongs to its slot."""

    _ids: dict[tuple[str, bool], NDArray[np.int64]] = field(default_factory=dict, init=False, repr=False)

    def text_of(self, units: Sequence[str]) -> str:
        """Return the words with spaces between them."""
        return " ".join(units)

    def ids_of(self, unit: str, is_first: bool, view: GradientView) -> NDArray[np.int64]:
        """Return the vocabulary ids of a word between two others, or at the start of a text."""
        if (unit, is_first) not in self._ids:
            start = 0 if is_first else len(CONTEXT)
            encoding = view.encode(f"{CONTEXT[:start]} {unit} {CONTEXT}".lstrip())
            first, last = _tokens_of(start, start + (not is_first) + len(unit), encoding)
            self._ids[unit, is_first] = encoding.ids[first:last]
        return self._ids[unit, is_first]

    def spans_of(self, units: Sequence[str], text: str, encoding: Encoding) -> TokenSpans:
        """Return the tokens that cover characters of each word, or the space in front of it."""
        words = (match.span() for match in re.finditer(r"\S+", text))
        return tuple(_tokens_of(max(0, start - 1), end, encoding) for start, end in words)


@dataclass(frozen=True)
class TokenAlphabet(Alphabet[int]):
    """Tokens of the ranker, between texts of the attacker.

    Of a ranker without a tokenizer they are those of words of the collection that are one token.

    Attributes:
        ids: int64[n], the vocabulary ids of the tokens, ascending.
        vectors: float32[n, H], their input embeddings.
        view: Writes tokens.
        words: The words of tokens, of a ranker without a tokenizer.
        before, after: The attacker's texts.
    """

    ids: NDArray[np.int64]
    vectors: NDArray[np.float32]
    view: GradientView
    words: dict[int, str]
    before: str = ""
    after: str = ""

    @classmethod
    def of(cls, view: GradientView, collection: Collection, before: str = "") -> TokenAlphabet:
        """Return all tokens that texts consist of, behind a text of the attacker."""
        ids, words = view.written_tokens, {}
        if ids is None:
            tokens = {word: view.tokens_of(word) for word in sorted(collection.statistic(document_frequencies))}
            words = {int(of_word[0]): word for word, of_word in tokens.items() if len(of_word) == 1}
            ids = np.array(sorted(words), dtype=np.int64)
        return cls(ids, view.embedding_table[ids], view, words, before)

    def random_words(self, collection: Collection, count: int, rng: np.random.Generator) -> list[int]:
        """Return ``count`` random words of the collection that are a token each, or as many as it has."""
        words, tokens, written = WordAlphabet(), list[int](), set(self.ids.tolist())
        keys = sorted(filter(is_alphabetic, collection.statistic(document_frequencies)))
        for number in rng.permutation(len(keys)).tolist():
            ids = words.ids_of(keys[number], False, self.view).tolist()
            tokens += ids if len(ids) == 1 and written.issuperset(ids) else []
            if len(tokens) == count:
                break
        return tokens

    def written(self, units: Sequence[int]) -> str:
        """Return the text of tokens."""
        return " ".join(self.words[unit] for unit in units) if self.words else self.view.decode(units)

    def text_of(self, units: Sequence[int]) -> str:
        """Return the text of tokens between those of the attacker, with a space between them."""
        text = self.written(units)
        behind = f"{self.before}{' ' * (not text[:1].isspace())}{text}" if self.before else text
        return f"{behind} {self.after}" if self.after else behind

    def ids_of(self, unit: int, is_first: bool, view: GradientView) -> NDArray[np.int64]:
        """Return the token."""
        return np.array([unit], dtype=np.int64)

    def spans_of(self, units: Sequence[int], text: str, encoding: Encoding) -> TokenSpans:
        """Return the tokens behind the first text, one for each slot; slots behind what is read have none."""
        first, count = sum(end <= len(self.before) for _, end in encoding.spans), len(encoding.ids)
        return tuple((min(first + i, count), min(first + i + 1, count)) for i in range(len(units)))


def _tokens_of(start: int, end: int, encoding: Encoding) -> tuple[int, int]:
    """Return the first and the last token, exclusive, that cover some of the characters ``start:end``."""
    covering = [i for i, (first, last) in enumerate(encoding.spans) if first < end and last > start]
    return (covering[0], covering[-1] + 1) if covering else (0, 0)
