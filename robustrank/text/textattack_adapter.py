"""The one door to TextAttack: it comes in without its downloads, its environment variables and its noise.

Source: Morris et al.: TextAttack: A Framework for Adversarial Attacks, Data Augmentation, and Adversarial Training in
NLP, EMNLP 2020, system demonstrations, arXiv 2005.05909. Written against 0.3.11, whose import downloads six NLTK
packages, needs NLTK's stop words, sets environment variables and reconfigures logging for the whole process. Here
neither NLTK's data nor TextAttack's own files are downloaded: what needs one that is not on this machine raises a
DataError. (A transformation around a model loads it as transformers or flair do; HF_HUB_OFFLINE=1 keeps them off the
network.) Draws come from the global generators of Python, numpy and torch: they are seeded from the caller's generator
and put back afterwards.
"""

from __future__ import annotations

import copy
import importlib
import importlib.util
import inspect
import logging
import os
import random
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from robustrank.errors import DataError, UsageError, nearest
from robustrank.text.stopwords import STOP_WORDS
from robustrank.text.table import SubstitutionTable

_INSTALL = "textattack.shared.utils.install"  # the module whose import downloads, redirects caches and logs


def transformation(name: str, **parameters: Any) -> Any:
    """Return a transformation of TextAttack.

    Args:
        name: Its class, as ``WordSwapQWERTY``.
        parameters: What its constructor takes.

    Raises:
        UsageError: TextAttack has no such transformation, or it does not take these parameters.
        DataError: TextAttack, or a file the transformation needs, is not on this machine.
    """
    found = _transformations()
    if name not in found:
        raise UsageError(
            f"TextAttack has no transformation {name!r}", allowed=", ".join(found), hint=nearest(name, found)
        )
    try:
        with _missing_files_named(name), _without_downloads():
            return found[name](**parameters)
    except TypeError as error:
        raise UsageError(f"{name}: {error}", allowed=str(inspect.signature(found[name]))) from error


def words_of(text: str) -> list[str]:
    """Return the words of a text as TextAttack counts them, without punctuation."""
    found: list[str] = _textattack().shared.AttackedText(text).words
    return found


def candidates(made: Any, text: str, rng: np.random.Generator, places: Iterable[int] | None = None) -> list[str]:
    """Return what a transformation makes of a text in one step: different texts, sorted.

    Args:
        made: From :func:`transformation`.
        text: The text.
        rng: What its draws are seeded from.
        places: The words it may change, indices into :func:`words_of`; all by default.

    Raises:
        DataError: The transformation needs a file that is not on this machine.
    """
    return sorted(_options(made, _textattack().shared.AttackedText(text), places, rng))


def change_words(made: Any, text: str, places: Iterable[int], count: int, rng: np.random.Generator) -> tuple[str, int]:
    """Apply a transformation to words of a text, one after the other, until ``count`` of them took it.

    Args:
        made: From :func:`transformation`.
        text: The text.
        places: The words to try, indices into :func:`words_of`; a word the transformation cannot change is passed over.
        count: How many words are to be changed.
        rng: Draws among the candidates, and seeds TextAttack's own draws.

    Returns:
        The new text, and how many words were changed.

    Raises:
        DataError: The transformation needs a file that is not on this machine.
    """
    current, changed = _textattack().shared.AttackedText(text), 0
    for place in places:
        if changed == count:
            break
        options = _options(made, current, [place], rng)
        if options:
            # Sorted, for TextAttack takes some from sets of strings, whose order changes from process to process.
            current = options[sorted(options)[int(rng.integers(len(options)))]]
            changed += 1
    return current.text, changed


def _options(made: Any, current: Any, places: Iterable[int] | None, rng: np.random.Generator) -> dict[str, Any]:
    """Return TextAttack's texts by text; ``places`` are indices into the words of the text ``current`` came from."""
    with _missing_files_named(type(made).__name__), _without_downloads(), _seeded(rng):
        found = made(current, indices_to_modify=places, shifted_idxs=places is not None)
    return {option.text: option for option in found if option.text != current.text}


@contextmanager
def _seeded(rng: np.random.Generator) -> Iterator[Callable[[], AbstractContextManager[None]]]:
    """Seed the global generators, and put them back as they were; what is yielded puts them back for a while."""
    import torch

    before = _generators()
    seed = int(rng.integers(2**32))
    try:
        random.seed(seed)
        np.random.seed(seed)  # noqa: NPY002
        torch.manual_seed(seed)
        yield partial(_paused, before)
    finally:
        _put_back(before)


@contextmanager
def _paused(before: tuple[Any, ...]) -> Iterator[None]:
    """Leave the global generators to others: an attacker that waits for its victim is not alone in the process."""
    own = _generators()
    _put_back(before)
    try:
        yield
    finally:
        _put_back(own)


def _generators() -> tuple[Any, ...]:
    import torch

    return random.getstate(), np.random.get_state(), torch.get_rng_state()  # noqa: NPY002


def _put_back(states: tuple[Any, ...]) -> None:
    import torch

    random.setstate(states[0])
    np.random.set_state(states[1])  # noqa: NPY002
    torch.set_rng_state(states[2])


@cache
def _transformations() -> dict[str, type[Any]]:
    module = _textattack().transformations
    return {
        name: value
        for name, value in sorted(vars(module).items())
        if inspect.isclass(value) and issubclass(value, module.Transformation) and not inspect.isabstract(value)
    }


@cache
def _textattack() -> Any:
    """Import TextAttack.

    Raises:
        DataError: It, or a package it needs, is not installed.
    """
    import logging.config

    before = dict(os.environ)
    try:
        # The logging configurations of TextAttack and flair would switch off or close what the process has set up.
        with warnings.catch_warnings(), _replaced(logging.config, "dictConfig", lambda _: None), _without_downloads():
            warnings.simplefilter("ignore")
            _enter()
            found = importlib.import_module("textattack")
    except ImportError as error:
        raise DataError(
            f"TextAttack cannot be imported: {_brief(error)}", hint='pip install "robustrank[textattack]"'
        ) from error
    finally:
        os.environ.clear()
        os.environ.update(before)
    # It cuts Chinese into words, talks while it loads, and keeps its index in a folder that everybody may write.
    jieba = importlib.import_module("jieba")
    jieba.dt.tmp_dir = str(_private_folder())
    jieba.setLogLevel(logging.WARNING)
    return found


def _enter() -> None:
    """Do what has to come before ``import textattack``."""
    import nltk

    folder = _private_folder()
    try:
        nltk.corpus.stopwords.words("english")
    except (LookupError, OSError):
        nltk.data.path.append(str(folder))  # NLTK reads from the folders listed here alone, so it stays
    if _INSTALL not in sys.modules:
        sys.modules[_INSTALL] = _install_module(folder)


def _install_module(folder: Path) -> ModuleType:
    """Return TextAttack's installer, told that it has nothing to do.

    With TA_CACHE_DIR it would redirect the caches of Hugging Face as well; it is set while this module is read and no
    longer, so that neither those caches nor the user's own TextAttack cache, which may lack the downloads, are touched.
    """
    package = importlib.util.find_spec("textattack")
    if package is None or not package.submodule_search_locations:
        raise ModuleNotFoundError("No module named 'textattack'")
    path = Path(package.submodule_search_locations[0]) / "shared" / "utils" / "install.py"
    spec = importlib.util.spec_from_file_location(_INSTALL, path)
    if spec is None or spec.loader is None:
        raise ModuleNotFoundError(f"{path} cannot be read")
    module = importlib.util.module_from_spec(spec)
    own = os.environ.get("TA_CACHE_DIR", str(Path("~/.cache/textattack").expanduser()))
    before = dict(os.environ)
    os.environ["TA_CACHE_DIR"] = str(folder)
    try:
        spec.loader.exec_module(module)
    finally:
        os.environ.clear()
        os.environ.update(before)
    vars(module).update(TEXTATTACK_CACHE_DIR=own, http_get=_refuse)
    logging.getLogger(_INSTALL).setLevel(logging.WARNING)
    return module


@cache
def _private_folder() -> Path:
    """Return a folder of this process alone, with stop words for NLTK and TextAttack's mark that it is installed.

    NLTK refuses files that others may write.
    """
    folder = Path(_temporary().name)
    stop_words = folder / "corpora" / "stopwords" / "english"
    for place in (stop_words.parent.parent, stop_words.parent):
        place.mkdir(mode=0o700)
    for path, text in ((stop_words, "\n".join(sorted(STOP_WORDS)) + "\n"), (folder / "post_install_check_3", "")):
        path.touch(mode=0o600)
        path.write_text(text, encoding="utf-8")
    return folder


@cache
def _temporary() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="robustrank-textattack-")  # removed when the process ends


@contextmanager
def _without_downloads() -> Iterator[None]:
    import nltk

    with _replaced(nltk, "download", lambda *_, **__: False):
        yield


@contextmanager
def _in_silence() -> Iterator[None]:
    """Keep TextAttack from telling that it does not know our goal."""
    logger = logging.getLogger(_INSTALL)
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(before)


@contextmanager
def _replaced(owner: Any, name: str, value: Any) -> Iterator[None]:
    before = getattr(owner, name)
    setattr(owner, name, value)
    try:
        yield
    finally:
        setattr(owner, name, before)


def _refuse(url: str, *_: Any, **__: Any) -> None:
    raise OSError(f"it would have to be downloaded from {url}")


@contextmanager
def _missing_files_named(name: str) -> Iterator[None]:
    try:
        yield
    except (LookupError, OSError) as error:
        raise DataError(f"{name} needs a file that is not here: {_brief(error)}", hint=_hint(name)) from error


def _hint(name: str) -> str:
    if "Homoglyph" in name:
        return "TextAttack's wheel lacks intentional_homoglyphs.txt; use character-typos with operations=[homoglyph]"
    if "WordNet" in name or "Synonym" in name:
        return "python -m nltk.downloader wordnet, or set NLTK_DATA to a folder that holds corpora/wordnet"
    return "see TextAttack's documentation for what it downloads"


def _brief(error: BaseException) -> str:
    lines = [line.strip(" *") for line in str(error).splitlines()]
    return next((line for line in lines if line), type(error).__name__)


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
        with _missing_files_named(self.name), _seeded(rng) as paused:

            def asked(texts: list[str]) -> Iterable[float]:
                with paused():
                    return scores(texts)

            with _in_silence():
                goal = _goal(asked, budget)
            method = copy.copy(made.search_method)  # it holds its goal, and others may search meanwhile
            attack = _textattack().Attack(goal, constraints, made.transformation, method)
            first, over = goal.init_attack_example(_textattack().shared.AttackedText(text), None)
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
    package = _textattack()
    kind = package.attack_recipes.AttackRecipe
    found: dict[str, Any] = {
        key: value
        for key, value in sorted(vars(package.attack_recipes).items())
        if inspect.isclass(value) and issubclass(value, kind) and value is not kind
    }
    if name not in found:
        raise UsageError(f"TextAttack has no recipe {name!r}", allowed=", ".join(found), hint=nearest(name, found))
    embeddings = importlib.import_module("textattack.shared.word_embeddings")
    stand_in = staticmethod(lambda: _table_embedding(table))
    with (
        _missing_files_named(name),
        _without_downloads(),
        _in_silence(),
        _replaced(embeddings.WordEmbedding, "counterfitted_GLOVE_embedding", stand_in),
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
def _goal_class() -> type[Any]:
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
    return _goal_class()(scores, float("inf") if budget is None else budget)


def _table_embedding(table: SubstitutionTable) -> Any:
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
