"""Semantic collisions: text that shares no word with the query and is scored as if it answered it.

Source: Song, Rush, Shmatikov: Adversarial Semantic Collisions, EMNLP 2020; parameters of the authors' retrieval script.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from robustrank.attack import Attack, Perturbation, apply_edits
from robustrank.collections.collection import Collection
from robustrank.imitation import Imitation
from robustrank.language_model import SMOLLM2, language_model, language_model_digest
from robustrank.rankers.ranker import GradientRanker, Scores
from robustrank.text.analysis import stem
from robustrank.text.words import words
from robustrank.victim import BudgetExhausted, GradientView, QueryInterface, Target, Victim

from .parts.decoding import Decoder, DecodingConfig
from .parts.hotflip import Lexicon, Trigger, mean_vectors
from .parts.insertion import Position, insertion
from .parts.surrogates import ImitationSettings, Surrogate, SurrogateScorer, access_of, load_surrogate, prepared_view

FIRST, SECOND, SMALL = 0.9, 0.999, 1e-8  # Adam's


@dataclass
class SemanticCollision(Attack):
    """Inserts a collision: found by gradients alone, held to frequent words in likely order, or written fluently."""

    kind: Literal["aggressive", "regularised", "natural"] = "aggressive"  # which of the paper's three
    length: int = 10  # words, or tokens where it is natural; the paper's are 30, 60 and 35
    position: Position = "start"  # where it is inserted
    surrogate: Surrogate = "victim"  # whose gradients: victim (white box), imitation, or a ranker's specification
    imitation: ImitationSettings = field(default_factory=dict)  # how it is learned: surrogate, queries, top, …
    beams: int = 5  # texts kept in a step
    candidates: int = 20  # words tried at each place; the paper takes 40 to 150
    steps: int = 30  # gradient steps before the beam search
    rate: float = 0.1  # of Adam
    temperature: float = 1.0  # of the soft words
    filters: int = 100  # words banned as nearest to the query's, beside its own and their inflections
    frequent: int = 1000  # most frequent words, where it is regularised
    likely: float = 0.85  # weight of the language model beside the ranker, where it is regularised
    fluency: float = 0.02  # weight of the language model, where it is natural
    language_model: str = SMOLLM2  # for regularised and natural: smollm2, a folder, or a name on the hub
    minimum_documents: int = 3  # documents a word has to stand in before it is used

    size_parameter = "length"
    cost = "gradients"
    reference = "Song, Rush, Shmatikov, EMNLP 2020, sections 3 and 4; code csong27/collision-bert"
    deviations = (
        "aggressive and regularised ones are words of the collection, not wordpieces, and climb once; the words of "
        "the best passage are not banned; natural ones are guided by first-order gains (see attacks/decoding.py)"
    )
    control = "random-trigger"

    _surrogate: GradientRanker | None = field(default=None, init=False, repr=False)
    _lexicon: Lexicon | None = field(default=None, init=False, repr=False)
    _decoder: Decoder | None = field(default=None, init=False, repr=False)

    def __post_init__(self) -> None:
        Imitation.of(self.imitation)  # refuse unknown settings before anything runs
        self.access = access_of(self.surrogate)

    @property
    def fingerprint(self) -> str:
        """The language model's files, where one is read."""
        return "" if self.kind == "aggressive" else language_model_digest(self.language_model)

    def prepare(self, interface: QueryInterface, collection: Collection, rng: np.random.Generator) -> None:
        """Load or teach the surrogate, and read the words collisions are made of."""
        self._surrogate = load_surrogate(self.surrogate, self.imitation, interface, collection, rng)
        view = prepared_view(self._surrogate, interface)
        if self.kind == "natural":
            self._decoder = Decoder.of(language_model(self.language_model), view)
            return
        most = self.frequent if self.kind == "regularised" else None
        self._lexicon = Lexicon.of(collection, view, self.minimum_documents, most)

    def perturb(self, target: Target, victim: Victim, rng: np.random.Generator) -> Perturbation:
        """Return the document with the collision in it."""
        try:
            surrogate_scorer = SurrogateScorer.of(self._surrogate, target, victim)
            text = (
                self._natural(target, surrogate_scorer)
                if self.kind == "natural"
                else self._searched(target, surrogate_scorer, rng)
            )
        except BudgetExhausted as error:
            return Perturbation(target.document, note=str(error), exhausted=True)
        if not text:
            return Perturbation(target.document, note="there is no word for a collision")
        edits = (insertion(target.document, text, self.position),)
        return Perturbation(apply_edits(target.document, edits), edits)

    def _natural(self, target: Target, surrogate_scorer: SurrogateScorer) -> str:
        if self._decoder is None:
            raise RuntimeError("prepare(oracle, collection, rng) was not called")
        decoder, spread = self._decoder, surrogate_scorer.spread(target)
        keys = [text.strip().lower() for text in decoder.texts]
        banned = self._banned(target.query, keys, decoder.vectors, surrogate_scorer.view)

        def value(scores: Scores) -> NDArray[np.float64]:
            return scores.astype(np.float64) / spread

        config = DecodingConfig(self.length, self.beams, self.candidates, 5.0, self.fluency, 0.0, value)
        found = decoder.search(surrogate_scorer, config, np.where(banned, -np.inf, 0.0).astype(np.float32))
        stems = {stem(word.key) for word in words(target.query)}
        for beam in found:  # a word of several tokens may be one of the query's
            if not stems & {stem(word.key) for word in words(beam.text)}:
                return beam.text.strip()
        return ""

    def _searched(self, target: Target, surrogate_scorer: SurrogateScorer, rng: np.random.Generator) -> str:
        if self._lexicon is None:
            raise RuntimeError("prepare(oracle, collection, rng) was not called")
        lexicon = self._lexicon
        kept = np.flatnonzero(~self._banned(target.query, lexicon.words, lexicon.vectors, surrogate_scorer.view))
        if not len(kept):
            return ""
        choices, vectors = [lexicon.words[int(i)] for i in kept], lexicon.vectors[kept]
        logits = self._climbed(surrogate_scorer.view, choices, vectors, rng)
        return " ".join(self._beam(target, surrogate_scorer, choices, logits))

    def _banned(
        self, query: str, keys: Sequence[str], vectors: NDArray[np.float32], view: GradientView
    ) -> NDArray[np.bool_]:
        """Return bool[n]: the query's words, their inflections, and the ``filters`` words nearest to one of them."""
        asked = sorted({word.key for word in words(query)})
        stems = {stem(key) for key in asked}
        banned = np.array([stem(key) in stems for key in keys], dtype=np.bool_)
        if asked and len(keys) and self.filters:
            own = mean_vectors([key for key in asked if len(view.tokens_of(key))], view)
            if len(own):
                unit = vectors / (np.linalg.norm(vectors, axis=1, keepdims=True) + 1e-12)
                near = (unit @ (own / (np.linalg.norm(own, axis=1, keepdims=True) + 1e-12)).T).max(axis=1)
                banned[np.argsort(-np.where(banned, -np.inf, near), kind="stable")[: self.filters]] = True
        return banned

    def _climbed(
        self, view: GradientView, choices: Sequence[str], vectors: NDArray[np.float32], rng: np.random.Generator
    ) -> NDArray[np.float64]:
        """Return float64[L, n]: the logits of soft words after Adam has raised the score of their mixture."""
        filler = next((key for key in choices if len(view.tokens_of(key)) == 1), choices[0])
        encoding = view.encode(" ".join([filler] * self.length))
        logits = 0.1 * rng.standard_normal((min(self.length, len(encoding.ids)), len(choices)))
        first, second = np.zeros_like(logits), np.zeros_like(logits)
        embeddings = view.embedding_table[encoding.ids].copy()
        for step in range(1, self.steps + 1):
            shares = np.exp((logits - logits.max(axis=1, keepdims=True)) / self.temperature)
            shares /= shares.sum(axis=1, keepdims=True)
            embeddings[: len(logits)] = shares @ vectors
            _, (gradient,) = view.gradients([encoding], [embeddings])
            by_share = gradient[: len(logits)].astype(np.float64) @ vectors.T
            by_logit = shares * (by_share - (shares * by_share).sum(axis=1, keepdims=True)) / self.temperature
            first = FIRST * first + (1 - FIRST) * by_logit
            second = SECOND * second + (1 - SECOND) * by_logit**2
            logits += self.rate * (first / (1 - FIRST**step)) / (np.sqrt(second / (1 - SECOND**step)) + SMALL)
        return logits

    def _beam(
        self, target: Target, surrogate_scorer: SurrogateScorer, choices: Sequence[str], logits: NDArray[np.float64]
    ) -> Trigger:
        """Return the best words found from left to right, places to come being filled with their likeliest."""
        rest = [choices[int(row.argmax())] for row in logits]
        model = language_model(self.language_model) if self.kind == "regularised" else None
        spread = surrogate_scorer.spread(target) if model else 1.0
        beams: list[tuple[Trigger, float]] = [((), 0.0)]
        for place, row in enumerate(logits):
            tried = np.argsort(-row, kind="stable")[: self.candidates].tolist()
            grown = [((*own, choices[i]), likely) for own, likely in beams for i in tried if choices[i] not in own]
            if not grown:
                break
            if model is not None:
                first = [model.tokens(" " + choices[i])[0] for i in tried]
                after = {own: model.next([model.tokens(" ".join(own))])[0] for own, _ in beams}
                token_of = dict(zip([choices[i] for i in tried], first, strict=True))
                grown = [(own, likely + float(after[own[:-1]][token_of[own[-1]]])) for own, likely in grown]
            scores = surrogate_scorer.scores([" ".join([*own, *rest[place + 1 :]]) for own, _ in grown]).astype(
                np.float64
            )
            values = scores
            if model is not None:
                fluent = np.array([likely for _, likely in grown]) / (place + 1)
                values = (1 - self.likely) * scores / spread + self.likely * fluent
            beams = [grown[int(i)] for i in np.argsort(-values, kind="stable")[: self.beams]]
        return beams[0][0]
