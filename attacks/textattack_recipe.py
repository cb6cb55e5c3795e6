"""TextAttack's recipes, by name, with a goal of ranking: the document's score is to rise.

Source: Morris et al.: TextAttack, EMNLP 2020, system demonstrations, arXiv 2005.05909; the papers of the recipes, as
Jin et al. (TextFooler), AAAI 2020; Ren et al. (PWWS), ACL 2019; Gao et al. (DeepWordBug), SPW 2018.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher

import numpy as np
from numpy.typing import NDArray

from robustrank.attack import Attack, Edit, Perturbation
from robustrank.collections.collection import Collection
from robustrank.plugins import RankerSpec
from robustrank.rankers.text_encoder import text_encoder
from robustrank.text import textattack_adapter, textattack_recipes
from robustrank.text.embedding_table import load_table
from robustrank.victim import Access, BudgetExhausted, QueryInterface, Target, Victim

from .parts.victim_feedback import Feedback, ask


@dataclass
class TextAttackRecipe(Attack):
    """Runs a recipe of TextAttack on the document; the query is out of its reach."""

    recipe: str = "TextFoolerJin2019"  # a class of textattack.attack_recipes that needs no gradients
    max_words: int = 5  # words changed at the most, beside what the recipe itself allows
    feedback: Feedback = "scores"  # what is asked of the victim
    table: str = "encoder"  # in the place of counter-fitted vectors: encoder, or the path of a table file
    threshold: float = 0.6  # the least cosine of a substitute in the encoder's table
    neighbours: int = 10  # the most substitutes of a word in the encoder's table
    encoder: RankerSpec = "minilm"  # in the place of the Universal Sentence Encoder: a bi-encoder's specification

    access = Access.SCORES
    size_parameter = "max_words"
    cost = "calls"
    reference = "Morris et al. (TextAttack), EMNLP 2020, demonstrations; the papers of its recipes"
    deviations = (
        "the goal is the document's score, without an end; a substitution table stands in the place of counter-fitted "
        "vectors, and a bi-encoder in that of the Universal Sentence Encoder, with the recipe's thresholds"
    )
    control = "random-edit"

    _made: textattack_recipes.Recipe | None = field(default=None, init=False, repr=False)

    def __post_init__(self) -> None:
        self.access = Access[self.feedback.upper()]

    def prepare(self, interface: QueryInterface, collection: Collection, rng: np.random.Generator) -> None:
        """Build the recipe, which imports TextAttack."""
        table = load_table(self.table, collection.documents.values(), self.threshold, self.neighbours)
        encoder = text_encoder(self.encoder)

        def encode(texts: Sequence[str]) -> NDArray[np.float32]:
            vectors = encoder.embed(list(texts))
            return np.array([vectors[text] for text in texts], dtype=np.float32)

        self._made = textattack_recipes.recipe(self.recipe, table, encode)

    def perturb(self, target: Target, victim: Victim, rng: np.random.Generator) -> Perturbation:
        """Return the best document the recipe finds."""
        if self._made is None:
            raise RuntimeError("prepare(oracle, collection, rng) was not called")
        if not textattack_adapter.words_of(target.document):
            return Perturbation(target.document, note="the document has no word")

        def scores(texts: list[str]) -> NDArray[np.float64]:
            return ask(victim, self.feedback, texts)

        try:
            text, exhausted = self._made.search(target.document, scores, self.max_words, victim.remaining, rng)
        except BudgetExhausted as error:
            return Perturbation(target.document, note=str(error), exhausted=True)
        return Perturbation(text, _edits(target.document, text), exhausted=exhausted)


def _edits(before: str, after: str) -> tuple[Edit, ...]:
    """Return the edits that make one text of another, a run of changed words each."""
    old, new = _tokens(before), _tokens(after)
    edits, start, stop = [], [0], [0]
    for token in old:
        start.append(start[-1] + len(token))
    for token in new:
        stop.append(stop[-1] + len(token))
    for kind, first, last, there, end in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if kind != "equal":
            edits.append(Edit(start[first], start[last], after[stop[there] : stop[end]]))
    return tuple(edits)


def _tokens(text: str) -> list[str]:
    """Return the runs of letters and digits of a text and all other characters, which together are the text."""
    return re.findall(r"\w+|\W", text)
