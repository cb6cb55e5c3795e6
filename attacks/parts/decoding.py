"""Beam search over the tokens of a language model, with the gradients of a surrogate model.

Reference: the searches of Liu et al. (PAT), CCS 2022, arXiv 2209.06506, and of Song, Rush, Shmatikov: Adversarial
Semantic Collisions, EMNLP 2020 (natural collisions), after Dathathri et al. (PPLM), ICLR 2020.

Deviation: the papers move the model's logits along the ranker's gradient by a few steps of Adam. A step of .001 moves a
logit by at most .001, so five steps hardly change which tokens are tried. Here the first-order gain of each token is
added to its log-probability, with a weight. The vector of a token is the mean of the ranker's embeddings of its text.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from robustrank.attack import Edit
from robustrank.language_model import Continuations, LanguageModel
from robustrank.rankers.ranker import Scores
from robustrank.text.languages import ENGLISH
from robustrank.text.words import is_alphabetic, kind_of, words
from robustrank.victim import GradientView

from .hotflip import embedding_gradients_of
from .surrogates import SurrogateScorer

BATCH = 32  # hypotheses that are scored before it is seen whether the others matter


@dataclass(frozen=True)
class BeamHypothesis:
    """A partial text of the beam search.

    Attributes:
        tokens: Its tokens.
        text: The tokens as text.
        relevance: Its score by the surrogate model.
        fluency: The sum of the log-probabilities of its tokens.
        coherence: The sum of the gains in log-probability of its tokens after the context.
        bonus: The bonus of its last token.
        parent: The place in the beam of the hypothesis that it extends.
    """

    tokens: tuple[int, ...] = ()
    text: str = ""
    relevance: float = -np.inf
    fluency: float = 0.0
    coherence: float = 0.0
    bonus: float = 0.0
    parent: int = 0


@dataclass(frozen=True)
class DecodingConfig:
    """Configuration of the beam search.

    Attributes:
        length: Tokens of the text.
        beams: Beam width: hypotheses kept in each step.
        candidates: Tokens tried after each hypothesis.
        guidance: Weight, in nats, of the largest first-order gain.
        fluency: Weight of the mean log-probability of the tokens.
        coherence: Weight of the mean gain in log-probability after the context.
        value: Maps scores of the surrogate model to the scale of a log-probability.
        most: What ``value`` never exceeds: texts that could not enter the beam with it are not scored.
        context: The text beside which the new text is inserted; its first ``window`` tokens are read.
        window: Tokens of the context.
    """

    length: int
    beams: int
    candidates: int
    guidance: float
    fluency: float
    coherence: float
    value: Callable[[Scores], NDArray[np.float64]]
    most: float = np.inf
    context: str = ""
    window: int = 32


@dataclass(frozen=True)
class Decoder:
    """Beam-search decoder over the alphabetic tokens of a language model, with or without a leading space.

    In English these are tokens in ASCII.

    Attributes:
        model: The language model.
        ids: int64[n], the tokens.
        texts: Their texts.
        begins: bool[n], whether a token begins a word.
        vectors: float32[n, H], the tokens in the embedding space of the surrogate model.
    """

    model: LanguageModel
    ids: NDArray[np.int64]
    texts: tuple[str, ...]
    begins: NDArray[np.bool_]
    vectors: NDArray[np.float32]

    @classmethod
    def of(cls, model: LanguageModel, view: GradientView, language: str) -> Decoder:
        """Return the decoder of a language model for a surrogate model and texts of a language."""
        usable = [(token, text) for token, text in model.vocabulary.items() if _is_usable(text, language)]
        texts = tuple(text for _, text in usable)
        ids = np.array([token for token, _ in usable], dtype=np.int64)
        begins = np.array([text[0] == " " or kind_of(text) == "unspaced" for text in texts], dtype=np.bool_)
        return cls(model, ids, texts, begins, view.mean_vectors([text.strip().lower() for text in texts]))

    def search(
        self, scorer: SurrogateScorer, config: DecodingConfig, bonus: NDArray[np.float32]
    ) -> list[BeamHypothesis]:
        """Return the hypotheses of all steps, best relevance first; among equals, fewer tokens first.

        Args:
            scorer: The surrogate model, for one query.
            config: The decoding config.
            bonus: float32[n], added to a token's value; -inf excludes the token.
        """
        beam, finished = [BeamHypothesis()], {}
        context = self.model.tokens(config.context)[: config.window] if config.coherence else []
        continued = [Continuations(self.model, prefix) for prefix in ([], context)[: 2 if context else 1]]
        for step in range(config.length):
            allowed = bonus if step else np.where(self.begins, bonus, -np.inf)
            extended = list(self._extensions(beam, scorer, config, allowed, continued))
            if not extended:
                break
            beam = _best(extended, scorer, config)
            finished.update({hypothesis.text: hypothesis for hypothesis in beam})
            for texts in continued if step + 1 < config.length else ():
                texts.extend([hypothesis.parent for hypothesis in beam], [hypothesis.tokens[-1] for hypothesis in beam])
        return sorted(finished.values(), key=lambda h: (-h.relevance, len(h.tokens), h.text))

    def _extensions(
        self,
        beam: list[BeamHypothesis],
        scorer: SurrogateScorer,
        config: DecodingConfig,
        bonus: NDArray[np.float32],
        continued: Sequence[Continuations],
    ) -> Iterator[BeamHypothesis]:
        """Yield the hypotheses of the beam, each with the ``candidates`` most promising tokens after it.

        ``continued`` are their texts in the language model, and perhaps the same after the context.
        """
        fluency, *in_context = (texts.log_probabilities()[:, self.ids] for texts in continued)
        coherence = in_context[0] - fluency if in_context else np.zeros_like(fluency)
        repeats = np.array([np.isin(self.ids, hypothesis.tokens) for hypothesis in beam])
        promises = fluency + np.where(repeats, -np.inf, bonus)  # no repeated token
        likeliest = promises.argmax(axis=1)
        texts = [
            f"{hypothesis.text}{self.texts[index]}".strip() if np.isfinite(promise[index]) else ""
            for hypothesis, index, promise in zip(beam, likeliest.tolist(), promises, strict=True)
        ]
        promises = promises + config.guidance * self._gains(texts, likeliest, scorer)
        for row, (hypothesis, promise) in enumerate(zip(beam, promises, strict=True)):
            for index in np.argsort(-promise, kind="stable")[: config.candidates].tolist():
                if np.isfinite(promise[index]):
                    yield BeamHypothesis(
                        (*hypothesis.tokens, int(self.ids[index])),
                        hypothesis.text + self.texts[index],
                        fluency=hypothesis.fluency + float(fluency[row, index]),
                        coherence=hypothesis.coherence + float(coherence[row, index]),
                        bonus=float(bonus[index]),
                        parent=row,
                    )

    def _gains(
        self, texts: Sequence[str], likeliest: NDArray[np.int64], scorer: SurrogateScorer
    ) -> NDArray[np.float32]:
        """Return float32[texts, n], the first-order gain of each token over the last one, scaled to at most 1.

        Args:
            texts: Texts with their likeliest last token; the gains of an empty one are 0.
            likeliest: int64[texts], the index of that token.
            scorer: The surrogate model.
        """
        gains = np.zeros((len(texts), len(self.ids)), dtype=np.float32)
        rows = [row for row, text in enumerate(texts) if words(text)]
        if not rows:
            return gains
        gradients = embedding_gradients_of([("", Edit(0, 0, texts[row])) for row in rows], scorer.view)
        for row, products in zip(rows, np.stack([g[-1] for g in gradients]) @ self.vectors.T, strict=True):
            differences = products - products[likeliest[row]]
            gains[row] = differences / (np.abs(differences).max() + 1e-12)
        return gains


def _is_usable(text: str, language: str) -> bool:
    letters = text.lstrip(" ")
    if language == ENGLISH:
        return letters.isascii() and letters.isalpha()
    return bool(letters) and is_alphabetic(f"a{letters}")  # a token inside a word may start with a mark


def search_bound(length: int, beams: int, candidates: int) -> int:
    """Return how many texts and gradients a beam search asks at most: each hypothesis has a gradient and candidates."""
    return (1 + candidates) * (1 + (length - 1) * beams)


def _best(hypotheses: list[BeamHypothesis], scorer: SurrogateScorer, config: DecodingConfig) -> list[BeamHypothesis]:
    """Return the ``beams`` hypotheses of the highest value, best first, with their relevance.

    All of a value but the surrogate's part is known beforehand. Where that part is bounded, hypotheses are scored in
    the order of the rest, until none that is left could enter the beam: so the beam is that of scoring all of them.
    """
    length = len(hypotheses[0].tokens)
    known = np.array(
        [h.bonus + (config.fluency * h.fluency + config.coherence * h.coherence) / length for h in hypotheses]
    )
    relevance, values = np.full(len(hypotheses), -np.inf, dtype=np.float32), np.full(len(hypotheses), -np.inf)
    waiting = np.argsort(-known, kind="stable")
    while len(waiting) and known[waiting[0]] + config.most >= np.sort(values)[-config.beams :][0]:
        batch, waiting = np.split(waiting, [BATCH if np.isfinite(config.most) else len(waiting)])
        relevance[batch] = scorer.scores([hypotheses[i].text.strip() for i in batch.tolist()])
        values[batch] = known[batch] + config.value(relevance[batch])
    best = [i for i in np.argsort(-values, kind="stable")[: config.beams].tolist() if relevance[i] > -np.inf]
    return [replace(hypotheses[i], relevance=float(relevance[i])) for i in best]
