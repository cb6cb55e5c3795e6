"""Compares a ranker's scores with those of sentence-transformers on the same model, text by text."""

from __future__ import annotations

import itertools
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from robustrank.errors import UsageError
from robustrank.rankers.model_files import quiet
from robustrank.rankers.transformer.bi_encoder import BiEncoderRanker
from robustrank.rankers.transformer.cross_encoder import CrossEncoderRanker
from robustrank.rankers.transformer.late_interaction import LateInteractionRanker
from robustrank.rankers.transformer.ranker import TransformerRanker
from robustrank.rankers.transformer.splade import SpladeRanker

TOLERANCE = 1e-4  # of the largest score; in bf16 it is the ranker's noise
INT8_TOLERANCE = 0.1

QUERIES = (
    "what causes lift on an aircraft wing",
    "BUDGET talks of ministers",
    "rivers that freeze in winter",
    "naïve café prices",
)
DOCUMENTS = (
    "Lift is caused by the difference in pressure between the two sides of an aircraft's wing.",
    "The ministers agreed on the budget after long talks in the capital.",
    "Rivers freeze from the banks inwards when the winter is cold enough.",
    "Prices in the café rose, and nobody was naïve enough to be surprised.",
    "MIXED Case and  double  spaces, numbers such as 42 and 3.14, and marks: (brackets) — dashes.",
    "wing",
    "A night train crosses the old stone bridge at three in the morning. " * 40,
    "Überraschung: Straßenbahnen fahren häufiger; 東京は雨です。",
    "The pressure on the wing of the party that wrote the budget rose over the winter.",
    "lift lift lift lift",
)


@dataclass(frozen=True)
class Comparison:
    """What came of it.

    Attributes:
        pairs: How many pairs of query and document were scored.
        difference: The largest difference of a score, as a share of the largest score.
        swapped: Pairs of documents of a query that the two order differently.
        orders: All pairs of documents of a query.
        tolerance: The largest difference that passes.
    """

    pairs: int
    difference: float
    swapped: int
    orders: int
    tolerance: float

    @property
    def agrees(self) -> bool:
        """Whether the scores are the same but for rounding."""
        return self.difference <= self.tolerance


def compare(ranker: TransformerRanker) -> Comparison:
    """Score 40 pairs, by the ranker together and by sentence-transformers one by one.

    Raises:
        UsageError: sentence-transformers has no class for the kind of ranker.
        DataError: The model cannot be read.
    """
    pairs = [(query, document) for query in QUERIES for document in DOCUMENTS]
    ours = ranker.score(pairs).astype(np.float64)
    with quiet(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what the libraries say of the folder is said by reading()
        theirs = np.array(_reference(ranker, pairs), dtype=np.float64)
    scale = max(float(np.abs(theirs).max()), 1e-9)
    tables = [scores.reshape(len(QUERIES), len(DOCUMENTS)) for scores in (ours, theirs)]
    couples = list(itertools.combinations(range(len(DOCUMENTS)), 2))
    clear = 2 * TOLERANCE * scale  # nearer scores may change places by rounding
    swapped = sum(_swapped(x, y, a, b, clear) for x, y in zip(*tables, strict=True) for a, b in couples)
    difference = float(np.abs(ours - theirs).max()) / scale
    tolerance = INT8_TOLERANCE if ranker.dtype == "int8" else max(TOLERANCE, ranker.noise)
    return Comparison(len(pairs), difference, swapped, len(couples) * len(QUERIES), tolerance)


def _swapped(ours: NDArray[np.float64], theirs: NDArray[np.float64], a: int, b: int, clear: float) -> bool:
    return bool((ours[a] - ours[b]) * (theirs[a] - theirs[b]) < 0 and abs(theirs[a] - theirs[b]) > clear)


def _reference(ranker: TransformerRanker, pairs: list[tuple[str, str]]) -> list[float]:
    """Return the scores of sentence-transformers, which reads the folder itself."""
    import sentence_transformers as st
    import torch

    folder = str(ranker.folder)
    options: dict[str, Any] = {"device": "cpu", "local_files_only": True, "model_kwargs": {"dtype": torch.float32}}
    length = ranker.max_length
    if isinstance(ranker, CrossEncoderRanker):
        model = st.CrossEncoder(folder, **options, **({} if length is None else {"max_length": length}))
        identity = {} if ranker.activates else {"activation_fn": torch.nn.Identity()}
        values = [model.predict([pair], **identity)[0] for pair in pairs]
        return [float(value[1] - value[0]) if np.ndim(value) else float(value) for value in values]
    name = "MultiVectorEncoder" if isinstance(ranker, LateInteractionRanker) else ranker.kind
    if not hasattr(st, name) or not isinstance(ranker, BiEncoderRanker | SpladeRanker | LateInteractionRanker):
        raise UsageError(
            f"sentence-transformers {st.__version__} has no {name} to compare the ranker with",
            allowed="bi-encoders, cross-encoders and sparse encoders; late interaction from sentence-transformers 6 on",
        )
    encoder = getattr(st, name)(folder, **options)
    if length is not None and not isinstance(ranker, LateInteractionRanker):
        encoder.max_seq_length = length
    return [
        float(encoder.similarity(encoder.encode_query([query]), encoder.encode_document([document]))[0][0])
        for query, document in pairs
    ]
