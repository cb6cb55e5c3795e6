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
from functools import cache, partial
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from robustrank.errors import DataError, UsageError, nearest
from robustrank.text.stopwords import STOP_WORDS

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
        with missing_files_named(name), without_downloads():
            return found[name](**parameters)
    except TypeError as error:
        raise UsageError(f"{name}: {error}", allowed=str(inspect.signature(found[name]))) from error


def words_of(text: str) -> list[str]:
    """Return the words of a text as TextAttack counts them, without punctuation."""
    found: list[str] = textattack_package().shared.AttackedText(text).words
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
    return sorted(_options(made, textattack_package().shared.AttackedText(text), places, rng))


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
    current, changed = textattack_package().shared.AttackedText(text), 0
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
    with missing_files_named(type(made).__name__), without_downloads(), seeded(rng):
        found = made(current, indices_to_modify=places, shifted_idxs=places is not None)
    return {option.text: option for option in found if option.text != current.text}


@contextmanager
def seeded(rng: np.random.Generator) -> Iterator[Callable[[], AbstractContextManager[None]]]:
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
    module = textattack_package().transformations
    return {
        name: value
        for name, value in sorted(vars(module).items())
        if inspect.isclass(value) and issubclass(value, module.Transformation) and not inspect.isabstract(value)
    }


@cache
def textattack_package() -> Any:
    """Import TextAttack.

    Raises:
        DataError: It, or a package it needs, is not installed.
    """
    import logging.config

    before = dict(os.environ)
    try:
        # The logging configurations of TextAttack and flair would switch off or close what the process has set up.
        with warnings.catch_warnings(), replaced(logging.config, "dictConfig", lambda _: None), without_downloads():
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
def without_downloads() -> Iterator[None]:
    """Keep NLTK from downloading."""
    import nltk

    with replaced(nltk, "download", lambda *_, **__: False):
        yield


@contextmanager
def in_silence() -> Iterator[None]:
    """Keep TextAttack from telling that it does not know our goal."""
    logger = logging.getLogger(_INSTALL)
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(before)


@contextmanager
def replaced(owner: Any, name: str, value: Any) -> Iterator[None]:
    """Put a value in an attribute's place for a while."""
    before = getattr(owner, name)
    setattr(owner, name, value)
    try:
        yield
    finally:
        setattr(owner, name, before)


def _refuse(url: str, *_: Any, **__: Any) -> None:
    raise OSError(f"it would have to be downloaded from {url}")


@contextmanager
def missing_files_named(name: str) -> Iterator[None]:
    """Raise a DataError that names what needs a file, where one is missing."""
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
