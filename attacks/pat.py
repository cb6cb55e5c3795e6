"""PAT: a fluent trigger that outranks the top passages under an imitation model of the victim.

Reference: Liu, Kang, Tang, Song, Sun, Wang, Lu, Liu: Order-Disorder: Imitation Adversarial Attacks for Black-box Neural
Ranking Models, CCS 2022, arXiv 2209.06506 (pairwise anchor-based trigger). Deviations are in ``PAT.deviations``.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from robustrank.attack import Perturbation, TargetBound
from robustrank.collections.collection import Collection
from robustrank.language_model import SMOLLM2, language_model
from robustrank.memo import Memo
from robustrank.plugins.constraints import Amount, Count, Weight
from robustrank.rankers.ranker import Scores
from robustrank.text.stopwords import stop_words
from robustrank.text.words import document_frequencies, is_alphabetic, words
from robustrank.victim import QueryInterface, Target

from .parts.decoding import Decoder, DecodingConfig, search_bound
from .parts.insertion import Position, insert
from .parts.preparation import require_prepared
from .parts.surrogates import (
    STD_SAMPLE,
    VICTIM,
    ImitationSettings,
    Surrogate,
    SurrogateAttack,
    SurrogateScorer,
    prepared_view,
)


@dataclass
class PAT(SurrogateAttack):
    """Generates a trigger by beam search under a surrogate model and a language model, against an anchor passage."""

    length: Count = 12  # maximum number of tokens of the trigger; the authors' texts: 11 in the median
    position: Position = "start"  # where the trigger is inserted
    surrogate: Surrogate = "imitation"  # surrogate model: imitation, a ranker's specification, or victim (white box)
    imitation: ImitationSettings = field(default_factory=dict)  # settings: surrogate, queries, top, training, …
    language_model: str = SMOLLM2  # smollm2, a folder, or a name on the hub
    beams: Count = 10  # beam width
    candidates: Count = 32  # tokens tried after each hypothesis
    anchors: Count = 3  # top passages of the list that form the anchor
    similar: Amount = 300  # words of the collection with the highest surrogate score for the query; they get the bonus
    bonus: Weight = 0.68  # bonus of the anchor's words and of similar words, in nats
    guidance: Weight = 5.0  # weight of the surrogate's gradient in the choice of candidate tokens; 0 ignores it
    fluency: Weight = 0.6  # weight of the mean log-probability of the trigger
    margin: Weight = 8.0  # by how many standard deviations of the list's scores the trigger is to outrank the anchor
    coherence: Weight = 0.1  # weight of the mean gain in log-probability after the document; 0: one trigger per query
    vocabulary: Count = 2000  # most frequent words of the collection, from which similar words are chosen

    size_parameter = "length"
    budget_unit = "tokens"
    cost = "language model"
    stops_early = "where no other hypothesis of a step can enter the beam"
    reference = "Liu et al. (PAT), CCS 2022, arXiv 2209.06506; parameters of the authors' script and its README"
    deviations = (
        "next-sentence prediction is replaced by a causal language model: the log-probability after the document's "
        "start less the log-probability without it; candidate tokens are chosen by first-order gain, since the "
        "authors' five steps of .001 hardly move a logit, and are 32 a hypothesis, not 128; log-probabilities are "
        "means over tokens, and scores are divided by their standard deviation over the list; the anchor is the head "
        "of the victim's list, and is to be outranked by a margin, beyond which scores count less; a repeated token is "
        "excluded, not penalised; tokens are letters alone, without digits; similar words are frequent words, not any "
        "of a vocabulary; one trigger is generated, not the best of several by the victim's score"
    )
    control = "random-trigger"

    _decoder: Decoder | None = field(default=None, init=False, repr=False)
    _frequent: list[str] = field(default_factory=list, init=False, repr=False)
    _triggers: Memo[tuple[str, str], str] = field(default_factory=Memo, init=False, repr=False)
    _similar_words: Memo[str, frozenset[str]] = field(default_factory=Memo, init=False, repr=False)

    def prepare(self, interface: QueryInterface, collection: Collection, rng: np.random.Generator) -> None:
        """Load or train the surrogate model, and map the language model's tokens into its embedding space."""
        self._load_surrogate(interface, collection, rng)
        view = prepared_view(self._surrogate, interface)
        self._decoder = Decoder.of(language_model(self.language_model), view, collection.language)
        self._frequent = self._frequent_words(collection)

    def _search_bound(self, collection: Collection) -> TargetBound:
        similar = len(self._frequent_words(collection)) if self.similar else 0
        search = 1 + similar + search_bound(self.length, self.beams, self.candidates)
        return lambda target: search + min(STD_SAMPLE, target.listed)

    def _frequent_words(self, collection: Collection) -> list[str]:
        counts = collection.statistic(document_frequencies)
        left_out = stop_words(collection.language)
        content = [key for key in counts if is_alphabetic(key) and key not in left_out]
        return sorted(content, key=lambda key: (-counts[key], key))[: self.vocabulary]

    def _insert(self, target: Target, scorer: SurrogateScorer, rng: np.random.Generator) -> Perturbation:
        anchor = self._anchor(target)
        if self.surrogate != VICTIM and not self.coherence:  # then the trigger depends on query and anchor alone
            trigger = self._triggers.get((target.query, anchor), lambda: self._trigger(target, anchor, scorer))
        else:
            trigger = self._trigger(target, anchor, scorer)
        if not trigger:
            return Perturbation(target.document, note="the language model has no token for a trigger")
        return insert(target.document, trigger, self.position)

    def _anchor(self, target: Target) -> str:
        """Return the top passages of the list without the target, joined."""
        head = [candidate.text for candidate in target.ranked if candidate.doc_id != target.doc_id][: self.anchors]
        return " ".join(head)

    def _trigger(self, target: Target, anchor: str, scorer: SurrogateScorer) -> str:
        decoder = require_prepared(self._decoder)
        deviation, anchor_score = self._score_std(target, scorer), float(scorer.scores([anchor])[0])

        def value(scores: Scores) -> NDArray[np.float64]:  # log P(trigger above the anchor by the margin)
            return -np.logaddexp(0.0, self.margin - (scores.astype(np.float64) - anchor_score) / deviation)

        config = DecodingConfig(
            self.length,
            self.beams,
            self.candidates,
            self.guidance,
            self.fluency,
            self.coherence,
            value,
            most=0.0,
            context=target.document,
        )
        favoured = {word.key for word in words(anchor)} - stop_words(target.language) | self._similar(target, scorer)
        bonuses = [self.bonus if text.strip().lower() in favoured else 0.0 for text in decoder.texts]
        hypotheses = decoder.search(scorer, config, np.array(bonuses, dtype=np.float32))
        return hypotheses[0].text.strip() if hypotheses else ""

    def _similar(self, target: Target, scorer: SurrogateScorer) -> frozenset[str]:
        """Return the frequent words of the highest scores for the query; a surrogate scores them once a query."""

        def similar() -> frozenset[str]:
            if not self.similar or not self._frequent:
                return frozenset()
            order = np.argsort(-scorer.scores(self._frequent), kind="stable")[: self.similar]
            return frozenset(self._frequent[int(index)] for index in order)

        return similar() if self.surrogate == VICTIM else self._similar_words.get(target.query, similar)
