"""Surrogate models: the scores and gradients that an attack optimises against.

A surrogate is a ranker of the attacker, an imitation model distilled from the victim, or (white box) the victim model
itself. Only scores and gradients of the victim count as queries.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Protocol

import numpy as np

from robustrank.attack import Attack, Perturbation, TargetBound
from robustrank.collections.collection import Collection
from robustrank.errors import UsageError
from robustrank.imitation import Imitation, imitate
from robustrank.language_model import language_model_digest, language_model_languages
from robustrank.memo import Memo
from robustrank.plugins import NestedPlugin, NestedSettings, create, find
from robustrank.plugins.specification import parse
from robustrank.rankers.ranker import GradientRanker, Pair, Ranker, Scores
from robustrank.rankers.serving import ServedRanker
from robustrank.records import Candidate
from robustrank.victim import Access, BudgetExhausted, GradientView, QueryInterface, Target, Victim

STD_SAMPLE = 20  # documents of a list whose scores give their standard deviation
VICTIM, IMITATION = "victim", "imitation"
Surrogate = Annotated[str, NestedPlugin("ranker", besides=(VICTIM, IMITATION))]
ImitationSettings = Annotated[dict[str, Any], NestedSettings(Imitation, "surrogate", IMITATION)]


def access_of(surrogate: str) -> Access:
    """Return the access that a surrogate needs: white-box for the victim itself, rank-only for an imitation model."""
    return {VICTIM: Access.GRADIENTS, IMITATION: Access.RANKS}.get(surrogate, Access.NOTHING)


def check_surrogate(name: str) -> None:
    """Refuse a ranker that can be no surrogate; it is not loaded.

    Raises:
        UsageError: It has no gradients.
    """
    if name not in (VICTIM, IMITATION) and not hasattr(find("ranker", parse(name).name), "gradients"):
        raise UsageError(f"surrogate {name!r} has no gradients", allowed="a transformer ranker")


def load_surrogate(
    name: str,
    imitation: Mapping[str, Any],
    interface: QueryInterface,
    collection: Collection,
    rng: np.random.Generator,
) -> GradientRanker | None:
    """Return the surrogate model, trained if it is an imitation model; None if the surrogate is the victim itself.

    Args:
        name: A ranker's specification, ``imitation`` or ``victim``.
        imitation: Settings of the imitation.
        interface: The victim model.
        collection: Queries and candidates of the imitation's training.
        rng: Random generator of the imitation.

    Raises:
        UsageError: The ranker has no gradients.
    """
    if name == VICTIM:
        return None
    if name == IMITATION:
        surrogate: Ranker = imitate(interface, collection, Imitation.of(imitation), rng)
    else:
        surrogate = create("ranker", parse(name))
        surrogate.prepare(collection)
    if not isinstance(surrogate, GradientRanker):
        raise UsageError(f"surrogate {name!r} has no gradients", allowed="a transformer ranker")
    return surrogate


def surrogate_bound(name: str, imitation: Mapping[str, Any], collection: Collection) -> int:
    """Return how many queries to the victim :func:`load_surrogate` makes at most: a document of a list each."""
    if name != IMITATION:
        return 0
    lengths = sorted(map(len, collection.candidates.values()), reverse=True)
    return sum(lengths[: Imitation.of(imitation).queries])


class PairModel(Protocol):
    """What scores and differentiates pairs while an attack prepares: the victim, or a surrogate, which is free."""

    def score(self, pairs: Sequence[Pair]) -> Scores:
        """Return float32[n], the scores of pairs."""

    def gradients(self, query: str) -> GradientView:
        """Return the input embeddings and gradients for a query."""


class _SurrogatePairs:
    def __init__(self, surrogate: GradientRanker) -> None:
        self._surrogate = surrogate
        self._served = ServedRanker(surrogate)  # type: ignore[arg-type]  # checked to be both when it was loaded

    def score(self, pairs: Sequence[Pair]) -> Scores:
        return self._served.score(pairs)

    def gradients(self, query: str) -> GradientView:
        return GradientView(self._surrogate, query, lambda count: None)  # counts as no query


def pair_model(surrogate: GradientRanker | None, interface: QueryInterface) -> PairModel:
    """Return the surrogate for any pairs, or else the victim."""
    return interface if surrogate is None else _SurrogatePairs(surrogate)


def prepared_view(surrogate: GradientRanker | None, interface: QueryInterface) -> GradientView:
    """Return the input embeddings and gradients that ``prepare`` uses: the surrogate's, or else the victim's."""
    return pair_model(surrogate, interface).gradients("")


@dataclass(frozen=True)
class SurrogateScorer:
    """Scores and gradients of the surrogate model for one query.

    Attributes:
        view: Input embeddings and gradients.
        scores: Returns float32[n], the scores of n texts.
    """

    view: GradientView
    scores: Callable[[Sequence[str]], Scores]

    @classmethod
    def of(cls, surrogate: GradientRanker | None, target: Target, victim: Victim) -> SurrogateScorer:
        """Return the scorer for the target's query; it scores with the victim if ``surrogate`` is None."""
        if surrogate is None:
            return cls(victim.gradients(), victim.scores)
        model = _SurrogatePairs(surrogate)

        def scores(texts: Sequence[str]) -> Scores:
            return model.score([(target.query, text) for text in texts])

        return cls(model.gradients(target.query), scores)

    def score_std(self, target: Target, count: int = STD_SAMPLE) -> float:
        """Return the standard deviation of the scores of ``count`` evenly spaced documents of the list; 1 instead of 0.

        Scores divided by it are comparable over rankers, and with log-probabilities.
        """
        sample = target.ranked[:: max(1, len(target.ranked) // count)][:count]
        deviation = float(np.std(self.scores([candidate.text for candidate in sample]))) if sample else 0.0
        return deviation or 1.0


class UsesSurrogate(Attack):
    """Base class of attacks that optimise against a surrogate model.

    A subclass is a dataclass with the parameters below, and calls ``_load_surrogate`` in its ``prepare``.
    """

    surrogate: str
    imitation: dict[str, Any]

    _surrogate: GradientRanker | None = None

    def __post_init__(self) -> None:
        Imitation.of(self.imitation)  # refuse unknown settings before anything runs
        self.access = access_of(self.surrogate)

    def check(self) -> None:
        """Refuse a surrogate without gradients."""
        check_surrogate(self.surrogate)

    def prepare_bound(self, collection: Collection) -> int:
        """The lists that an imitation model learns from."""
        return surrogate_bound(self.surrogate, self.imitation, collection)

    def _load_surrogate(self, interface: QueryInterface, collection: Collection, rng: np.random.Generator) -> None:
        self._surrogate = load_surrogate(self.surrogate, self.imitation, interface, collection, rng)


class SurrogateAttack(UsesSurrogate):
    """Base class of attacks that insert a text optimised for each target, perhaps with a language model."""

    language_model: str = ""

    _deviations: Memo[tuple[str, tuple[Candidate, ...]], float]

    def __post_init__(self) -> None:
        super().__post_init__()
        self._deviations = Memo()

    @property
    def languages(self) -> tuple[str, ...]:
        """English with the default language model; any with another, which the user answers for, or without one."""
        return language_model_languages(self.language_model) if self.language_model else ()

    @property
    def fingerprint(self) -> str:
        """The digest of the language model's files, if there is one."""
        return language_model_digest(self.language_model) if self.language_model else ""

    def target_bound(self, collection: Collection) -> TargetBound:
        """The texts and gradients that the search asks of its surrogate model, if that is the victim."""
        return self._search_bound(collection) if self.surrogate == VICTIM else lambda target: 0

    def perturb(self, target: Target, victim: Victim, rng: np.random.Generator) -> Perturbation:
        """Return the document with the text inserted; the clean document if the query budget does not suffice."""
        try:
            return self._insert(target, SurrogateScorer.of(self._surrogate, target, victim), rng)
        except BudgetExhausted as error:
            return Perturbation(target.document, note=str(error), exhausted=True)

    @abstractmethod
    def _search_bound(self, collection: Collection) -> TargetBound:
        """Return the bound of the texts and gradients that the search asks of its surrogate model."""

    @abstractmethod
    def _insert(self, target: Target, scorer: SurrogateScorer, rng: np.random.Generator) -> Perturbation:
        """Return the document with the text inserted."""

    def _score_std(self, target: Target, scorer: SurrogateScorer) -> float:
        """Return :meth:`SurrogateScorer.score_std`, which a surrogate computes once a list."""
        if self.surrogate == VICTIM:
            return scorer.score_std(target)
        return self._deviations.get((target.query, target.ranked), lambda: scorer.score_std(target))
