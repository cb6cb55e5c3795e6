"""Word substitution: replaces the words that matter most by synonyms that raise the document, one at a time.

Source: Wu, Zhang, Guo, de Rijke, Fan, Cheng: PRADA: Practical Black-Box Adversarial Attacks against Neural Ranking
Models, ACM TOIS 41(4), 2023, arXiv 2204.01321. Differences are in ``WordSubstitution.deviations``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from robustrank.attack import Attack, Edit, Perturbation, apply_edits
from robustrank.collections.collection import Collection
from robustrank.imitation import Imitation
from robustrank.rankers.ranker import Encoding, GradientRanker
from robustrank.text.embedding_table import load_table
from robustrank.text.stopwords import STOP_WORDS
from robustrank.text.table import SubstitutionTable
from robustrank.text.words import Word, in_case_of, words
from robustrank.victim import Access, BudgetExhausted, GradientView, QueryInterface, Target, Victim

from .parts.hotflip import tokens_within
from .parts.surrogates import VICTIM, ImitationSettings, Surrogate, SurrogateScorer, load_surrogate


@dataclass
class WordSubstitution(Attack):
    """PRADA: gradient importance, projected gradient in embedding space, the nearest substitutes, greedy by score.

    The gradients are a surrogate's, never the victim's unless it is named as the surrogate; the victim's scores decide
    what is kept. A higher score is never a lower rank.
    """

    max_words: int = 20  # words replaced at the most; the paper takes 20 for passages, 50 for documents
    surrogate: Surrogate = "minilm"  # whose gradients: a ranker's specification, imitation, or victim (white box)
    imitation: ImitationSettings = field(default_factory=dict)  # how it is learned: surrogate, queries, top, …
    table: str = "encoder"  # the substitutes: encoder, or the path of a table file
    threshold: float = 0.6  # the least cosine of a substitute in the encoder's table
    neighbours: int = 10  # the most substitutes of a word in the encoder's table
    steps: int = 3  # gradient steps in embedding space
    candidates: int = 3  # substitutes of a word tried on the victim, nearest to the moved embedding first

    access = Access.SCORES
    size_parameter = "max_words"
    cost = "gradients"
    reference = "Wu et al. (PRADA), ACM TOIS 41(4), 2023, arXiv 2204.01321, section 4"
    deviations = (
        "substitutes come from a shared table, not from counter-fitted vectors; several are tried a word; a "
        "substitution is kept when the victim's score rises, not only its rank; every try starts from the "
        "accepted text; the surrogate is given unless surrogate=imitation"
    )
    control = "random-edit"

    _table: SubstitutionTable = field(default_factory=lambda: SubstitutionTable({}), init=False, repr=False)
    _surrogate: GradientRanker | None = field(default=None, init=False, repr=False)

    def __post_init__(self) -> None:
        Imitation.of(self.imitation)  # refuse unknown settings before anything runs
        if self.surrogate == VICTIM:
            self.access = Access.GRADIENTS

    def prepare(self, interface: QueryInterface, collection: Collection, rng: np.random.Generator) -> None:
        """Read the table and load the surrogate, or teach it."""
        self._table = load_table(self.table, collection.documents.values(), self.threshold, self.neighbours)
        self._surrogate = load_surrogate(self.surrogate, self.imitation, interface, collection, rng)

    def perturb(self, target: Target, victim: Victim, rng: np.random.Generator) -> Perturbation:
        """Return the document with up to ``max_words`` words replaced."""
        found = words(target.document)
        places = [i for i, w in enumerate(found) if self._table.substitutes(w.key) and w.key not in STOP_WORDS]
        if not places:
            return Perturbation(target.document, note="no word of the document has a substitute")
        view = SurrogateScorer.of(self._surrogate, target, victim).view
        encoding = view.encode(target.document)
        importance, moved = self._follow(view, encoding)
        tokens = {i: tokens_within(found[i].start, found[i].end, encoding) for i in places}
        order = sorted((i for i in places if tokens[i]), key=lambda i: (-float(importance[tokens[i]].sum()), i))
        chosen: dict[int, str] = {}
        try:
            exhausted = False
            options = ((i, self._nearest(view, found[i], moved[tokens[i]])) for i in order)
            self._greedy(target, victim, found, options, chosen)
        except BudgetExhausted:
            exhausted = True
        edits = _edits(found, chosen)
        return Perturbation(apply_edits(target.document, edits), edits, exhausted=exhausted)

    def _follow(self, view: GradientView, encoding: Encoding) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return each token's importance, float32[L], and the moved embeddings, float32[L, H].

        Of the pairwise hinge loss of the target against the documents above it, the gradient by the target's embeddings
        is a positive multiple of minus the score's gradient: importance and direction need the score's alone.
        """
        start = view.embedding_table[encoding.ids]
        radius = float(np.linalg.norm(start, axis=1).mean()) if len(start) else 0.0
        moved, importance = start.copy(), np.zeros(len(start), dtype=np.float32)
        for step in range(self.steps):
            _, (gradient,) = view.gradients([encoding], [moved])
            norms = np.linalg.norm(gradient, axis=1)
            importance = norms if step == 0 else importance
            moved = moved + radius / self.steps * gradient / (norms[:, None] + 1e-12)
        return importance, moved

    def _nearest(self, view: GradientView, word: Word, moved: NDArray[np.float32]) -> list[str]:
        """Return the word's substitutes, those whose embedding is nearest (by cosine) to the moved one first."""
        goal = moved.mean(axis=0)

        def nearness(key: str) -> float:
            vector = view.embedding_table[view.tokens_of(key)].mean(axis=0)
            return float(vector @ goal / (np.linalg.norm(vector) * np.linalg.norm(goal) + 1e-12))

        return sorted(self._table.substitutes(word.key), key=lambda key: (-nearness(key), key))[: self.candidates]

    def _greedy(
        self,
        target: Target,
        victim: Victim,
        found: Sequence[Word],
        options: Iterable[tuple[int, list[str]]],
        chosen: dict[int, str],
    ) -> None:
        """Fill ``chosen`` with the replacements the victim rewards, in order of importance."""
        best = float(victim.scores([target.document])[0])
        for index, keys in options:
            if len(chosen) == self.max_words:
                return
            tries = [apply_edits(target.document, _edits(found, {**chosen, index: key})) for key in keys]
            scores = victim.scores(tries)
            winner = int(np.argmax(scores))
            if float(scores[winner]) > best:
                best, chosen[index] = float(scores[winner]), keys[winner]


def _edits(found: Sequence[Word], chosen: dict[int, str]) -> tuple[Edit, ...]:
    return tuple(Edit(found[i].start, found[i].end, in_case_of(chosen[i], found[i].text)) for i in sorted(chosen))
