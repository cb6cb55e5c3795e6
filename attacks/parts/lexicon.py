"""The candidate words of a trigger, with their vectors in the embedding space of a model.

Candidates are words of the collection instead of wordpieces, each with the mean of its tokens' input embeddings. So a
trigger can be written into a text and tokenised again by any ranker.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from robustrank.collections.collection import Collection
from robustrank.text.words import document_frequencies, is_alphabetic
from robustrank.victim import GradientView

Trigger = tuple[str, ...]
Start = Literal["mask", "random"]


@dataclass(frozen=True)
class Lexicon:
    """The candidate words of a trigger.

    Attributes:
        words: n keys, sorted.
        vectors: float32[n, H], the mean input embedding of each word's tokens.
        filler: What fills the slots of a trigger that has no word yet: the model's mask token, or else the word of the
            highest document frequency; empty without words.
    """

    words: tuple[str, ...]
    vectors: NDArray[np.float32]
    filler: str

    @classmethod
    def of(
        cls, collection: Collection, view: GradientView, minimum_documents: int, max_words: int | None = None
    ) -> Lexicon:
        """Return the alphabetic words of the collection that occur in at least ``minimum_documents`` documents.

        With ``max_words``, only the words of the highest document frequency.
        """
        counts = collection.statistic(document_frequencies)
        frequent = [key for key, count in counts.items() if count >= minimum_documents and is_alphabetic(key)]
        commonest = sorted(frequent, key=lambda key: (-counts[key], key))[:max_words]
        keys = tuple(sorted(commonest))
        return cls(keys, view.mean_vectors(keys), (view.mask or commonest[0]) if commonest else "")

    def draw(self, length: int, rng: np.random.Generator) -> Trigger:
        """Return a trigger of ``length`` random words."""
        return tuple(self.words[int(i)] for i in rng.integers(len(self.words), size=length))

    def initial(self, length: int, start: Start, rng: np.random.Generator) -> Trigger:
        """Return the trigger from which a search begins."""
        return (self.filler,) * length if start == "mask" else self.draw(length, rng)

    def flips(self, trigger: Trigger, slot: int, gradient: NDArray[np.float32], count: int) -> list[Trigger]:
        """Return the trigger with each of the ``count`` words of the largest first-order gain in one slot, best first.

        Args:
            trigger: L words.
            slot: The slot, from 0; its present word is left out.
            gradient: float32[H], the gradient of the objective with respect to the slot's embedding.
            count: How many.
        """
        (chosen,) = self.nearest(gradient[None], [trigger[slot]], count)
        return [(*trigger[:slot], word, *trigger[slot + 1 :]) for word in chosen]

    def nearest(self, gradients: NDArray[np.float32], present: Sequence[str], count: int) -> list[list[str]]:
        """Return for each slot the ``count`` words of the largest first-order gain, best first, not the present one.

        Args:
            gradients: float32[slots, H], the gradient of the objective with respect to each slot's embedding.
            present: The word in each slot.
            count: How many.
        """
        gains = gradients @ self.vectors.T
        orders = (largest(of_slot, count + 1).tolist() for of_slot in gains)
        return [
            [word for word in map(self.words.__getitem__, order) if word != now][:count]
            for order, now in zip(orders, present, strict=True)
        ]

    def written(self, trigger: Trigger) -> Trigger:
        """Return the words of a trigger, without the slots that a mask token still fills."""
        return tuple(word for word in trigger if word != self.filler or word in self.words)


def largest(values: NDArray[np.float32], count: int) -> NDArray[np.int64]:
    """Return int64[count], or as many as there are: the indices of the largest values, in descending order."""
    if count >= len(values):
        return np.argsort(-values, kind="stable")
    among = np.sort(np.argpartition(-values, count)[:count])
    return np.asarray(among[np.argsort(-values[among], kind="stable")], dtype=np.int64)
