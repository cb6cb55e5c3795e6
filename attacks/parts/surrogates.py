"""Whose scores and gradients an attack follows: a ranker of its own, one taught by the victim, or the victim itself.

Only the victim's count as queries.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np

from robustrank.collections.collection import Collection
from robustrank.errors import UsageError
from robustrank.imitation import Imitation, imitate
from robustrank.plugins import NestedPlugin, NestedSettings, create
from robustrank.plugins.specification import parse
from robustrank.rankers.ranker import GradientRanker, Ranker, Scores
from robustrank.rankers.scoring import Scorer
from robustrank.victim import Access, GradientView, QueryInterface, Target, Victim

VICTIM, IMITATION = "victim", "imitation"
Surrogate = Annotated[str, NestedPlugin("ranker", besides=(VICTIM, IMITATION))]
ImitationSettings = Annotated[dict[str, Any], NestedSettings(Imitation, "surrogate", IMITATION)]


def access_of(surrogate: str) -> Access:
    """Return what an attack needs that asks its victim for nothing but what its surrogate needs."""
    return {VICTIM: Access.GRADIENTS, IMITATION: Access.RANKS}.get(surrogate, Access.NOTHING)


def load_surrogate(
    name: str,
    imitation: Mapping[str, Any],
    interface: QueryInterface,
    collection: Collection,
    rng: np.random.Generator,
) -> GradientRanker | None:
    """Return the surrogate, taught where it is an imitation; None stands for the victim.

    Args:
        name: A ranker's specification, ``imitation`` or ``victim``.
        imitation: Settings of the imitation.
        interface: The victim.
        collection: Queries and candidates from which may be learned.
        rng: Of the imitation.

    Raises:
        UsageError: It has no gradients.
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


def prepared_view(surrogate: GradientRanker | None, interface: QueryInterface) -> GradientView:
    """Return the embeddings and gradients an attack prepares with; the victim's where there is no surrogate."""
    return interface.gradients("") if surrogate is None else _free_view(surrogate, "")


def _free_view(surrogate: GradientRanker, query: str) -> GradientView:
    """Return a surrogate's gradients, which cost nothing."""
    return GradientView(surrogate, query, lambda count: None)


@dataclass(frozen=True)
class SurrogateScorer:
    """Scores and gradients for one query.

    Attributes:
        view: Gradients.
        scores: Returns float32[n], the scores of n texts.
    """

    view: GradientView
    scores: Callable[[Sequence[str]], Scores]

    @classmethod
    def of(cls, surrogate: GradientRanker | None, target: Target, victim: Victim) -> SurrogateScorer:
        """Return the guide for a target; the victim's where there is no surrogate."""
        if surrogate is None:
            return cls(victim.gradients(), victim.scores)
        scorer = Scorer(surrogate)  # type: ignore[arg-type]  # checked to be both when it was loaded

        def scores(texts: Sequence[str]) -> Scores:
            return scorer.score([(target.query, text) for text in texts])

        return cls(_free_view(surrogate, target.query), scores)

    def spread(self, target: Target, count: int = 20) -> float:
        """Return the standard deviation of scores over ``count`` documents of the list, evenly spaced; 1 where it is 0.

        Rankers score on scales of their own; this is what makes them comparable with log-probabilities.
        """
        listed = target.ranked[:: max(1, len(target.ranked) // count)][:count]
        found = float(np.std(self.scores([candidate.text for candidate in listed]))) if listed else 0.0
        return found or 1.0
