"""TextAttack's black-box recipes, by name, with a ranking goal: to maximise the document's score.

Reference: Morris et al.: TextAttack, EMNLP 2020, system demonstrations, arXiv 2005.05909; the papers of the recipes,
such as Jin et al. (TextFooler), AAAI 2020; Ren et al. (PWWS), ACL 2019; Gao et al. (DeepWordBug), SPW 2018.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from itertools import accumulate

import numpy as np
from numpy.typing import NDArray

from robustrank.attack import Attack, Edit, Perturbation
from robustrank.collections.collection import Collection
from robustrank.plugins import RankerSpec
from robustrank.plugins.constraints import Cosine, Count
from robustrank.rankers.text_encoder import text_encoder
from robustrank.text import textattack_adapter, textattack_recipes
from robustrank.text.embedding_table import SYNONYMS, check_table, load_table
from robustrank.text.languages import ENGLISH
from robustrank.text.words import vocabulary
from robustrank.victim import Access, BudgetExhausted, QueryInterface, Target, Victim

from .parts.preparation import require_prepared
from .parts.victim_feedback import Feedback, query_victim


@dataclass
class TextAttackRecipe(Attack):
    """Runs a recipe of TextAttack on the document; the query stays unchanged."""

    recipe: str = "TextFoolerJin2019"  # a class of textattack.attack_recipes that uses no gradients
    max_words: Count = 5  # maximum number of changed words, in addition to the recipe's own constraints
    feedback: Feedback = "scores"  # feedback of the victim: scores or ranks
    table: str = SYNONYMS  # replaces counter-fitted vectors: synonyms, encoder, or the path of a table file
    threshold: Cosine = 0.5  # minimum cosine of a substitute in the encoder's table; a recipe may want more
    neighbours: Count = 50  # maximum number of substitutes of a word in the encoder's table
    encoder: RankerSpec = "minilm"  # replaces the Universal Sentence Encoder: a bi-encoder's specification

    languages = (ENGLISH,)  # its words and its transformations
    access = Access.SCORES
    size_parameter = "max_words"
    cost = "calls"
    reference = "Morris et al. (TextAttack), EMNLP 2020, demonstrations; the papers of its recipes"
    deviations = (
        "the goal is to maximise the document's score, without a success threshold; a substitution table replaces "
        "counter-fitted vectors (its cosines are held to the recipe's limit; without cosines every substitute "
        "passes), and a bi-encoder replaces the Universal Sentence Encoder, with the recipe's thresholds"
    )
    control = "random-edit"

    _recipe: textattack_recipes.Recipe | None = field(default=None, init=False, repr=False)

    def __post_init__(self) -> None:
        self.access = Access[self.feedback.upper()]

    def check(self) -> None:
        """Refuse to run without TextAttack, and without the substitution table."""
        textattack_adapter.require_textattack()
        check_table(self.table)

    def prepare(self, interface: QueryInterface, collection: Collection, rng: np.random.Generator) -> None:
        """Build the recipe, which imports TextAttack."""
        table = load_table(self.table, collection.statistic(vocabulary), self.threshold, self.neighbours)
        encoder = text_encoder(self.encoder)

        def encode(texts: Sequence[str]) -> NDArray[np.float32]:
            vectors = encoder.embed(list(texts))
            return np.array([vectors[text] for text in texts], dtype=np.float32)

        self._recipe = textattack_recipes.recipe(self.recipe, table, encode)

    def perturb(self, target: Target, victim: Victim, rng: np.random.Generator) -> Perturbation:
        """Return the best document of the recipe's search."""
        recipe = require_prepared(self._recipe)
        if not textattack_adapter.words_of(target.document):
            return Perturbation(target.document, note="the document has no word")

        def scores(texts: list[str]) -> NDArray[np.float64]:
            return query_victim(victim, self.feedback, texts)

        try:
            text, exhausted = recipe.search(target.document, scores, self.max_words, victim.remaining, rng)
        except BudgetExhausted as error:
            return Perturbation(target.document, note=str(error), exhausted=True)
        return Perturbation(text, _edits(target.document, text), exhausted=exhausted)


def _edits(before: str, after: str) -> tuple[Edit, ...]:
    """Return the edits that turn ``before`` into ``after``, one for each run of changed words."""
    old, new = _tokens(before), _tokens(after)
    old_offsets, new_offsets = _offsets(old), _offsets(new)
    return tuple(
        Edit(old_offsets[i1], old_offsets[i2], after[new_offsets[j1] : new_offsets[j2]])
        for tag, i1, i2, j1, j2 in SequenceMatcher(None, old, new, autojunk=False).get_opcodes()
        if tag != "equal"
    )


def _offsets(tokens: Sequence[str]) -> list[int]:
    """Return the offset of each token in their concatenation, and the length of it."""
    return list(accumulate(map(len, tokens), initial=0))


def _tokens(text: str) -> list[str]:
    """Split a text into runs of letters and digits, and single other characters; their concatenation is the text."""
    return re.findall(r"\w+|\W", text)
