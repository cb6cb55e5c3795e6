"""Guided decoding: a beam search over a language model's tokens for a text that a ranker scores high.

Source: the searches of Liu et al. (PAT), CCS 2022, arXiv 2209.06506, and of Song, Rush, Shmatikov: Adversarial Semantic
Collisions, EMNLP 2020 (natural collisions), after Dathathri et al. (PPLM), ICLR 2020. There, a few steps of Adam move
the model's logits along the ranker's gradient; a step of .001 moves a logit by no more than .001, so that five hardly
change which tokens are tried. Here the ranker's first-order gain of each token is added to its log-probability, with a
weight. A token's vector is the mean of the ranker's embeddings of the token's text.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from robustrank.attack import Edit
from robustrank.language_model import LanguageModel
from robustrank.rankers.ranker import Scores
from robustrank.text.words import words
from robustrank.victim import GradientView

from .hotflip import embedding_gradients_in, mean_vectors
from .surrogates import SurrogateScorer


@dataclass(frozen=True)
class BeamHypothesis:
    """A text that is being written.

    Attributes:
        tokens: Its tokens.
        text: The tokens as text.
        relevance: Its score by the ranker.
        fluency: The sum of its tokens' log-probabilities.
        coherence: The sum of how much more probable the context makes them.
    """

    tokens: tuple[int, ...] = ()
    text: str = ""
    relevance: float = -np.inf
    fluency: float = 0.0
    coherence: float = 0.0


@dataclass(frozen=True)
class DecodingConfig:
    """What a text is searched for.

    Attributes:
        length: Tokens of the text.
        beams: Texts kept in a step.
        candidates: Tokens tried after each of them.
        guidance: The weight, in nats, of the largest first-order gain.
        fluency: The weight of the mean log-probability of the tokens.
        coherence: The weight of the mean gain in log-probability by what the text stands beside.
        context: What the text stands beside; its first ``window`` tokens are read.
        window: Tokens.
        value: What the ranker's scores are worth, on the scale of a log-probability.
    """

    length: int
    beams: int
    candidates: int
    guidance: float
    fluency: float
    coherence: float
    value: Callable[[Scores], NDArray[np.float64]]
    context: str = ""
    window: int = 32


@dataclass(frozen=True)
class Decoder:
    """The tokens a text may be made of: letters, with or without a space before them.

    Attributes:
        model: The language model.
        ids: int64[n], the tokens.
        texts: Their texts.
        begins: bool[n], whether a token begins a word.
        vectors: float32[n, H], the tokens in the ranker's embedding space.
    """

    model: LanguageModel
    ids: NDArray[np.int64]
    texts: tuple[str, ...]
    begins: NDArray[np.bool_]
    vectors: NDArray[np.float32]

    @classmethod
    def of(cls, model: LanguageModel, view: GradientView) -> Decoder:
        """Return the decoder of a language model for a ranker."""
        found = [(token, model.tokenizer.decode([token])) for token in sorted(model.tokenizer.get_vocab().values())]
        kept = [(token, text) for token, text in found if text.strip().isascii() and text.lstrip(" ").isalpha()]
        texts = tuple(text for _, text in kept)
        ids = np.array([token for token, _ in kept], dtype=np.int64)
        begins = np.array([text.startswith(" ") for text in texts], dtype=np.bool_)
        return cls(model, ids, texts, begins, mean_vectors([text.strip().lower() for text in texts], view))

    def search(
        self, surrogate_scorer: SurrogateScorer, config: DecodingConfig, bonus: NDArray[np.float32]
    ) -> list[BeamHypothesis]:
        """Return the texts kept in any step, best relevance first; fewer tokens first among equals.

        Args:
            surrogate_scorer: The ranker, for one query.
            config: The decoding config.
            bonus: float32[n], added to a token's value; -inf bans it.
        """
        beams, kept = [BeamHypothesis()], {}
        context = self.model.tokens(config.context)[: config.window] if config.coherence else []
        for step in range(config.length):
            grown, values = self._grown(
                beams, surrogate_scorer, config, bonus if step else np.where(self.begins, bonus, -np.inf), context
            )
            if not grown:
                break
            order = np.argsort(-values, kind="stable")[: config.beams]
            beams = [grown[int(place)] for place in order]
            kept.update({beam.text: beam for beam in beams})
        return sorted(kept.values(), key=lambda beam: (-beam.relevance, len(beam.tokens), beam.text))

    def _grown(
        self,
        beams: list[BeamHypothesis],
        surrogate_scorer: SurrogateScorer,
        config: DecodingConfig,
        bonus: NDArray[np.float32],
        context: list[int],
    ) -> tuple[list[BeamHypothesis], NDArray[np.float64]]:
        """Return the beams with one token more, and what they are worth."""
        fluency = self.model.next([beam.tokens for beam in beams])[:, self.ids]
        coherence = np.zeros_like(fluency)
        if context:
            coherence = self.model.next([(*context, *beam.tokens) for beam in beams])[:, self.ids] - fluency
        grown, extra = [], []
        for beam, likely, fitting in zip(beams, fluency, coherence, strict=True):
            allowed = np.where(np.isin(self.ids, beam.tokens), -np.inf, bonus)  # no token stands twice
            promise = likely + allowed
            if np.isfinite(promise).any():
                promise = promise + config.guidance * self._gain(beam, int(promise.argmax()), surrogate_scorer)
            for place in np.argsort(-promise, kind="stable")[: config.candidates].tolist():
                if np.isfinite(promise[place]):
                    grown.append(
                        BeamHypothesis(
                            (*beam.tokens, int(self.ids[place])),
                            beam.text + self.texts[place],
                            fluency=beam.fluency + float(likely[place]),
                            coherence=beam.coherence + float(fitting[place]),
                        )
                    )
                    extra.append(float(bonus[place]))
        if not grown:
            return [], np.empty(0)
        relevance = surrogate_scorer.scores([beam.text.strip() for beam in grown])
        length = len(grown[0].tokens)
        values = config.value(relevance) + np.array(extra)
        values += np.array([config.fluency * b.fluency + config.coherence * b.coherence for b in grown]) / length
        scored = zip(grown, relevance.tolist(), strict=True)
        return [replace(beam, relevance=score) for beam, score in scored], values

    def _gain(self, beam: BeamHypothesis, place: int, surrogate_scorer: SurrogateScorer) -> NDArray[np.float32]:
        """Return float32[n], each token's first-order gain in place of the likeliest, over the largest of them."""
        text = (beam.text + self.texts[place]).strip()
        if not words(text):
            return np.zeros(len(self.ids), dtype=np.float32)
        embedding_gradient = embedding_gradients_in("", Edit(0, 0, text), surrogate_scorer.view)[-1]
        gain = (self.vectors - self.vectors[place]) @ embedding_gradient
        return np.asarray(gain / (np.abs(gain).max() + 1e-12), dtype=np.float32)
