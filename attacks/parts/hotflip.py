"""HotFlip on words: a trigger has slots, and gradients say which word in which slot would raise a score most.

Source: Ebrahimi, Rao, Lowd, Dou: HotFlip, ACL 2018 (first-order gain of a flip). Words of the collection stand for the
vocabulary's tokens, each with the mean of its tokens' embeddings, so that a trigger can be written into a text and read
back, whatever the ranker's tokeniser.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from robustrank.attack import Edit, apply_edits
from robustrank.collections.collection import Collection
from robustrank.rankers.ranker import Encoding
from robustrank.text.words import document_frequencies, words
from robustrank.victim import GradientView

Trigger = tuple[str, ...]


@dataclass(frozen=True)
class Lexicon:
    """The words triggers are made of.

    Attributes:
        words: n keys, sorted.
        vectors: float32[n, H], the mean input embedding of each word's tokens.
    """

    words: tuple[str, ...]
    vectors: NDArray[np.float32]

    @classmethod
    def of(cls, collection: Collection, view: GradientView, minimum: int, most: int | None = None) -> Lexicon:
        """Return the collection's alphabetic words that stand in ``minimum`` documents or more.

        With ``most``, they are the so many that stand in the most documents.
        """
        counts = document_frequencies(collection.documents.values())
        kept = [key for key, count in counts.items() if count >= minimum and key.isalpha()]
        keys = tuple(sorted(sorted(kept, key=lambda key: (-counts[key], key))[:most]))
        return cls(keys, mean_vectors(keys, view))

    def draw(self, length: int, rng: np.random.Generator) -> Trigger:
        """Return ``length`` random words."""
        return tuple(self.words[int(i)] for i in rng.integers(len(self.words), size=length))

    def candidate_flips(self, trigger: Trigger, embedding_gradients: NDArray[np.float32], count: int) -> list[Trigger]:
        """Return the ``count`` triggers, one word away, of the largest first-order gain, best first.

        Args:
            trigger: L words.
            embedding_gradients: float32[L, H], the gradient of what is to rise by the embedding of each slot.
            count: How many.
        """
        gains = embedding_gradients @ self.vectors.T
        found: dict[Trigger, None] = {}
        own = np.array([gains[slot, self._index(word)] for slot, word in enumerate(trigger)])
        relative = gains - own[:, None]
        places = np.argsort(-relative, axis=None, kind="stable")[: count + len(trigger)]
        for place in places.tolist():
            slot, index = divmod(place, len(self.words))
            if self.words[index] != trigger[slot]:
                found[(*trigger[:slot], self.words[index], *trigger[slot + 1 :])] = None
        return list(found)[:count]

    def _index(self, word: str) -> int:
        return int(np.searchsorted(np.array(self.words), word))


def mean_vectors(keys: Sequence[str], view: GradientView) -> NDArray[np.float32]:
    """Return float32[n, H], the mean input embedding of each word's tokens; zeros for a word without tokens."""
    table = view.embedding_table
    vectors = np.zeros((len(keys), table.shape[1]), dtype=np.float32)
    for row, key in enumerate(keys):
        tokens = view.tokens_of(key)
        if len(tokens):
            vectors[row] = table[tokens].mean(axis=0)
    return vectors


def hotflip_search(
    trigger: Trigger,
    lexicon: Lexicon,
    embedding_gradients: Callable[[Trigger], NDArray[np.float32]],
    values: Callable[[Sequence[Trigger]], NDArray[np.float32]],
    steps: int,
    candidates: int,
) -> Iterator[Trigger]:
    """Yield better and better triggers: the best of the ``candidates`` likeliest flips, until none is better.

    Args:
        trigger: Where to start; it is yielded first.
        lexicon: What slots may hold.
        embedding_gradients: Returns float32[L, H], the gradient by the embedding of each slot.
        values: Returns float32[n], what is to rise, for n triggers.
        steps: Flips at the most.
        candidates: Flips tried in each step.
    """
    yield trigger
    best = float(values([trigger])[0])
    for _ in range(steps):
        tries = lexicon.candidate_flips(trigger, embedding_gradients(trigger), candidates)
        found = values(tries) if tries else np.empty(0, dtype=np.float32)
        if not found.size or float(found.max()) <= best:
            return
        best, trigger = float(found.max()), tries[int(found.argmax())]
        yield trigger


def embedding_gradients_in(document: str, edit: Edit, view: GradientView) -> NDArray[np.float32]:
    """Return float32[L, H]: d score / d embedding of each word that ``edit`` writes into the document.

    A word's gradient is the sum over its tokens: its vector stands for the mean. Words cut off by truncation have none.
    """
    encoding = view.encode(apply_edits(document, (edit,)))
    _, (gradient,) = view.gradients([encoding])
    rows = []
    for word in words(edit.text):
        inside = tokens_within(edit.start + word.start, edit.start + word.end, encoding)
        rows.append(gradient[inside].sum(axis=0) if inside else np.zeros(gradient.shape[1], dtype=np.float32))
    return np.array(rows, dtype=np.float32)


def tokens_within(start: int, end: int, encoding: Encoding) -> list[int]:
    """Return the indices of the tokens that stand inside the characters ``start:end``."""
    return [i for i, (first, last) in enumerate(encoding.spans) if first >= start and last <= end and last > first]
