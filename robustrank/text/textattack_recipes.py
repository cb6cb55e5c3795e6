"""Attack recipes of TextAttack with a ranking score as their goal."""

from __future__ import annotations

import copy
import importlib
import inspect
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from robustrank.errors import UsageError, nearest
from robustrank.text.table import SubstitutionTable
from robustrank.text.textattack_adapter import (
    missing_files_named,
    replaced,
    seeded,
    textattack_package,
    without_downloads,
    without_warnings,
)


@dataclass(frozen=True)
class Recipe:
    """An attack recipe of TextAttack with a ranking score as its goal.

    Attributes:
        name: Its class, e.g. ``TextFoolerJin2019``.
        attack: The recipe as TextAttack builds it.
    """

    name: str
    attack: Any

    def search(
        self,
        text: str,
        scores: Callable[[list[str]], Iterable[float]],
        max_words: int,
        budget: int | None,
        rng: np.random.Generator,
    ) -> tuple[str, bool]:
        """Return the best text of the recipe's search, and whether its query budget was exhausted.

        Args:
            text: The clean text.
            scores: Maps texts to the scores to be raised; called once for all texts of a search step.
            max_words: Maximum number of changed words.
            budget: Maximum number of texts scored; None is no limit.
            rng: Seeds the draws of the recipe.

        Raises:
            DataError: The recipe needs a file that is not installed.
        """
        limit = importlib.import_module("textattack.constraints.overlap").MaxWordsPerturbed(max_num_words=max_words)
        constraints = [*self.attack.constraints, *self.attack.pre_transformation_constraints, limit]
        with missing_files_named(self.name), seeded(rng) as paused:

            def scored(texts: list[str]) -> Iterable[float]:
                with paused():
                    return scores(texts)

            with without_warnings():
                goal = _goal(scored, budget)
            method = copy.copy(self.attack.search_method)  # it stores its goal, and concurrent searches share it
            attack = textattack_package().Attack(goal, constraints, self.attack.transformation, method)
            first, exhausted = goal.init_attack_example(textattack_package().shared.AttackedText(text), None)
            if first is None or exhausted:
                return text, True
            best = attack.search_method(first)
        improved = best.score > first.score
        return (best.attacked_text.text if improved else text), goal.num_queries == budget


def recipe(name: str, table: SubstitutionTable, encode: Callable[[list[str]], NDArray[np.float32]]) -> Recipe:
    """Return a recipe of TextAttack, without downloads.

    Args:
        name: Its class, e.g. ``TextFoolerJin2019``.
        table: Replaces counter-fitted vectors: the neighbours of a word are its substitutes.
        encode: Replaces the Universal Sentence Encoder: float32[n, H] for n texts.

    Raises:
        UsageError: Unknown recipe, or a recipe that needs the network of the victim.
        DataError: TextAttack, or a file that the recipe needs, is not installed.
    """
    package = textattack_package()
    kind = package.attack_recipes.AttackRecipe
    recipes: dict[str, Any] = {
        key: value
        for key, value in sorted(vars(package.attack_recipes).items())
        if inspect.isclass(value) and issubclass(value, kind) and value is not kind
    }
    if name not in recipes:
        raise UsageError(
            f"{name!r} is not a recipe of TextAttack", allowed=", ".join(recipes), hint=nearest(name, recipes)
        )
    embeddings = importlib.import_module("textattack.shared.word_embeddings")
    substitute = staticmethod(lambda: table_embedding(table))
    with (
        missing_files_named(name),
        without_downloads(),
        without_warnings(),
        replaced(embeddings.WordEmbedding, "counterfitted_GLOVE_embedding", substitute),
    ):
        try:
            attack = recipes[name].build(_NoModel())
        except (AttributeError, TypeError) as error:
            raise UsageError(
                f"{name} needs the network of its victim", hint="use hotflip, or another recipe"
            ) from error
    if not attack.is_black_box:
        raise UsageError(f"{name} needs the gradients of its victim", hint="use hotflip, or another recipe")
    attack.constraints = [_with_encoder(constraint, encode) for constraint in attack.constraints]
    return Recipe(name, attack)


class _NoModel:
    """A placeholder for the victim of a recipe, which is queried through the goal function alone."""

    model = None

    def __call__(self, texts: list[str]) -> list[float]:
        raise RuntimeError("the recipe queried its model outside its goal function")


@cache
def _score_goal() -> type[Any]:
    goals, results = (
        importlib.import_module(f"textattack.{name}")
        for name in ("goal_functions.goal_function", "goal_function_results")
    )

    class ScoreGoal(goals.GoalFunction):  # type: ignore[misc, name-defined]  # TextAttack has no types
        """Maximises a score, without a stopping value."""

        def __init__(self, scores: Callable[[list[str]], Iterable[float]], budget: float) -> None:
            self.scores = scores
            super().__init__(_NoModel(), use_cache=True, query_budget=budget, allow_skip=False)

        def _call_model_uncached(self, attacked_text_list: list[Any]) -> list[float]:
            return [float(score) for score in self.scores([attacked.text for attacked in attacked_text_list])]

        def _is_goal_complete(self, model_output: float, _: Any) -> bool:
            return False

        def _get_score(self, model_output: float, _: Any) -> float:
            return model_output

        def _goal_function_result_type(self) -> Any:
            return results.ClassificationGoalFunctionResult

        def _process_model_outputs(self, inputs: Any, outputs: Any) -> Any:
            return outputs

    return ScoreGoal


def _goal(scores: Callable[[list[str]], Iterable[float]], budget: int | None) -> Any:
    return _score_goal()(scores, float("inf") if budget is None else budget)


def table_embedding(table: SubstitutionTable) -> Any:
    """Return a substitution table as a word embedding of TextAttack.

    The cosine of a substitute is the table's, or 1 in a table without cosines; that of other words is 0.
    """
    embeddings = importlib.import_module("textattack.shared.word_embeddings")

    class TableEmbedding(embeddings.AbstractWordEmbedding):  # type: ignore[misc, name-defined]  # TextAttack has no types
        def __getitem__(self, index: Any) -> None:
            return None

        def word2index(self, word: str) -> str:
            if word not in table.neighbours:
                raise KeyError(word)
            return word

        def index2word(self, index: str) -> str:
            return index

        def nearest_neighbours(self, index: str, topn: int) -> list[str]:
            return list(table.substitutes(index)[:topn])

        def get_cos_sim(self, a: str, b: str) -> float:
            cosine = table.cosine(a, b)
            return float(a == b or b in table.substitutes(a)) if cosine is None else cosine

        def get_mse_dist(self, a: str, b: str) -> float:
            return 1.0 - self.get_cos_sim(a, b)

    return TableEmbedding()


def _with_encoder(constraint: Any, encode: Callable[[list[str]], NDArray[np.float32]]) -> Any:
    """Replace the encoder of a constraint on the Universal Sentence Encoder; its threshold is unchanged."""
    if type(constraint).__name__ in ("UniversalSentenceEncoder", "MultilingualUniversalSentenceEncoder"):
        constraint.encode = encode
    return constraint
