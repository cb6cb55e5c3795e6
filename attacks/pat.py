"""PAT: a fluent trigger that outranks the best passages under an imitation of the victim.

Source: Liu, Kang, Tang, Song, Sun, Wang, Lu, Liu: Order-Disorder: Imitation Adversarial Attacks for Black-box Neural
Ranking Models, CCS 2022, arXiv 2209.06506 (pairwise anchor-based trigger). Differences are in ``PAT.deviations``.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from robustrank.attack import Attack, Perturbation, apply_edits
from robustrank.collections.collection import Collection
from robustrank.imitation import Imitation
from robustrank.language_model import SMOLLM2, language_model, language_model_digest
from robustrank.rankers.ranker import GradientRanker, Scores
from robustrank.text.stopwords import STOP_WORDS
from robustrank.text.words import document_frequencies, words
from robustrank.victim import BudgetExhausted, QueryInterface, Target, Victim

from .parts.decoding import Decoder, DecodingConfig
from .parts.insertion import Position, insertion
from .parts.surrogates import (
    VICTIM,
    ImitationSettings,
    Surrogate,
    SurrogateScorer,
    access_of,
    load_surrogate,
    prepared_view,
)


@dataclass
class PAT(Attack):
    """Writes a trigger by beam search, under a surrogate's guidance and a language model's, against an anchor."""

    length: int = 6  # tokens of the trigger
    position: Position = "start"  # where it is inserted
    surrogate: Surrogate = "imitation"  # whose scores: imitation, a ranker's specification, or victim (white box)
    imitation: ImitationSettings = field(default_factory=dict)  # how it is learned: surrogate, queries, top, …
    language_model: str = SMOLLM2  # smollm2, a folder, or a name on the hub
    beams: int = 10  # triggers kept in a step
    candidates: int = 128  # tokens tried after each
    anchors: int = 3  # passages at the head of the list that make the anchor
    similar: int = 300  # words of the collection, nearest to the query by the surrogate, that earn the bonus
    bonus: float = 0.68  # of the anchor's words and the similar ones, in nats
    guidance: float = 5.0  # weight of the surrogate's gradient in the choice of tokens to try; 0 leaves it out
    fluency: float = 0.6  # weight of the mean log-probability of the trigger
    coherence: float = 0.1  # weight of the mean gain in log-probability after the document; 0: a trigger a query
    vocabulary: int = 2000  # words of the collection, by document frequency, among which the similar are sought

    size_parameter = "length"
    budget_unit = "tokens"
    cost = "language model"
    reference = "Liu et al. (PAT), CCS 2022, arXiv 2209.06506; parameters of the authors' script and its README"
    deviations = (
        "a causal language model's log-probability after the document's beginning, less that without it, takes the "
        "place of next-sentence prediction; gradients choose tokens by first-order gain (the authors' five steps of "
        ".001 hardly move a logit); log-probabilities are means over tokens, scores are divided by their spread over "
        "the list; the anchor is the head of the victim's list; no token stands twice, where the authors penalise it; "
        "one trigger, not the best of several by the victim's own score"
    )
    control = "random-trigger"

    _surrogate: GradientRanker | None = field(default=None, init=False, repr=False)
    _decoder: Decoder | None = field(default=None, init=False, repr=False)
    _frequent: list[str] = field(default_factory=list, init=False, repr=False)
    _made: dict[str, str] = field(default_factory=dict, init=False, repr=False)

    def __post_init__(self) -> None:
        Imitation.of(self.imitation)  # refuse unknown settings before anything runs
        self.access = access_of(self.surrogate)

    @property
    def fingerprint(self) -> str:
        """The language model's files."""
        return language_model_digest(self.language_model)

    def prepare(self, interface: QueryInterface, collection: Collection, rng: np.random.Generator) -> None:
        """Load or teach the surrogate, and bring the two vocabularies together."""
        self._surrogate = load_surrogate(self.surrogate, self.imitation, interface, collection, rng)
        self._decoder = Decoder.of(language_model(self.language_model), prepared_view(self._surrogate, interface))
        counts = document_frequencies(collection.documents.values())
        content = [key for key in counts if key.isalpha() and key not in STOP_WORDS]
        self._frequent = sorted(content, key=lambda key: (-counts[key], key))[: self.vocabulary]

    def perturb(self, target: Target, victim: Victim, rng: np.random.Generator) -> Perturbation:
        """Return the document with the trigger in it."""
        shared = self.surrogate != VICTIM and not self.coherence  # then it depends on the query alone
        try:
            trigger = self._made.get(target.query) if shared else None
            if trigger is None:
                trigger = self._trigger(target, SurrogateScorer.of(self._surrogate, target, victim))
        except BudgetExhausted as error:
            return Perturbation(target.document, note=str(error), exhausted=True)
        if shared:
            self._made[target.query] = trigger
        if not trigger:
            return Perturbation(target.document, note="the language model has no token for a trigger")
        edits = (insertion(target.document, trigger, self.position),)
        return Perturbation(apply_edits(target.document, edits), edits)

    def _trigger(self, target: Target, surrogate_scorer: SurrogateScorer) -> str:
        if self._decoder is None:
            raise RuntimeError("prepare(oracle, collection, rng) was not called")
        head = [candidate.text for candidate in target.ranked if candidate.doc_id != target.doc_id][: self.anchors]
        anchor = " ".join(head)
        spread, goal = surrogate_scorer.spread(target), float(surrogate_scorer.scores([anchor])[0])

        def value(scores: Scores) -> NDArray[np.float64]:
            return -np.logaddexp(0.0, -(scores.astype(np.float64) - goal) / spread)  # log P(trigger above anchor)

        config = DecodingConfig(
            self.length,
            self.beams,
            self.candidates,
            self.guidance,
            self.fluency,
            self.coherence,
            value,
            target.document,
        )
        found = self._decoder.search(surrogate_scorer, config, self._bonus(anchor, surrogate_scorer))
        return found[0].text.strip() if found else ""

    def _bonus(self, anchor: str, surrogate_scorer: SurrogateScorer) -> NDArray[np.float32]:
        """Return float32[n], what a token is worth beyond its score: the anchor's words and those like the query."""
        favoured = {word.key for word in words(anchor)} - STOP_WORDS
        if self.similar and self._frequent:
            order = np.argsort(-surrogate_scorer.scores(self._frequent), kind="stable")[: self.similar]
            favoured |= {self._frequent[int(place)] for place in order}
        texts = self._decoder.texts if self._decoder else ()
        return np.array([self.bonus if text.strip().lower() in favoured else 0.0 for text in texts], dtype=np.float32)
