"""Word substitution (PRADA): the most important words are replaced by synonyms that raise the document's score.

Reference: Wu, Zhang, Guo, de Rijke, Fan, Cheng: PRADA: Practical Black-Box Adversarial Attacks against Neural Ranking
Models, ACM TOIS 41(4), 2023, arXiv 2204.01321. Deviations are in ``WordSubstitution.deviations``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from robustrank.attack import Attack, Perturbation, TargetBound
from robustrank.collections.collection import Collection
from robustrank.imitation import Imitation
from robustrank.plugins import RankerSpec
from robustrank.plugins.constraints import Cosine, Count
from robustrank.rankers.ranker import Encoding, GradientRanker
from robustrank.rankers.text_encoder import TextEncoder, text_encoder
from robustrank.text.embedding_table import SYNONYMS, check_table, load_table, table_languages
from robustrank.text.fitting import fitting
from robustrank.text.table import SubstitutionTable
from robustrank.text.words import vocabulary, words
from robustrank.victim import Access, GradientView, QueryInterface, Target, Victim

from .parts.hotflip import tokens_within
from .parts.preparation import require_prepared
from .parts.similarity import similar
from .parts.substitution import NO_SUBSTITUTE, greedy_search, substitution_bound
from .parts.surrogates import (
    VICTIM,
    ImitationSettings,
    Surrogate,
    SurrogateScorer,
    check_surrogate,
    load_surrogate,
    surrogate_bound,
)


@dataclass
class WordSubstitution(Attack):
    """PRADA: replaces important words by substitutes near adversarial embeddings, greedily by the victim's score.

    Importance and adversarial embeddings come from the gradients of a surrogate model; the victim's gradients are used
    only if the victim is named as the surrogate. The victim's scores decide which substitutions are accepted.
    """

    max_words: Count = 20  # maximum number of replaced words; the paper takes 20 for passages, 50 for documents
    surrogate: Surrogate = "minilm"  # surrogate model: a ranker's specification, imitation, or victim (white box)
    imitation: ImitationSettings = field(default_factory=dict)  # settings: surrogate, queries, top, training, …
    table: str = SYNONYMS  # substitution table: synonyms, encoder, or the path of a table file
    threshold: Cosine = 0.6  # minimum cosine of a substitute in the encoder's table
    neighbours: Count = 10  # maximum number of substitutes of a word in the encoder's table
    similarity: Cosine | None = 0.92  # minimum cosine of the 15 words around a substitute to those around the word
    encoder: RankerSpec = "minilm"  # the bi-encoder of that cosine
    steps: Count = 3  # gradient steps in embedding space
    candidates: Count = 3  # substitutes tried for each word, nearest to its adversarial embedding first

    access = Access.SCORES
    size_parameter = "max_words"
    cost = "gradients"
    stops_early = (
        "when max_words substitutions are accepted, where the surrogate does not read a word, and where few "
        "substitutes keep the sentence similarity"
    )
    reference = "Wu et al. (PRADA), ACM TOIS 41(4), 2023, arXiv 2204.01321, section 4"
    deviations = (
        "substitutes come from a substitution table, not from counter-fitted vectors, and are held to a sentence "
        "similarity, which the paper measures and does not limit; several substitutes are tried "
        "for each word; a substitution is accepted when the victim's score rises, not only its rank; each trial starts "
        "from the text accepted so far; the surrogate model is given unless surrogate=imitation"
    )
    control = "random-edit"

    _table: SubstitutionTable = field(default_factory=lambda: SubstitutionTable({}), init=False, repr=False)
    _surrogate: GradientRanker | None = field(default=None, init=False, repr=False)
    _encoder: TextEncoder | None = field(default=None, init=False, repr=False)

    def __post_init__(self) -> None:
        Imitation.of(self.imitation)  # refuse unknown settings before anything runs
        if self.surrogate == VICTIM:
            self.access = Access.GRADIENTS

    @property
    def languages(self) -> tuple[str, ...]:
        """English with an encoder's table; any with a table file."""
        return table_languages(self.table)

    def check(self) -> None:
        """Refuse a substitution table that is missing, and a surrogate without gradients."""
        check_table(self.table)
        check_surrogate(self.surrogate)
        if self.similarity is not None:
            text_encoder(self.encoder)

    def prepare(self, interface: QueryInterface, collection: Collection, rng: np.random.Generator) -> None:
        """Load the substitution table, and load or train the surrogate model."""
        self._table = load_table(self.table, collection.statistic(vocabulary), self.threshold, self.neighbours)
        self._encoder = None if self.similarity is None else text_encoder(self.encoder)
        self._surrogate = load_surrogate(self.surrogate, self.imitation, interface, collection, rng)

    def prepare_bound(self, collection: Collection) -> int:
        """The lists that an imitation model learns from."""
        return surrogate_bound(self.surrogate, self.imitation, collection)

    def target_bound(self, collection: Collection) -> TargetBound:
        """The document, all candidate substitutes of all words, and the gradient steps of a white-box attack."""
        table = load_table(self.table, collection.statistic(vocabulary), self.threshold, self.neighbours)
        steps = self.steps if self.surrogate == VICTIM else 0
        return substitution_bound(table, collection.language, self.candidates, extra=steps)

    def perturb(self, target: Target, victim: Victim, rng: np.random.Generator) -> Perturbation:
        """Return the document with up to ``max_words`` words replaced."""
        document_words = words(target.document)
        fit: Mapping[int, Sequence[str]] = fitting(target.document, document_words, self._table, target.language)
        if self.similarity is not None:
            fit = similar(target.document, document_words, fit, require_prepared(self._encoder), self.similarity)
        if not fit:
            return Perturbation(target.document, note=NO_SUBSTITUTE)
        view = SurrogateScorer.of(self._surrogate, target, victim).view
        encoding = view.encode(target.document)
        importance, adversarial = self._gradient_steps(view, encoding)
        tokens = {i: tokens_within(document_words[i].start, document_words[i].end, encoding) for i in fit}
        order = sorted((i for i in fit if tokens[i]), key=lambda i: (-float(importance[tokens[i]].sum()), i))
        options = ((i, self._nearest(view, fit[i], adversarial[tokens[i]])) for i in order)
        return greedy_search(target.document, document_words, options, self.max_words, victim.scores)

    def _gradient_steps(
        self, view: GradientView, encoding: Encoding
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return the importance of each token, float32[L], and the adversarial embeddings, float32[L, H].

        The gradient of the pairwise hinge loss of the target against the documents above it is a negative multiple of
        the gradient of the target's score. So importance and direction need the score's gradient alone.
        """
        clean = view.embedding_table[encoding.ids]
        radius = float(np.linalg.norm(clean, axis=1).mean()) if len(clean) else 0.0
        adversarial, importance = clean.copy(), np.zeros(len(clean), dtype=np.float32)
        for step in range(self.steps):
            _, (gradient,) = view.gradients([encoding], [adversarial])
            norms = np.linalg.norm(gradient, axis=1)
            importance = norms if step == 0 else importance
            adversarial = adversarial + radius / self.steps * gradient / (norms[:, None] + 1e-12)
        return importance, adversarial

    def _nearest(self, view: GradientView, substitutes: Sequence[str], adversarial: NDArray[np.float32]) -> list[str]:
        """Return the substitutes whose embeddings have the highest cosine to the word's adversarial embedding."""
        goal = adversarial.mean(axis=0)

        def cosine(key: str) -> float:
            vector = view.embedding_table[view.tokens_of(key)].mean(axis=0)
            return float(vector @ goal / (np.linalg.norm(vector) * np.linalg.norm(goal) + 1e-12))

        return sorted(substitutes, key=lambda key: (-cosine(key), key))[: self.candidates]
