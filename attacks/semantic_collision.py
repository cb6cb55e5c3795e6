"""Semantic collision: a text without any query word that the ranker scores as relevant.

Reference: Song, Rush, Shmatikov: Adversarial Semantic Collisions, EMNLP 2020; parameters of the authors' retrieval
script.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from robustrank.attack import Perturbation, TargetBound
from robustrank.collections.collection import Collection
from robustrank.language_model import SMOLLM2, LanguageModel, language_model, language_model_digest
from robustrank.plugins.constraints import Amount, Count, Positive, Share, Weight
from robustrank.rankers.ranker import Scores
from robustrank.text.analysis import Analyser, analyser
from robustrank.text.languages import ENGLISH
from robustrank.text.words import words
from robustrank.victim import BudgetExhausted, GradientView, QueryInterface, Target

from .parts.decoding import Decoder, DecodingConfig, search_bound
from .parts.insertion import Position, insert
from .parts.lexicon import Lexicon, Trigger
from .parts.preparation import require_prepared
from .parts.surrogates import (
    STD_SAMPLE,
    ImitationSettings,
    Surrogate,
    SurrogateAttack,
    SurrogateScorer,
    prepared_view,
)

BETA1, BETA2, EPSILON = 0.9, 0.999, 1e-8  # parameters of Adam


@dataclass
class SemanticCollision(SurrogateAttack):
    """Inserts a collision of one of three kinds: by gradients alone, of frequent words in likely order, or fluent."""

    kind: Literal["aggressive", "regularised", "natural"] = "aggressive"  # which of the paper's three kinds
    length: Count = 10  # words, or tokens of a natural collision; the paper takes 30, 60 and 35
    position: Position = "start"  # where the collision is inserted
    surrogate: Surrogate = "victim"  # surrogate model: victim (white box), imitation, or a ranker's specification
    imitation: ImitationSettings = field(default_factory=dict)  # settings: surrogate, queries, top, training, …
    beams: Count = 5  # beam width
    candidates: Count = 20  # words tried in each slot; the paper takes 40 to 150
    steps: Count = 30  # gradient steps before the beam search
    rate: Positive = 0.1  # learning rate of Adam
    temperature: Positive = 1.0  # temperature of the softmax over candidate words
    rounds: Count = 20  # searches by gradients, each begun at the best words so far, until one is no better
    filters: Amount = 500  # words excluded as nearest to a query word, beside the query's words and their inflections
    frequent: Count = 1000  # most frequent words of the collection, the candidates of a regularised collision
    likely: Share = 0.85  # weight of the language model against the ranker in a regularised collision
    fluency: Weight = 0.02  # weight of the language model in a natural collision
    language_model: str = SMOLLM2  # for regularised and natural: smollm2, a folder, or a name on the hub
    minimum_documents: Count = 3  # minimum document frequency of a candidate word

    size_parameter = "length"
    cost = "gradients"
    stops_early = "after a round that is no better than the one before"
    reference = "Song, Rush, Shmatikov, EMNLP 2020, sections 3 and 4; code csong27/collision-bert"
    deviations = (
        "candidates of aggressive and regularised collisions are words of the collection, not wordpieces, and excluded "
        "words are the nearest of those; the words of the best passage are not excluded; by default a collision has 10 "
        "words, 5 beams and 20 candidates a slot, where the authors take 16 to 60, 10 and 40 to 150; natural ones "
        "choose candidate tokens by first-order gain (see attacks/parts/decoding.py)"
    )
    control = "random-trigger"

    _analyser: Analyser = field(default_factory=lambda: analyser(ENGLISH), init=False, repr=False)
    _lexicon: Lexicon | None = field(default=None, init=False, repr=False)
    _decoder: Decoder | None = field(default=None, init=False, repr=False)

    @property
    def fingerprint(self) -> str:
        """The digest of the language model's files, if one is used."""
        return "" if self.kind == "aggressive" else language_model_digest(self.language_model)

    @property
    def languages(self) -> tuple[str, ...]:
        """Any for aggressive collisions; those of the language model otherwise."""
        return () if self.kind == "aggressive" else super().languages

    def prepare(self, interface: QueryInterface, collection: Collection, rng: np.random.Generator) -> None:
        """Load or train the surrogate model, and collect the candidate words or tokens."""
        self._analyser = analyser(collection.language)
        self._load_surrogate(interface, collection, rng)
        view = prepared_view(self._surrogate, interface)
        if self.kind == "natural":
            self._decoder = Decoder.of(language_model(self.language_model), view, collection.language)
            return
        max_words = self.frequent if self.kind == "regularised" else None
        self._lexicon = Lexicon.of(collection, view, self.minimum_documents, max_words)

    def _search_bound(self, collection: Collection) -> TargetBound:
        if self.kind == "natural":
            search, sample = search_bound(self.length, self.beams, self.candidates), STD_SAMPLE
        else:
            search = self.rounds * (self.steps + self.candidates * (1 + (self.length - 1) * self.beams))
            sample = STD_SAMPLE if self.kind == "regularised" else 0
        return lambda target: search + min(sample, target.listed)

    def _insert(self, target: Target, scorer: SurrogateScorer, rng: np.random.Generator) -> Perturbation:
        exhausted = False
        if self.kind == "natural":
            text = self._natural(target, scorer)
        else:
            text, exhausted = self._from_words(target, scorer, rng)
        if not text:
            return Perturbation(target.document, note="there is no word for a collision")
        return replace(insert(target.document, text, self.position), exhausted=exhausted)

    def _natural(self, target: Target, scorer: SurrogateScorer) -> str:
        """Return a natural collision: decoded by the language model, with the gradients of the surrogate model."""
        decoder = require_prepared(self._decoder)
        deviation = self._score_std(target, scorer)
        keys = [text.strip().lower() for text in decoder.texts]
        excluded = self._excluded(target.query, keys, decoder.vectors, scorer.view)

        def value(scores: Scores) -> NDArray[np.float64]:
            return scores.astype(np.float64) / deviation

        config = DecodingConfig(self.length, self.beams, self.candidates, 5.0, self.fluency, 0.0, value)
        hypotheses = decoder.search(scorer, config, np.where(excluded, -np.inf, 0.0).astype(np.float32))
        query_stems = {self._stem(word.key) for word in words(target.query)}
        for hypothesis in hypotheses:  # a word of several tokens may be a query word
            if not query_stems & {self._stem(word.key) for word in words(hypothesis.text)}:
                return hypothesis.text.strip()
        return ""

    def _from_words(self, target: Target, scorer: SurrogateScorer, rng: np.random.Generator) -> tuple[str, bool]:
        """Return an aggressive or regularised collision of words of the collection, and whether a budget ended it."""
        lexicon = require_prepared(self._lexicon)
        allowed = np.flatnonzero(~self._excluded(target.query, lexicon.words, lexicon.vectors, scorer.view))
        if not len(allowed):
            return "", False
        choices, vectors = [lexicon.words[int(i)] for i in allowed], lexicon.vectors[allowed]
        best: Trigger = ()
        most, exhausted = -np.inf, False
        for _ in range(self.rounds):
            try:
                logits = self._optimise_logits(scorer.view, choices, vectors, best, rng)
                trigger, value = self._beam_search(target, scorer, choices, logits)
            except BudgetExhausted:
                if not best:
                    raise
                exhausted = True
                break
            if value <= most:
                break
            best, most = trigger, value
        return " ".join(best), exhausted

    def _excluded(
        self, query: str, keys: Sequence[str], vectors: NDArray[np.float32], view: GradientView
    ) -> NDArray[np.bool_]:
        """Return bool[n]: the query's words, their inflections, and the ``filters`` words nearest to a query word."""
        query_keys = sorted({word.key for word in words(query)})
        query_stems = {self._stem(key) for key in query_keys}
        excluded = np.array([self._stem(key) in query_stems for key in keys], dtype=np.bool_)
        if query_keys and len(keys) and self.filters:
            query_vectors = view.mean_vectors([key for key in query_keys if len(view.tokens_of(key))])
            if len(query_vectors):
                cosines = (_unit(vectors) @ _unit(query_vectors).T).max(axis=1)
                nearest = np.argsort(-np.where(excluded, -np.inf, cosines), kind="stable")[: self.filters]
                excluded[nearest] = True
        return excluded

    def _stem(self, key: str) -> str:
        return self._analyser.stem(self._analyser.folded(key))

    def _optimise_logits(
        self,
        view: GradientView,
        choices: Sequence[str],
        vectors: NDArray[np.float32],
        start: Trigger,
        rng: np.random.Generator,
    ) -> NDArray[np.float64]:
        """Return float64[L, n], the logits of the words in each slot, after Adam has maximised the mixture's score.

        They begin at random, with one more for each word of ``start`` in its slot.
        """
        filler = next((key for key in choices if len(view.tokens_of(key)) == 1), choices[0])
        encoding = view.encode(" ".join([filler] * self.length))
        logits = 0.1 * rng.standard_normal((min(self.length, len(encoding.ids)), len(choices)))
        for slot, word in enumerate(start[: len(logits)]):
            logits[slot, choices.index(word)] += 1.0
        first, second = np.zeros_like(logits), np.zeros_like(logits)
        embeddings = view.embedding_table[encoding.ids].copy()
        for step in range(1, self.steps + 1):
            shares = np.exp((logits - logits.max(axis=1, keepdims=True)) / self.temperature)
            shares /= shares.sum(axis=1, keepdims=True)
            embeddings[: len(logits)] = shares @ vectors
            _, (gradient,) = view.gradients([encoding], [embeddings])
            by_share = gradient[: len(logits)].astype(np.float64) @ vectors.T
            by_logit = shares * (by_share - (shares * by_share).sum(axis=1, keepdims=True)) / self.temperature
            first = BETA1 * first + (1 - BETA1) * by_logit
            second = BETA2 * second + (1 - BETA2) * by_logit**2
            logits += self.rate * (first / (1 - BETA1**step)) / (np.sqrt(second / (1 - BETA2**step)) + EPSILON)
        return logits

    def _beam_search(
        self, target: Target, scorer: SurrogateScorer, choices: Sequence[str], logits: NDArray[np.float64]
    ) -> tuple[Trigger, float]:
        """Return the best words and their value, from left to right; later slots hold their words of highest logit."""
        likeliest = [choices[int(row.argmax())] for row in logits]
        model = language_model(self.language_model) if self.kind == "regularised" else None
        deviation = self._score_std(target, scorer) if model else 1.0
        beam: list[tuple[Trigger, float]] = [((), 0.0)]  # words, and their log-probability
        most = -np.inf
        for slot, row in enumerate(logits):
            candidates = [choices[i] for i in np.argsort(-row, kind="stable")[: self.candidates].tolist()]
            extended = [(prefix, word, log_p) for prefix, log_p in beam for word in candidates if word not in prefix]
            if not extended:
                break
            triggers = [(*prefix, word) for prefix, word, _ in extended]
            log_ps = np.array([log_p for _, _, log_p in extended])
            if model is not None:
                log_ps = log_ps + _log_probabilities(model, [(prefix, word) for prefix, word, _ in extended])
            texts = [" ".join([*trigger, *likeliest[slot + 1 :]]) for trigger in triggers]
            values = scorer.scores(texts).astype(np.float64)
            if model is not None:
                values = (1 - self.likely) * values / deviation + self.likely * (log_ps / (slot + 1))
            best = np.argsort(-values, kind="stable")[: self.beams].tolist()
            beam, most = [(triggers[i], float(log_ps[i])) for i in best], float(values[best[0]])
        return beam[0][0], most


def _unit(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray(vectors / (np.linalg.norm(vectors, axis=1, keepdims=True) + 1e-12))


def _log_probabilities(model: LanguageModel, continuations: Sequence[tuple[Trigger, str]]) -> NDArray[np.float64]:
    """Return float64[n], the log-probability of the first token of each word after its prefix."""
    after = {prefix: model.next([model.tokens(" ".join(prefix))])[0] for prefix in dict(continuations)}
    first_token = {word: model.tokens(" " + word)[0] for _, word in continuations}
    return np.array([float(after[prefix][first_token[word]]) for prefix, word in continuations])
