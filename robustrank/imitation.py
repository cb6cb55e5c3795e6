"""Imitation: a ranker of one's own that is trained on a black box's ranked lists alone.

Source: Liu, Kang, Tang, Song, Sun, Wang, Lu, Liu: Order-Disorder: Imitation Adversarial Attacks for Black-box Neural
Ranking Models (PAT), CCS 2022, arXiv 2209.06506; surrogates of Wu et al. (PRADA), ACM TOIS 41(4), 2023. Pairs are those
of PAT: every two of the top 25, and top documents against some from below. What differs: a group of several worse
documents is learned at once, listwise or pairwise as the surrogate's training settings say; the documents from below
are drawn once a query, not once a top document; their share of the pairs is about the same.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock

from robustrank.collections.collection import Collection
from robustrank.errors import UsageError
from robustrank.plugins import create
from robustrank.plugins.identity import training_code
from robustrank.plugins.specification import parse
from robustrank.rankers.ranker import Ranker, TrainableRanker
from robustrank.rankers.settings import Settings
from robustrank.rankers.training import sample_queries, split_by_query
from robustrank.victim import QueryInterface


@dataclass(frozen=True)
class Imitation(Settings):
    """How a black box is imitated."""

    surrogate: str = "cross-encoder:model=minilm,max_length=128"  # the ranker that learns, a specification
    queries: int = 50  # queries whose candidates the victim ranks
    top: int = 25  # documents of a list that are learned as better than all below them
    below: int = 8  # documents drawn from the rest of a list
    validation_share: float = 0.1  # of the queries, to decide when to stop
    training: dict[str, Any] = field(default_factory=dict)  # the surrogate's training settings


def imitate(interface: QueryInterface, collection: Collection, how: Imitation, rng: np.random.Generator) -> Ranker:
    """Return a surrogate trained on the victim's rankings of candidates; one query a document ranked is counted.

    A surrogate that learned the same lists before is loaded from the checkpoint cache.

    Args:
        interface: The victim; RANKS suffice.
        collection: Queries and candidates to ask about. Of the same generator, fewer queries are among the more.
        how: Surrogate, sizes and training settings.
        rng: Draws queries and documents, and seeds the training.

    Raises:
        UsageError: The surrogate has no weights to train.
        DataError: There are too few queries to learn from.
    """
    surrogate: Ranker = create("ranker", parse(how.surrogate))
    if not isinstance(surrogate, TrainableRanker):
        raise UsageError(f"surrogate {how.surrogate!r} has no weights to train", hint="robustrank list rankers")
    asked = sample_queries(collection, how.queries, rng)
    seed = int(rng.integers(2**31))
    training_split = pseudo_qrels(asked, ranked_lists(interface, asked), how.top, how.below, seed)
    train, validation = split_by_query(training_split, how.validation_share, np.random.default_rng(seed))
    with tempfile.TemporaryDirectory(prefix="robustrank-imitation-") as temporary:
        folder = (interface.checkpoint_dir or Path(temporary)) / _key(how, training_split, seed)
        folder.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(f"{folder}.lock"):
            if not folder.exists():
                surrogate.fit(train, validation, seed, str(folder), how.training)
        learned = surrogate.load(str(folder))
        learned.prepare(collection)
        if interface.checkpoint_dir is None:
            learned.rank([collection.request(next(iter(collection.queries)))])  # reads the weights before they go
    return learned


def ranked_lists(interface: QueryInterface, collection: Collection) -> dict[str, list[str]]:
    """Return the victim's order of each query's candidates, as document ids, best first."""
    lists = {}
    for query_id in collection.queries:
        request = collection.request(query_id)
        lists[query_id] = [request.doc_ids[position] for position in interface.rank(request)]
    return lists


def pseudo_qrels(
    collection: Collection, lists: Mapping[str, Sequence[str]], top: int, below: int, seed: int
) -> Collection:
    """Return the collection with ranked lists in the judgements' place.

    The best document of a list gains ``top``, the next one less, and so on; below the top all gain nothing, and
    ``below`` of them, drawn at random, stay among the candidates.
    """
    rng = np.random.default_rng(seed)
    qrels, candidates = {}, {}
    for query_id, ranked in lists.items():
        best, rest = list(ranked[:top]), list(ranked[top:])
        drawn = [rest[int(i)] for i in rng.permutation(len(rest))[:below]]
        qrels[query_id] = {doc_id: len(best) - place for place, doc_id in enumerate(best)} | dict.fromkeys(drawn, 0)
        candidates[query_id] = (*best, *drawn)
    return replace(collection, name=f"{collection.name}, as the victim ranks it", qrels=qrels, candidates=candidates)


def _key(how: Imitation, training_split: Collection, seed: int) -> str:
    code = training_code(parse(how.surrogate).name, how.training)
    text = json.dumps([asdict(how), training_split.fingerprint, seed, code], sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:24]
