"""Adapter of TextAttack: the only module that imports it, without its downloads, environment variables and logging.

Source: Morris et al.: TextAttack: A Framework for Adversarial Attacks, Data Augmentation, and Adversarial Training in
NLP, EMNLP 2020, system demonstrations, arXiv 2005.05909. Written against 0.3.11, whose import downloads six NLTK
packages, needs NLTK's stop words, sets environment variables and reconfigures logging for the whole process. Here
neither NLTK's data nor TextAttack's files are downloaded: a transformation that needs a missing file raises a
DataError. (A transformation with a model loads it as transformers or flair do; HF_HUB_OFFLINE=1 keeps them off the
network.) TextAttack uses the global generators of Python, numpy and torch: they are seeded from the caller's generator
and restored afterwards.
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
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from robustrank.errors import DataError, UsageError, nearest
from robustrank.paths import given_path
from robustrank.text.stopwords import STOP_WORDS

_INSTALL = "textattack.shared.utils.install"  # the module whose import downloads files and redirects caches and logs


def transformation(name: str, **parameters: Any) -> Any:
    """Return a transformation of TextAttack.

    Args:
        name: Its class, e.g. ``WordSwapQWERTY``.
        parameters: Arguments of its constructor.

    Raises:
        UsageError: Unknown transformation, or arguments that it does not take.
        DataError: TextAttack, or a file that the transformation needs, is not installed.
    """
    classes = _transformations()
    if name not in classes:
        raise UsageError(
            f"{name!r} is not a transformation of TextAttack", allowed=", ".join(classes), hint=nearest(name, classes)
        )
    try:
        with missing_files_named(name), without_downloads():
            return classes[name](**parameters)
    except TypeError as error:
        raise UsageError(f"{name}: {error}", allowed=str(inspect.signature(classes[name]))) from error


def words_of(text: str) -> list[str]:
    """Return the words of a text as TextAttack counts them, without punctuation."""
    tokens: list[str] = textattack_package().shared.AttackedText(text).words
    return tokens


def change_words(
    transform: Any, text: str, indices: Iterable[int], count: int, rng: np.random.Generator
) -> tuple[str, int]:
    """Apply a transformation to words of a text in order, until ``count`` words are changed.

    Args:
        transform: From :func:`transformation`.
        text: The text.
        indices: The words to try, indices into :func:`words_of`; words without a change are skipped.
        count: Number of words to change.
        rng: Samples from the candidates, and seeds the draws of TextAttack.

    Returns:
        The new text, and the number of words changed.

    Raises:
        DataError: The transformation needs a file that is not installed.
    """
    current, changed = textattack_package().shared.AttackedText(text), 0
    for index in indices:
        if changed == count:
            break
        options = _options(transform, current, [index], rng)
        if options:
            # Sorted: TextAttack takes some from sets of strings, whose order differs between processes.
            current = options[sorted(options)[int(rng.integers(len(options)))]]
            changed += 1
    return current.text, changed


def _options(transform: Any, current: Any, indices: Iterable[int], rng: np.random.Generator) -> dict[str, Any]:
    """Return TextAttack's objects by text; ``indices`` refer to the words of the original of ``current``."""
    with missing_files_named(type(transform).__name__), without_downloads(), seeded(rng):
        options = transform(current, indices_to_modify=indices, shifted_idxs=True)
    return {option.text: option for option in options if option.text != current.text}


@contextmanager
def seeded(rng: np.random.Generator) -> Iterator[Callable[[], AbstractContextManager[None]]]:
    """Seed the global generators and restore them at the end; the yielded context restores them meanwhile."""
    import torch

    before = _generators()
    seed = int(rng.integers(2**32))
    try:
        random.seed(seed)
        np.random.seed(seed)  # noqa: NPY002
        torch.manual_seed(seed)
        yield partial(_paused, before)
    finally:
        _restore(before)


@contextmanager
def _paused(before: tuple[Any, ...]) -> Iterator[None]:
    """Restore the global generators meanwhile: while an attack waits for its victim, further threads run."""
    seeded_states = _generators()
    _restore(before)
    try:
        yield
    finally:
        _restore(seeded_states)


def _generators() -> tuple[Any, ...]:
    import torch

    return random.getstate(), np.random.get_state(), torch.get_rng_state()  # noqa: NPY002


def _restore(states: tuple[Any, ...]) -> None:
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


def require_textattack() -> None:
    """Refuse to go on without TextAttack; it is not imported yet.

    Raises:
        DataError: It is not installed.
    """
    if find_spec("textattack") is None:
        raise DataError("TextAttack is not installed", hint='pip install "robustrank[textattack]"')


@cache
def textattack_package() -> Any:
    """Import TextAttack.

    Raises:
        DataError: TextAttack, or a package that it needs, is not installed.
    """
    import logging.config

    before = dict(os.environ)
    try:
        # The logging configurations of TextAttack and flair would disable or close the handlers of the process.
        with warnings.catch_warnings(), replaced(logging.config, "dictConfig", lambda _: None), without_downloads():
            warnings.simplefilter("ignore")
            _prepare_import()
            package = importlib.import_module("textattack")
    except ImportError as error:
        raise DataError(
            f"TextAttack cannot be imported: {_brief(error)}", hint='pip install "robustrank[textattack]"'
        ) from error
    finally:
        os.environ.clear()
        os.environ.update(before)
    # jieba, the Chinese tokeniser, logs while it loads, and keeps its index in a world-writable folder.
    jieba = importlib.import_module("jieba")
    jieba.dt.tmp_dir = str(_private_folder())
    jieba.setLogLevel(logging.WARNING)
    return package


def _prepare_import() -> None:
    """Provide stop words and the patched installer before ``import textattack``."""
    import nltk

    folder = _private_folder()
    try:
        nltk.corpus.stopwords.words("english")
    except (LookupError, OSError):
        nltk.data.path.append(str(folder))  # NLTK reads only from the folders listed here, so it is not removed
    if _INSTALL not in sys.modules:
        sys.modules[_INSTALL] = _install_module(folder)


def _install_module(folder: Path) -> ModuleType:
    """Return TextAttack's installer module without its downloads.

    TA_CACHE_DIR would redirect the caches of Hugging Face as well; it is set only during this import, so that neither
    those caches nor the user's TextAttack cache, which may lack the downloads, are changed.
    """
    package = importlib.util.find_spec("textattack")
    if package is None or not package.submodule_search_locations:
        raise ModuleNotFoundError("No module named 'textattack'")
    path = Path(package.submodule_search_locations[0]) / "shared" / "utils" / "install.py"
    spec = importlib.util.spec_from_file_location(_INSTALL, path)
    if spec is None or spec.loader is None:
        raise ModuleNotFoundError(f"{path} cannot be read")
    module = importlib.util.module_from_spec(spec)
    user_cache = os.environ.get("TA_CACHE_DIR") or str(given_path("~/.cache/textattack"))
    before = dict(os.environ)
    os.environ["TA_CACHE_DIR"] = str(folder)
    try:
        spec.loader.exec_module(module)
    finally:
        os.environ.clear()
        os.environ.update(before)
    vars(module).update(TEXTATTACK_CACHE_DIR=user_cache, http_get=_refuse)
    logging.getLogger(_INSTALL).setLevel(logging.WARNING)
    return module


@cache
def _private_folder() -> Path:
    """Return a folder private to this process, with stop words for NLTK and TextAttack's marker of an installation.

    NLTK refuses files that other users may write.
    """
    folder = Path(_temporary().name)
    stop_words = folder / "corpora" / "stopwords" / "english"
    for directory in (stop_words.parent.parent, stop_words.parent):
        directory.mkdir(mode=0o700)
    for path, text in ((stop_words, "\n".join(sorted(STOP_WORDS)) + "\n"), (folder / "post_install_check_3", "")):
        path.touch(mode=0o600)
        path.write_text(text, encoding="utf-8")
    return folder


@cache
def _temporary() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="robustrank-textattack-")  # removed when the process ends


@contextmanager
def without_downloads() -> Iterator[None]:
    """Prevent downloads by NLTK."""
    import nltk

    with replaced(nltk, "download", lambda *_, **__: False):
        yield


@contextmanager
def without_warnings() -> Iterator[None]:
    """Suppress TextAttack's warning about an unknown goal function."""
    logger = logging.getLogger(_INSTALL)
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(before)


@contextmanager
def replaced(owner: Any, name: str, value: Any) -> Iterator[None]:
    """Replace an attribute temporarily."""
    before = getattr(owner, name)
    setattr(owner, name, value)
    try:
        yield
    finally:
        setattr(owner, name, before)


def _refuse(url: str, *_: Any, **__: Any) -> None:
    raise OSError(f"not downloaded: {url}")


@contextmanager
def missing_files_named(name: str) -> Iterator[None]:
    """Raise a DataError with ``name`` where a file is missing."""
    try:
        yield
    except (LookupError, OSError) as error:
        raise DataError(f"{name} needs a file that is not installed: {_brief(error)}", hint=_hint(name)) from error


def _hint(name: str) -> str:
    if "Homoglyph" in name:
        return "TextAttack's wheel lacks intentional_homoglyphs.txt; use character-typos with operations=[homoglyph]"
    if "WordNet" in name or "Synonym" in name:
        return "python -m nltk.downloader wordnet, or set NLTK_DATA to a folder with corpora/wordnet"
    return "see TextAttack's documentation for the files it downloads"


def _brief(error: BaseException) -> str:
    lines = [line.strip(" *") for line in str(error).splitlines()]
    return next((line for line in lines if line), type(error).__name__)
