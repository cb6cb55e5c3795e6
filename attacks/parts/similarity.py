"""The limit on sentence similarity: a substitution keeps what the words around it say, in the eyes of a bi-encoder.

Source: Jin et al. (TextFooler), AAAI 2020, section 3: Universal Sentence Encoder, windows of 15 words, limit .84.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from robustrank.attack import apply_edits
from robustrank.rankers.text_encoder import TextEncoder
from robustrank.text.quality import cosine
from robustrank.text.words import Word

from .substitution import substitution_edits

WINDOW = 15  # words, the replaced one in their middle


def similar(
    text: str, text_words: Sequence[Word], substitutes: Mapping[int, Sequence[str]], encoder: TextEncoder, limit: float
) -> dict[int, tuple[str, ...]]:
    """Return the substitutes of each word, by its index, whose window has a cosine of at least ``limit`` to the word's.

    Windows are of the unchanged text, whatever else is replaced. Words that keep no substitute are left out.

    Args:
        text: A text.
        text_words: Its words.
        substitutes: The substitutes of words, by their indices.
        encoder: A bi-encoder.
        limit: The minimum cosine.
    """
    windows = {i: {key: _window(text, text_words, i, {i: key}) for key in keys} for i, keys in substitutes.items()}
    clean = {i: _window(text, text_words, i, {}) for i in substitutes}
    texts = [*clean.values(), *(window for by_key in windows.values() for window in by_key.values())]
    vectors = encoder.embed(list(dict.fromkeys(texts))) if texts else {}
    kept = {
        i: tuple(key for key, window in by_key.items() if cosine(vectors[clean[i]], vectors[window]) >= limit)
        for i, by_key in windows.items()
    }
    return {i: keys for i, keys in kept.items() if keys}


def _window(text: str, text_words: Sequence[Word], index: int, replaced: Mapping[int, str]) -> str:
    """Return the words around one, with it replaced."""
    first, last = max(0, index - WINDOW // 2), min(len(text_words) - 1, index + WINDOW // 2)
    whole = apply_edits(text, substitution_edits(text_words, replaced))
    grown = len(whole) - len(text)
    return whole[text_words[first].start : text_words[last].end + grown]
