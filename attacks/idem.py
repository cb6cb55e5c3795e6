"""IDEM: sentences that connect query and document, written by a language model and put where they fit best.

Source: Chen, He, Ye, Sun, Sun: Towards Imperceptible Document Manipulations against Neural Ranking Models (IDEM),
Findings of ACL 2023, arXiv 2305.01860. Differences are in ``IDEM.deviations``.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from robustrank.attack import Attack, Edit, Perturbation, apply_edits
from robustrank.collections.collection import Collection
from robustrank.imitation import Imitation
from robustrank.language_model import SMOLLM2, language_model, language_model_digest
from robustrank.rankers.ranker import GradientRanker
from robustrank.text.words import words
from robustrank.victim import BudgetExhausted, QueryInterface, Target, Victim

from .parts.insertion import SENTENCE_BREAK
from .parts.surrogates import ImitationSettings, Surrogate, SurrogateScorer, access_of, load_surrogate

_END = re.compile(r"[.!?\n]")


@dataclass
class IDEM(Attack):
    """Inserts the connecting sentence of the best relevance and coherence, at a boundary between sentences."""

    sentences: int = 20  # drawn from the language model; the paper's are 100 or 500
    longest: int = 12  # words of a sentence
    places: int = 8  # boundaries between sentences that are tried
    shortlist: int = 10  # insertions whose coherence is looked at, those of the best relevance
    weight: float = 0.5  # of coherence beside relevance, both scaled to [0, 1]
    connective: str = "It is known that"  # what the model goes on from, after the document's beginning and the query
    context: int = 48  # tokens of the document that the model reads before
    surrogate: Surrogate = "imitation"  # whose scores: imitation, a ranker's specification, or victim
    imitation: ImitationSettings = field(default_factory=dict)  # how it is learned: surrogate, queries, top, …
    language_model: str = SMOLLM2  # smollm2, a folder, or a name on the hub

    size_parameter = "longest"
    cost = "language model"
    reference = "Chen et al. (IDEM), Findings of ACL 2023, arXiv 2305.01860; code cxa-unique/IDEM"
    deviations = (
        "a causal language model goes on after the document's beginning and the query, where BART fills in between "
        "them; coherence is its mean log-probability of the sentence after the one before it and of the next one "
        "after it, where a next-sentence classifier is asked; it is looked at for the shortlist alone"
    )
    control = "random-trigger"

    _surrogate: GradientRanker | None = field(default=None, init=False, repr=False)

    def __post_init__(self) -> None:
        Imitation.of(self.imitation)  # refuse unknown settings before anything runs
        self.access = access_of(self.surrogate)

    @property
    def fingerprint(self) -> str:
        """The language model's files."""
        return language_model_digest(self.language_model)

    def prepare(self, interface: QueryInterface, collection: Collection, rng: np.random.Generator) -> None:
        """Load or teach the surrogate."""
        self._surrogate = load_surrogate(self.surrogate, self.imitation, interface, collection, rng)

    def perturb(self, target: Target, victim: Victim, rng: np.random.Generator) -> Perturbation:
        """Return the document with a sentence in it."""
        found = self._sentences(target, rng)
        if not found:
            return Perturbation(target.document, note="the language model wrote no sentence that may be used")
        edits = [
            _between(target.document, place, sentence)
            for place in self._boundaries(target.document)
            for sentence in found
        ]
        try:
            scores = SurrogateScorer.of(self._surrogate, target, victim).scores(
                [apply_edits(target.document, (edit,)) for edit in edits]
            )
        except BudgetExhausted as error:
            return Perturbation(target.document, note=str(error), exhausted=True)
        best = np.argsort(-scores, kind="stable")[: self.shortlist].tolist()
        coherence = np.array([self._coherence(target.document, edits[place]) for place in best])
        values = (1 - self.weight) * _scaled(scores[best]) + self.weight * _scaled(coherence)
        edit = edits[best[int(values.argmax())]]
        return Perturbation(apply_edits(target.document, (edit,)), (edit,))

    def _sentences(self, target: Target, rng: np.random.Generator) -> list[str]:
        """Return the sentences that may be used: not too long, and copied neither from the query nor the document."""
        model = language_model(self.language_model)
        beginning = " ".join(target.document.split()[: self.context])
        prompt = " ".join(part for part in (beginning, target.query.rstrip(" .?!") + ".", self.connective) if part)
        drawn = model.sample(prompt, self.sentences, 2 * self.longest, rng)
        found = []
        for text in drawn:
            body = " ".join(_END.split(text.strip(), maxsplit=1)[0].split()[: self.longest])
            if len(words(body)) >= 3 and not _copied(body, target.query) and not _copied(body, target.document):
                found.append(body[:1].upper() + body[1:] + ".")
        return list(dict.fromkeys(found))

    def _boundaries(self, document: str) -> list[int]:
        """Return the characters at which sentences begin or the document ends, ``places`` of them, evenly spaced."""
        found = [0, *(match.end() for match in SENTENCE_BREAK.finditer(document)), len(document)]
        distinct = list(dict.fromkeys(found))
        return list(islice(distinct, 0, None, -(-len(distinct) // max(1, self.places))))

    def _coherence(self, document: str, edit: Edit) -> float:
        """Return the mean log-probability of the sentence after what precedes it, and of what follows after it."""
        model = language_model(self.language_model)
        before, after = document[: edit.start].strip(), document[edit.start :].strip()
        sentence = edit.text.strip()
        last = SENTENCE_BREAK.split(before)[-1]
        following = SENTENCE_BREAK.split(after)[0]
        junctions = [model.log_likelihood(last, sentence, 32)]
        if following:
            junctions.append(model.log_likelihood(sentence, following, 32))
        return float(np.mean(junctions))


def _copied(sentence: str, text: str) -> bool:
    """Whether more than half of a sentence stands in a text, letter for letter and in one piece."""
    one, other = sentence.lower(), text.lower()
    match = SequenceMatcher(None, one, other, autojunk=False).find_longest_match()
    return match.size > len(one) / 2


def _between(document: str, place: int, sentence: str) -> Edit:
    """Return the edit that puts a sentence before the character ``place``, spaces around it."""
    before = " " if place and not document[place - 1].isspace() else ""
    after = " " if place < len(document) else ""
    return Edit(place, place, before + sentence + after)


def _scaled(values: Sequence[float] | NDArray[np.float32] | NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the values scaled to [0, 1]; zeros where all are equal or none is a number."""
    found = np.nan_to_num(np.asarray(values, dtype=np.float64), nan=-1e3)
    width = float(np.ptp(found))
    return (found - found.min()) / width if width else np.zeros_like(found)
