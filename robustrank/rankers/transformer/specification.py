"""From what a user writes of a model to the ranker that reads it."""

from __future__ import annotations

import json
from pathlib import Path

from robustrank.errors import UsageError
from robustrank.paths import given_path
from robustrank.plugins import create
from robustrank.plugins.specification import Spec, parse
from robustrank.rankers.model_files import model_folder
from robustrank.rankers.transformer.ranker import TransformerRanker

_RANKERS = {"SentenceTransformer": "bi-encoder", "CrossEncoder": "cross-encoder", "SparseEncoder": "splade"}
_RANKERS["ColBERT"] = "late-interaction"


def transformer_ranker(text: str) -> TransformerRanker:
    """Return the ranker of a specification, as ``cross-encoder:model=FOLDER``, or of a folder or hub name alone.

    The kind of a model alone is what its folder says; a sequence classifier is a cross-encoder, all else a bi-encoder.

    Raises:
        UsageError: It is another kind of ranker.
        DataError: There is no such model.
    """
    alone = "/" in text.partition(":")[0] or given_path(text).is_dir()
    ranker = create("ranker", Spec(_kind(model_folder(text)), {"model": text}) if alone else parse(text))
    if not isinstance(ranker, TransformerRanker):
        raise UsageError(
            f"{text!r} is not a ranker on a transformer",
            allowed=f"{', '.join(sorted(_RANKERS.values()))} with model=FOLDER, minilm, or a folder or hub name",
        )
    return ranker


def _kind(folder: Path) -> str:
    said = _content(folder / "config_sentence_transformers.json").get("model_type")
    architectures = _content(folder / "config.json").get("architectures")
    classifies = "ForSequenceClassification" in str(architectures)
    return _RANKERS.get(str(said), "cross-encoder" if classifies and said is None else "bi-encoder")


def _content(path: Path) -> dict[str, object]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}
