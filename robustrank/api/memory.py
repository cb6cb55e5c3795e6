"""Rankers and collections that live in this process, as plug-ins that an experiment can name.

A specification names one by its identity. A run that has one stays in this process. A model of sentence-transformers
is written to a folder instead, and read from there as any model is.
"""

from __future__ import annotations

import shutil
import tempfile
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from robustrank.collections.check import checked
from robustrank.collections.collection import Collection
from robustrank.collections.reader import CollectionReader
from robustrank.errors import DataError, PluginError, UsageError
from robustrank.notices import notice
from robustrank.plugins.contents import content_digest
from robustrank.plugins.objects import NoIdentityError, object_identity
from robustrank.plugins.specification import Spec
from robustrank.rankers.ranker import Pair, PointwiseRanker, Scores
from robustrank.rankers.serving import ServedRanker
from robustrank.storage import write_folder

MODELS = {"CrossEncoder": "cross-encoder", "SparseEncoder": "splade", "SentenceTransformer": "bi-encoder"}
Scoring = Callable[[list[Pair]], Any]

_objects: dict[str, Any] = {}


@dataclass
class InMemoryRanker(PointwiseRanker):
    """A callable of this process: it takes a list of (query, document) and returns a number for each."""

    key: str  # its identity

    def check(self) -> None:
        """Refuse what is not in this process."""
        _object(self.key)

    def score(self, pairs: Sequence[Pair]) -> Scores:
        """Return float32[n]; a tensor is brought to the processor."""
        answer = _object(self.key)(list(pairs))
        if hasattr(answer, "detach"):
            answer = answer.detach().float().cpu().numpy()
        scores: Scores = np.asarray(answer)  # what it holds is checked where it is served
        return scores

    def characters_read(self, query: str, document: str) -> int | None:
        """Return None: it is not known what a callable reads."""
        return None


@dataclass(frozen=True)
class InMemoryCollection(CollectionReader):
    """A collection of this process."""

    key: str  # its fingerprint

    def read(self) -> Collection:
        """Return it, checked as a collection from files is.

        Raises:
            DataError: It is inconsistent, or not in this process.
        """
        collection = checked(_object(self.key))
        return replace(collection, notes=tuple(dict.fromkeys(collection.notes)))  # it may have been checked before


def collection_spec(collection: Collection) -> Spec:
    """Return the specification of a collection in memory."""
    _objects[collection.fingerprint] = collection
    name = f"{__name__}:{InMemoryCollection.__name__}"
    return Spec(name, {"key": collection.fingerprint}, collection.name)


def callable_spec(scoring: Scoring) -> Spec:
    """Return the specification of a callable. Where its identity cannot be told, that is said, and it gets a new one.

    Its scores are then computed anew in each evaluation.
    """
    label = str(getattr(scoring, "__name__", type(scoring).__name__)).strip("<>")
    try:
        key = object_identity(scoring)
    except NoIdentityError as error:
        key = uuid.uuid4().hex
        notice(
            f"the identity of ranker {label!r} cannot be told, since it holds {error}: its scores serve this "
            "evaluation alone, and the next one computes them anew"
        )
    _objects[key] = scoring
    return Spec(f"{__name__}:{InMemoryRanker.__name__}", {"key": key}, label)


def model_kind(value: Any) -> str | None:
    """Return the ranker that reads a model of sentence-transformers; None for what is no such model."""
    names = [f"{cls.__module__.partition('.')[0]}.{cls.__qualname__}" for cls in type(value).__mro__]
    return next((kind for name, kind in MODELS.items() if f"sentence_transformers.{name}" in names), None)


def model_spec(model: Any, kind: str, cache: Path) -> Spec:
    """Return the specification of a model of sentence-transformers, which is written below the cache.

    Its name there is its content: the same weights are written once.

    Raises:
        DataError: It cannot be written.
        PluginError: What was written does not score as the model in memory does.
    """
    from robustrank.plugins import create

    label = type(model).__name__
    with tempfile.TemporaryDirectory() as room:
        written = Path(room) / "model"
        try:
            model.save_pretrained(str(written), create_model_card=False)
        except Exception as error:
            raise DataError(
                f"the {label} in memory cannot be written: {error}",
                hint="give a function that calls it in its place: lambda pairs: model.predict(pairs)",
            ) from error
        folder = cache / "models-in-memory" / content_digest(written)[:32]
        if not folder.exists():
            write_folder(folder, lambda new: _copy(written, new))
    spec = Spec(kind, {"model": str(folder)}, label)
    _refuse_other_scores(model, kind, ServedRanker(create("ranker", spec)), label)
    return spec


_PROBES = [(q, d) for q in ("rye bread", "lift of a wing") for d in ("Bread needs rye, water and salt.", "A wing.")]


def _refuse_other_scores(model: Any, kind: str, ranker: ServedRanker, label: str) -> None:
    """Refuse a model that was not written whole, as one with a module of its user's."""
    ours = ranker.score(_PROBES)
    if kind == "cross-encoder":
        theirs = np.asarray(model.predict(_PROBES, activation_fn=_identity(), show_progress_bar=False), dtype=float)
        theirs = theirs[:, 1] - theirs[:, 0] if theirs.ndim == 2 and theirs.shape[1] == 2 else theirs.reshape(-1)
    else:
        sides = model.encode_query([q for q, _ in _PROBES]), model.encode_document([d for _, d in _PROBES])
        theirs = np.asarray(model.similarity_pairwise(*sides).float().cpu())
    scale = max(1.0, float(np.abs(theirs).max()))
    precision = 1e-3 if "float32" in str(next(model.parameters()).dtype) else 5e-2
    if not np.all(np.abs(ours - theirs) <= precision * scale):
        raise PluginError(
            f"the {label} in memory gives the scores {theirs.tolist()}, and its copy on disk {ours.tolist()}",
            hint="a part of it is not written by save_pretrained: give a function that calls the model in its place",
        )


def _identity() -> Any:
    import torch

    return torch.nn.Identity()


def _copy(source: Path, target: Path) -> None:
    shutil.copytree(source, target, dirs_exist_ok=True)


def _object(key: str) -> Any:
    if key not in _objects:
        raise UsageError(
            f"the object {key} is not in this process",
            allowed="what robustrank.evaluate was given, in the process that called it, without worker processes",
            hint="call robustrank.evaluate with the object again; a finished run folder is read without it",
        )
    return _objects[key]
