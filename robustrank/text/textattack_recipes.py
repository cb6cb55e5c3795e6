"""TextAttack's recipes, told to raise a score; like all of TextAttack they come in by its adapter."""

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
    in_silence,
    missing_files_named,
    replaced,
    seeded,
    textattack_package,
    without_downloads,
)


@dataclass(frozen=True)
class Recipe:
    """An attack recipe of TextAttack, told to raise a score.

    Attributes:
        name: Its class, as ``TextFoolerJin2019``.
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
        """Return the best text the recipe's search finds, and whether its budget ended it.

        Args:
            text: Where it starts.
            scores: What is to rise, for texts; each step of the search asks once for all its texts.
            max_words: Words changed at the most.
            budget: Texts asked about at the most; None is no limit.
            rng: What the recipe's draws are seeded from.

        Raises:
            DataError: The recipe needs a file that is not on this machine.
        """
        made = self.attack
        most = importlib.import_module("textattack.constraints.overlap").MaxWordsPerturbed(max_num_words=max_words)
        constraints = [*made.constraints, *made.pre_transformation_constraints, most]
        with missing_files_named(self.name), seeded(rng) as paused:

            def asked(texts: list[str]) -> Iterable[float]:
                with paused():
                    return scores(texts)

            with in_silence():
                goal = _goal(asked, budget)
            method = copy.copy(made.search_method)  # it holds its goal, and others may search meanwhile
            attack = textattack_package().Attack(goal, constraints, made.transformation, method)
            first, over = goal.init_attack_example(textattack_package().shared.AttackedText(text), None)
            if first is None or over:
                return text, True
            best = attack.search_method(first)
        better = best.score > first.score
        return (best.attacked_text.text if better else text), goal.num_queries == budget


def recipe(name: str, table: SubstitutionTable, encode: Callable[[list[str]], NDArray[np.float32]]) -> Recipe:
    """Return a recipe of TextAttack that downloads nothing.

    Args:
        name: Its class, as ``TextFoolerJin2019``.
        table: Stands in the place of counter-fitted vectors: a word's neighbours are its substitutes.
        encode: Stands in the place of the Universal Sentence Encoder: float32[n, H] for n texts.

    Raises:
        UsageError: TextAttack has no such recipe, or it needs the victim's own network.
        DataError: TextAttack, or a file the recipe needs, is not on this machine.
    """
    package = textattack_package()
    kind = package.attack_recipes.AttackRecipe
    found: dict[str, Any] = {
        key: value
        for key, value in sorted(vars(package.attack_recipes).items())
        if inspect.isclass(value) and issubclass(value, kind) and value is not kind
    }
    if name not in found:
        raise UsageError(f"TextAttack has no recipe {name!r}", allowed=", ".join(found), hint=nearest(name, found))
    embeddings = importlib.import_module("textattack.shared.word_embeddings")
    stand_in = staticmethod(lambda: table_embedding(table))
    with (
        missing_files_named(name),
        without_downloads(),
        in_silence(),
        replaced(embeddings.WordEmbedding, "counterfitted_GLOVE_embedding", stand_in),
    ):
        try:
            made = found[name].build(_NoModel())
        except (AttributeError, TypeError) as error:
            raise UsageError(
                f"{name} needs the network of its victim", hint="use hotflip, or another recipe"
            ) from error
    if not made.is_black_box:
        raise UsageError(f"{name} needs the gradients of its victim", hint="use hotflip, or another recipe")
    made.constraints = [_with_encoder(constraint, encode) for constraint in made.constraints]
    return Recipe(name, made)


class _NoModel:
    """Stands where a recipe expects the victim; nothing asks it."""

    model = None

    def __call__(self, texts: list[str]) -> list[float]:
        raise RuntimeError("the recipe asked its model by another way than its goal")


@cache
def _rise() -> type[Any]:
    goals, results = (
        importlib.import_module(f"textattack.{name}")
        for name in ("goal_functions.goal_function", "goal_function_results")
    )

    class Rise(goals.GoalFunction):  # type: ignore[misc, name-defined]  # TextAttack has no types
        """A score that is to rise, without an end."""

        def __init__(self, scores: Callable[[list[str]], Iterable[float]], budget: float) -> None:
            self.scores = scores
            super().__init__(_NoModel(), use_cache=True, query_budget=budget, allow_skip=False)

        def _call_model_uncached(self, attacked_text_list: list[Any]) -> list[float]:
            return [float(score) for score in self.scores([one.text for one in attacked_text_list])]

        def _is_goal_complete(self, model_output: float, _: Any) -> bool:
            return False

        def _get_score(self, model_output: float, _: Any) -> float:
            return model_output

        def _goal_function_result_type(self) -> Any:
            return results.ClassificationGoalFunctionResult

        def _process_model_outputs(self, inputs: Any, outputs: Any) -> Any:
            return outputs

    return Rise


def _goal(scores: Callable[[list[str]], Iterable[float]], budget: int | None) -> Any:
    return _rise()(scores, float("inf") if budget is None else budget)


def table_embedding(table: SubstitutionTable) -> Any:
    """Return a substitution table as TextAttack's word embedding: substitutes are near, all other words are far."""
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
            return float(a == b or b in table.substitutes(a))

        def get_mse_dist(self, a: str, b: str) -> float:
            return 1.0 - self.get_cos_sim(a, b)

    return TableEmbedding()


def _with_encoder(constraint: Any, encode: Callable[[list[str]], NDArray[np.float32]]) -> Any:
    """Give a constraint on the Universal Sentence Encoder's vectors another encoder, with its own threshold."""
    if type(constraint).__name__ in ("UniversalSentenceEncoder", "MultilingualUniversalSentenceEncoder"):
        constraint.encode = encode
    return constraint
