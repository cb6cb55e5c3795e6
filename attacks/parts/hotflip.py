"""HotFlip search over words: the slots of a trigger are filled by the words of the largest first-order gain.

Reference: Ebrahimi, Rao, Lowd, Dou: HotFlip, ACL 2018. Candidates are words of the collection instead of wordpieces,
each with the mean of its tokens' input embeddings. So a trigger can be written into a text and tokenised again by any
ranker.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from robustrank.attack import Edit, apply_edits
from robustrank.collections.collection import Collection
from robustrank.rankers.ranker import Encoding, Pair
from robustrank.text.words import Word, document_frequencies, is_alphabetic, words
from robustrank.victim import GradientView, QueryInterface

from .insertion import Position, insertion

Trigger = tuple[str, ...]


@dataclass(frozen=True)
class Lexicon:
    """The candidate words of a trigger.

    Attributes:
        words: n keys, sorted.
        vectors: float32[n, H], the mean input embedding of each word's tokens.
    """

    words: tuple[str, ...]
    vectors: NDArray[np.float32]

    @classmethod
    def of(
        cls, collection: Collection, view: GradientView, minimum_documents: int, max_words: int | None = None
    ) -> Lexicon:
        """Return the alphabetic words of the collection that occur in at least ``minimum_documents`` documents.

        With ``max_words``, only the words of the highest document frequency.
        """
        counts = collection.statistic(document_frequencies)
        frequent = [key for key, count in counts.items() if count >= minimum_documents and is_alphabetic(key)]
        keys = tuple(sorted(sorted(frequent, key=lambda key: (-counts[key], key))[:max_words]))
        return cls(keys, view.mean_vectors(keys))

    def draw(self, length: int, rng: np.random.Generator) -> Trigger:
        """Return a trigger of ``length`` random words."""
        return tuple(self.words[int(i)] for i in rng.integers(len(self.words), size=length))

    def candidate_flips(self, trigger: Trigger, embedding_gradients: NDArray[np.float32], count: int) -> list[Trigger]:
        """Return the ``count`` triggers that differ in one slot and have the largest first-order gain, best first.

        Args:
            trigger: L words.
            embedding_gradients: float32[L, H], the gradient of the objective with respect to each slot's embedding.
            count: How many.
        """
        products = embedding_gradients @ self.vectors.T
        current = np.array([products[slot, self._index(word)] for slot, word in enumerate(trigger)])
        gains = products - current[:, None]
        triggers: dict[Trigger, None] = {}
        for flat_index in np.argsort(-gains, axis=None, kind="stable")[: count + len(trigger)].tolist():
            slot, index = divmod(flat_index, len(self.words))
            if self.words[index] != trigger[slot]:
                triggers[(*trigger[:slot], self.words[index], *trigger[slot + 1 :])] = None
        return list(triggers)[:count]

    def _index(self, word: str) -> int:
        return int(np.searchsorted(np.array(self.words), word))


def hotflip_search(
    trigger: Trigger,
    lexicon: Lexicon,
    embedding_gradients: Callable[[Trigger], NDArray[np.float32]],
    objective: Callable[[Sequence[Trigger]], NDArray[np.float32]],
    steps: int,
    candidates: int,
) -> Iterator[Trigger]:
    """Yield triggers of increasing objective, until no candidate flip is better.

    Args:
        trigger: The initial trigger; it is yielded first.
        lexicon: The candidate words.
        embedding_gradients: Returns float32[L, H], the gradient with respect to each slot's embedding.
        objective: Returns float32[n], the values to maximise, for n triggers.
        steps: The maximum number of steps.
        candidates: The number of candidate flips evaluated in each step.
    """
    yield trigger
    best = float(objective([trigger])[0])
    for _ in range(steps):
        triggers = lexicon.candidate_flips(trigger, embedding_gradients(trigger), candidates)
        values = objective(triggers) if triggers else np.empty(0, dtype=np.float32)
        if not values.size or float(values.max()) <= best:
            return
        best, trigger = float(values.max()), triggers[int(values.argmax())]
        yield trigger


def hotflip_bound(steps: int, candidates: int) -> int:
    """Return how many texts and gradients :func:`hotflip_search` asks at most."""
    return 1 + steps * (1 + candidates)


def search_universal_trigger(
    interface: QueryInterface,
    pairs: Sequence[Pair],
    position: Position,
    trigger: Trigger,
    lexicon: Lexicon,
    steps: int,
    candidates: int,
) -> Trigger:
    """Return the trigger of the highest mean score over (query, document) pairs, by HotFlip search.

    Args:
        interface: The victim model; scores and gradients are needed.
        pairs: Queries and the documents into which the trigger is inserted.
        position: Where it is inserted.
        trigger: The initial trigger.
        lexicon: The candidate words.
        steps: The maximum number of steps.
        candidates: The number of candidate flips evaluated in each step.
    """

    def edit(document: str, slots: Trigger) -> Edit:
        return insertion(document, " ".join(slots), position)

    def mean_gradients(slots: Trigger) -> NDArray[np.float32]:
        gradients = [
            embedding_gradients_in(document, edit(document, slots), interface.gradients(query))
            for query, document in pairs
        ]
        return np.asarray(np.mean(gradients, axis=0), dtype=np.float32)

    def mean_scores(triggers: Sequence[Trigger]) -> NDArray[np.float32]:
        attacked = [
            (query, apply_edits(document, (edit(document, slots),))) for slots in triggers for query, document in pairs
        ]
        return np.asarray(interface.score(attacked).reshape(len(triggers), -1).mean(axis=1), dtype=np.float32)

    *_, best = hotflip_search(trigger, lexicon, mean_gradients, mean_scores, steps, candidates)
    return best


def embedding_gradients_in(document: str, edit: Edit, view: GradientView) -> NDArray[np.float32]:
    """Return float32[L, H]: d score / d embedding of each word that ``edit`` inserts into the document.

    The gradient of a word is the sum over its tokens, because its vector is their mean. It is zero for words that are
    truncated.
    """
    return embedding_gradients_of([(document, edit)], view)[0]


def embedding_gradients_of(edited: Sequence[tuple[str, Edit]], view: GradientView) -> list[NDArray[np.float32]]:
    """Return :func:`embedding_gradients_in` of several documents, each with an edit, all computed in one call."""
    encodings = [view.encode(apply_edits(document, (edit,))) for document, edit in edited]
    _, gradients = view.gradients(encodings)
    return [
        np.array([_word_gradient(word, edit, encoding, gradient) for word in words(edit.text)], dtype=np.float32)
        for (_, edit), encoding, gradient in zip(edited, encodings, gradients, strict=True)
    ]


def _word_gradient(word: Word, edit: Edit, encoding: Encoding, gradient: NDArray[np.float32]) -> NDArray[np.float32]:
    tokens = tokens_within(edit.start + word.start, edit.start + word.end, encoding)
    return np.asarray(gradient[tokens].sum(axis=0), dtype=np.float32)  # zeros without a token


def tokens_within(start: int, end: int, encoding: Encoding) -> list[int]:
    """Return the indices of the tokens inside the characters ``start:end``."""
    return [i for i, (first, last) in enumerate(encoding.spans) if first >= start and last <= end and last > first]
