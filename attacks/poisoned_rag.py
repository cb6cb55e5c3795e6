"""PoisonedRAG, retrieval half: the query, or a prefix optimised for it, in front of the attacker's text.

Reference: Zou, Geng, Wang, Jia: PoisonedRAG: Knowledge Corruption Attacks to Retrieval-Augmented Generation of Large
Language Models, USENIX Security 2025 (code sleeepeer/PoisonedRAG).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np

from robustrank.attack import Perturbation, TargetBound
from robustrank.collections.collection import Collection
from robustrank.plugins.constraints import Count
from robustrank.rankers.ranker import Pair, Scores
from robustrank.victim import Access, BudgetExhausted, GradientView, QueryInterface, Target, Victim

from .parts.alphabets import TokenAlphabet
from .parts.insertion import insert
from .parts.lexicon import largest
from .parts.preparation import require_prepared
from .parts.slots import Passage, SlotModel
from .parts.surrogates import ImitationSettings, Surrogate, SurrogateAttack, SurrogateScorer, pair_model


@dataclass
class PoisonedRag(SurrogateAttack):
    """Puts the query and a full stop, or a prefix that HotFlip makes of the query, in front of the document.

    The document is the attacker's text: in task ``corpus-attack`` with ``begin: passage`` and ``documents: 5``.
    """

    form: Literal["black-box", "white-box"] = "black-box"  # the query itself, or a prefix optimised by gradients
    surrogate: Surrogate = "victim"  # of the white box; surrogate model: victim, imitation, or a ranker's specification
    imitation: ImitationSettings = field(default_factory=dict)  # settings: surrogate, queries, top, training, …
    start: Literal["query", "random"] = "query"  # what a prefix begins as: the query's tokens, or random words
    length: Count = 30  # tokens of a prefix that begins as random words
    iterations: Count = 30  # iterations, each in one random token of the prefix
    candidates: Count = 100  # tokens scored in each iteration, those of the largest first-order gain

    size_parameter = "length"
    budget_unit = "tokens"
    reference = "Zou, Geng, Wang, Jia, USENIX Security 2025, section 4; code sleeepeer/PoisonedRAG"
    deviations = (
        "the attacker's text is the target document, not one that a language model writes for a wrong answer, and "
        "nothing is generated from the lists; a space follows the full stop; other starts than the query are random "
        "words of the collection, not mask tokens; token sequences that decoding and encoding change are not kept"
    )
    control = "random-trigger"

    _alphabet: TokenAlphabet | None = field(default=None, init=False, repr=False)
    _words: list[int] = field(default_factory=list, init=False, repr=False)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.form == "black-box":
            self.access = Access.NOTHING

    def prepare(self, interface: QueryInterface, collection: Collection, rng: np.random.Generator) -> None:
        """Load or train the surrogate model of the white box, and collect its tokens."""
        if self.form == "white-box":
            self._load_surrogate(interface, collection, rng)
            self._alphabet = TokenAlphabet.of(pair_model(self._surrogate, interface).gradients(""), collection)
            self._words = self._alphabet.random_words(collection, self.length, rng)

    def prepare_bound(self, collection: Collection) -> int:
        """What an imitation model learns from."""
        return 0 if self.form == "black-box" else super().prepare_bound(collection)

    def target_bound(self, collection: Collection) -> TargetBound:
        """No query of the black box."""
        return (lambda target: 0) if self.form == "black-box" else super().target_bound(collection)

    def perturb(self, target: Target, victim: Victim, rng: np.random.Generator) -> Perturbation:
        """Return the document behind the query or a prefix; as it is if the budget does not suffice for one."""
        if self.form == "white-box":
            return super().perturb(target, victim, rng)
        if not target.query.strip():
            return Perturbation(target.document, note="the query has no word to insert")
        return insert(target.document, f"{target.query.strip()}.", "start")

    def _search_bound(self, collection: Collection) -> TargetBound:
        return lambda target: self.iterations * (2 + self.candidates)

    def _insert(self, target: Target, scorer: SurrogateScorer, rng: np.random.Generator) -> Perturbation:
        alphabet = replace(require_prepared(self._alphabet), after=target.document)
        units = self._start(target.query, alphabet)
        if not units:
            return Perturbation(target.document, note=f"there is no token to begin with: start is {self.start}")
        model, exhausted = SlotModel(_OneQuery(scorer), alphabet), False
        passage = model.read(units)
        try:
            for _ in range(self.iterations):
                passage = self._flipped(model, alphabet, passage, target.query, rng)
        except BudgetExhausted:
            exhausted = True
        prefix = insert(target.document, alphabet.written(passage.units), "start")
        return replace(prefix, exhausted=exhausted)

    def _start(self, query: str, alphabet: TokenAlphabet) -> list[int]:
        """Return the tokens of a prefix before the first iteration."""
        if self.start == "random":
            return self._words
        written = set(alphabet.ids.tolist())
        return [token for token in alphabet.view.encode(query).ids.tolist() if token in written]

    def _flipped(
        self,
        model: SlotModel[int],
        alphabet: TokenAlphabet,
        passage: Passage[int],
        query: str,
        rng: np.random.Generator,
    ) -> Passage[int]:
        """Return the passage with the best token in one random slot, or as it is."""
        slot = int(rng.integers(len(passage.units)))
        (gradients,) = model.gradients([([query], passage, ())])
        tokens = alphabet.ids[largest(alphabet.vectors @ gradients[0, slot], self.candidates)].tolist()
        (better,) = model.improved([([query], passage, [(slot, token) for token in tokens])])
        return better


@dataclass(frozen=True)
class _OneQuery:
    """A surrogate, or the victim, as it is asked about one query."""

    scorer: SurrogateScorer

    def score(self, pairs: Sequence[Pair]) -> Scores:
        return self.scorer.scores([text for _, text in pairs])

    def gradients(self, query: str) -> GradientView:
        return self.scorer.view
