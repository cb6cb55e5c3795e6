"""GASLITE: a suffix of tokens, searched by gradients at several positions at once, that is close to many queries.

Reference: Ben-Tov, Sharif: GASLITEing the Retrieval: Exploring Vulnerabilities in Dense Embedding-based Search, arXiv
2412.20953 (CCS 2025), Algorithm 1; values of its authors' code, read in the copy in yxf203/PoisonArena.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray

from robustrank.attack import Perturbation, TargetBound
from robustrank.collections.collection import Collection
from robustrank.plugins.constraints import Count, Range, Share
from robustrank.steps import Steps
from robustrank.victim import QueryInterface, Target, Victim

from .parts.alphabets import TokenAlphabet
from .parts.insertion import insert
from .parts.kept_search import KeptSearch
from .parts.lexicon import largest
from .parts.query_groups import GroupedPassages, QueryGroup
from .parts.slots import Flip, SlotModel, Variants
from .parts.surrogates import VICTIM, ImitationSettings, PairModel, Surrogate, pair_model

MANY = 0.67  # of the slots are flipped in an iteration where there are fewer than are wanted


@dataclass
class Gaslite(GroupedPassages):
    """Appends an attacker's text and a suffix of tokens that is optimised once for many training queries.

    It is for rankers that embed queries and documents apart. Without a target document the text and the suffix are
    the whole passage. A sweep of ``iterations`` goes on where the shorter search ended.
    """

    length: Count = 50  # tokens of a suffix
    text: str = ""  # the attacker's text in front of each suffix; empty: the suffix alone
    clusters: Count = 1  # suffixes, each for the training queries of one cluster
    surrogate: Surrogate = "victim"  # surrogate model: victim (white box), imitation, or a ranker's specification
    imitation: ImitationSettings = field(default_factory=dict)  # settings: surrogate, queries, top, training, …
    iterations: Count = 100  # iterations, each with a gradient and flips at several positions
    gradients: Count = 50  # copies whose gradients are averaged: the suffix, and others with one random token
    tokens: Annotated[int, Range(at_least=2)] = 256  # tokens of the largest first-order gain that a position may get
    positions: Count = 20  # random positions an iteration, one after the other; 67 % of a suffix that has fewer
    candidates: Annotated[int, Range(at_least=2)] = 128  # tokens scored at a position: the best, and some of the others
    sampled: Share = 0.5  # share of the candidates that is drawn from those behind the best

    size_parameter = "length"
    budget_unit = "tokens"
    prolonged_by = "iterations"
    reference = "Ben-Tov and Sharif, arXiv 2412.20953, Algorithm 1; code matanbt/GASLITE"
    deviations = (
        "the objective is the mean similarity to a cluster's queries, which is that to their centroid for cosines and "
        "dot products; a suffix begins as random words of the collection that are a token each, in place of text that "
        "GPT-2 writes; the beam is one; there is no term for fluency or norm; a token sequence that decoding and "
        "encoding change is passed over when it is about to be kept, not before it is scored; the task decides what "
        "the attacker knows; behind a target document the suffix is the one optimised without it"
    )

    _passages: list[tuple[QueryGroup, str, str]] = field(default_factory=list, init=False, repr=False)

    def prepare_bound(self, collection: Collection) -> int:
        """All iterations: each text of each cluster is differentiated or scored for each of its queries."""
        if self.surrogate != VICTIM:
            return super().prepare_bound(collection)
        texts = self.gradients + self._flipped * (1 + self.candidates)
        return self.iterations * texts * len(collection.queries)

    def target_bound(self, collection: Collection) -> TargetBound:
        """No query."""
        return lambda target: 0

    def perturb(self, target: Target, victim: Victim, rng: np.random.Generator) -> Perturbation:
        """Return the document with the text and the suffix of the cluster nearest to the query at its end."""
        text, note = self._passage_for(target, victim)
        edited = insert(target.document, text, "end") if text else Perturbation(target.document)
        return Perturbation(edited.text, edited.edits, note)

    @property
    def _flipped(self) -> int:
        """How many positions are flipped in an iteration."""
        return self.positions if self.positions <= self.length else max(1, int(MANY * self.length))

    def _search(
        self,
        groups: Sequence[QueryGroup],
        interface: QueryInterface,
        collection: Collection,
        rng: np.random.Generator,
    ) -> list[tuple[str, str]]:
        """Return for each group the text and its suffix."""
        model = pair_model(self._surrogate, interface)
        alphabet = TokenAlphabet.of(model.gradients(""), collection, self.text)
        starts = alphabet.random_words(collection, self.length, rng)
        if not starts:
            return []
        search, kept = _Search(self, groups, model, alphabet, starts, rng), KeptSearch(interface, rng)
        done, state = kept.resume(self.iterations)
        if state:
            search.restore(state)
        progress = Steps(self.iterations - done, "iterations")
        for iteration in range(done + 1, self.iterations + 1):
            search.iterate()
            kept.keep_now_and_then(iteration, lambda: search.state)
            progress.advance()
        kept.keep(self.iterations, search.state)
        return [
            (passage.text, "" if passage.is_whole else "the ranker does not read all of it")
            for passage in search.passages
        ]


class _Search:
    """The search of suffixes for several groups, an iteration of all at a time.

    Attributes:
        passages: The passage of each group so far.
    """

    def __init__(
        self,
        attack: Gaslite,
        groups: Sequence[QueryGroup],
        model: PairModel,
        alphabet: TokenAlphabet,
        starts: Sequence[int],
        rng: np.random.Generator,
    ) -> None:
        self._attack, self._model, self._alphabet, self._rng = attack, SlotModel(model, alphabet), alphabet, rng
        self._queries = [group.queries for group in groups]
        drawn = rng.integers(len(starts), size=(len(groups), attack.length))
        self.passages = [self._model.read([starts[i] for i in row]) for row in drawn.tolist()]
        self._squares = alphabet.vectors.T @ alphabet.vectors  # float32[H, H]: the norm of a gradient by one-hot tokens

    def iterate(self) -> None:
        """Flip random positions of each suffix, one after the other, to the best of the tokens that gradients name."""
        attack, rng = self._attack, self._rng
        gradients = self._mean_gradients()
        chosen = [np.sort(rng.choice(attack.length, attack._flipped, replace=False)).tolist() for _ in self.passages]
        named = [
            [largest(gains, attack.tokens) for gains in of_group[slots] @ self._alphabet.vectors.T]
            for of_group, slots in zip(gradients, chosen, strict=True)
        ]
        for number in range(attack._flipped):
            variants: list[Variants[int]] = [
                (queries, passage, self._flips(slots[number], tokens[number]))
                for queries, passage, slots, tokens in zip(self._queries, self.passages, chosen, named, strict=True)
            ]
            self.passages = self._model.improved(variants)

    @property
    def state(self) -> dict[str, object]:
        """What :meth:`restore` needs, as plain data."""
        return {"suffixes": [passage.units for passage in self.passages]}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from a state."""
        self.passages = [self._model.read(units) for units in state["suffixes"]]

    def _mean_gradients(self) -> list[NDArray[np.float32]]:
        """Return for each group float32[slots, H], the mean direction over its suffix and copies with a random token.

        Each gradient has the norm 1 as one by one-hot tokens before it is averaged, as in the authors' code.
        """
        count, size, rng = self._attack.gradients - 1, self._attack.length, self._rng
        variants: list[Variants[int]] = []
        for queries, passage in zip(self._queries, self.passages, strict=True):
            slots, tokens = rng.integers(size, size=count), rng.integers(len(self._alphabet.ids), size=count)
            flips = list(zip(slots.tolist(), self._alphabet.ids[tokens].tolist(), strict=True))
            variants.append((queries, passage, flips))
        means = []
        for of_group in self._model.gradients(variants):
            norms = np.sqrt(
                np.maximum(np.einsum("csh,hi,csi->cs", of_group, self._squares, of_group, optimize=True), 0)
            )
            means.append((of_group / np.where(norms > 0, norms, 1)[..., None]).mean(axis=0))
        return means

    def _flips(self, slot: int, named: NDArray[np.int64]) -> list[Flip[int]]:
        """Return the flips tried in a slot: the best tokens, and a sample of those behind them, each once."""
        sampled = int(self._attack.candidates * self._attack.sampled)
        best, others = np.split(named, [self._attack.candidates - sampled])
        drawn = others[self._rng.integers(len(others), size=sampled)] if len(others) else others
        tokens = self._alphabet.ids[np.concatenate([best, drawn])].tolist()
        return [(slot, token) for token in dict.fromkeys(tokens)]
