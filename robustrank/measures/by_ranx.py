"""Our measures beside ranx, an independent implementation, on random judged lists: what ``robustrank doctor`` compares.

Ranx breaks ties by insertion order, ignores NaN and unmatched queries silently, and identifies documents by a hash
rounded to float64. So the lists here have no ties, and every list is judged. It compiles its measures at their first
use on a machine, which takes about a quarter of a minute.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Sequence
from importlib.util import find_spec

import numpy as np

from robustrank.errors import DataError
from robustrank.measures.effectiveness import evaluate

MEASURES = {  # our name -> ranx's
    "nDCG": "ndcg",  # linear gains, as trec_eval; Burges' exponential gains would be ndcg_burges
    "nDCG@10": "ndcg@10",
    "AP": "map",
    "AP@10": "map@10",
    "RR": "mrr",
    "RR@10": "mrr@10",
    "P@10": "precision@10",
    "R@10": "recall@10",
    "Success@10": "hit_rate@10",
    "Rprec": "r-precision",
}


LISTS, TOLERANCE = 200, 1e-9


def largest_differences(
    measures: Sequence[str] = tuple(MEASURES), lists: int = LISTS, seed: int = 0
) -> dict[str, float]:
    """Return by measure the largest difference between our value and ranx's over random lists.

    Args:
        measures: Names, among ``MEASURES``.
        lists: How many lists; each has up to 60 documents, some of them judged, with gains from 0 to 3.
        seed: Of the lists.

    Raises:
        DataError: ranx is not installed.
    """
    if find_spec("ranx") is None:
        raise DataError("ranx is not installed", hint='pip install "robustrank[ranx]"')
    rng = np.random.default_rng(seed)
    qrels: dict[str, dict[str, int]] = {}
    run: dict[str, dict[str, float]] = {}
    for number in range(lists):
        ids = [f"d{i}" for i in rng.permutation(80)]
        judged, length = int(rng.integers(1, 40)), int(rng.integers(1, 60))
        gains = rng.integers(0, 4, judged).tolist()
        qrels[f"q{number}"] = dict(zip(ids[:judged], gains, strict=True))
        listed = [ids[i] for i in rng.permutation(80)[:length]]
        scores = np.sort(rng.uniform(size=length))[::-1] + np.arange(length, 0, -1)  # no two are equal
        run[f"q{number}"] = dict(zip(listed, scores.tolist(), strict=True))
    ours = evaluate(qrels, run, measures)
    os.environ.setdefault("NUMBA_NUM_THREADS", "1")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # numba warns of casts inside ranx while it compiles
        import ranx

        theirs = ranx.Run(run)
        ranx.evaluate(ranx.Qrels(qrels), theirs, [MEASURES[name] for name in measures], make_comparable=True)
    values = {name: theirs.scores[MEASURES[name]] for name in measures}
    return {
        name: max(abs(ours[name][query_id] - float(values[name][query_id])) for query_id in qrels) for name in measures
    }
