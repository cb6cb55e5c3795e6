"""Imitation: a surrogate model is trained on the ranked lists of a black-box victim (model distillation).

Source: Liu, Kang, Tang, Song, Sun, Wang, Lu, Liu: Order-Disorder: Imitation Adversarial Attacks for Black-box Neural
Ranking Models (PAT), CCS 2022, arXiv 2209.06506; surrogates of Wu et al. (PRADA), ACM TOIS 41(4), 2023. Training
pairs are those of PAT: all pairs within the top 25, and top documents against sampled lower ones. Deviations: the
loss is computed over groups with several lower documents, listwise or pairwise by the surrogate's training settings;
lower documents are sampled once per query instead of once per top document; their share of the pairs is about equal.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any

import numpy as np

from robustrank.collections.collection import Collection
from robustrank.errors import UsageError
from robustrank.plugins import NestedTraining, RankerSpec, code_parts, create, digest_of
from robustrank.plugins.constraints import Amount, Count, InnerShare, Range
from robustrank.plugins.identity import parameters_of
from robustrank.plugins.specification import parse
from robustrank.rankers.checkpoint import ensure_checkpoint
from robustrank.rankers.ranker import Ranker, TrainableRanker
from robustrank.rankers.settings import Settings
from robustrank.rankers.training import sample_queries, split_by_query
from robustrank.victim import QueryInterface

SurrogateTraining = Annotated[dict[str, Any], NestedTraining("surrogate")]


@dataclass(frozen=True)
class Imitation(Settings):
    """Settings of an imitation."""

    surrogate: RankerSpec = "cross-encoder:model=minilm,max_length=128"  # specification of the surrogate model
    queries: Annotated[int, Range(at_least=2)] = 50  # queries whose candidates the victim ranks
    top: Count = 25  # top documents of a list, each a positive against all documents below it
    below: Amount = 8  # documents sampled from the rest of a list
    validation_share: InnerShare = 0.1  # of the queries, for early stopping
    training: SurrogateTraining = field(default_factory=dict)  # the surrogate's training settings


def imitate(interface: QueryInterface, collection: Collection, settings: Imitation, rng: np.random.Generator) -> Ranker:
    """Return a surrogate trained on the victim's ranked lists; every document ranked counts as one query to the victim.

    A surrogate trained on the same ranked lists is loaded from the checkpoint cache.

    Args:
        interface: The victim; access to ranks suffices.
        collection: Queries and candidates that the victim ranks. With equal generators, a smaller sample of queries is
            a subset of a larger one.
        settings: Surrogate, sizes and training settings.
        rng: Samples queries and documents, and seeds the training.

    Raises:
        UsageError: The surrogate is not trainable.
        DataError: There are too few queries to train on.
    """
    surrogate: Ranker = create("ranker", parse(settings.surrogate))
    if not isinstance(surrogate, TrainableRanker):
        raise UsageError(f"surrogate {settings.surrogate!r} has no weights to train", hint="robustrank list rankers")
    sample = sample_queries(collection, settings.queries, rng)
    seed = int(rng.integers(2**31))
    training_split = pseudo_qrels(sample, ranked_lists(interface, sample), settings.top, settings.below, seed)
    train, validation = split_by_query(training_split, settings.validation_share, np.random.default_rng(seed))
    with tempfile.TemporaryDirectory(prefix="robustrank-imitation-") as temporary:
        folder = (interface.checkpoint_dir or Path(temporary)) / _key(settings, training_split, seed)
        ensure_checkpoint(folder, lambda: surrogate.fit(train, validation, seed, str(folder), settings.training))
        imitation_model = surrogate.load(str(folder))
        imitation_model.prepare(collection)
        if interface.checkpoint_dir is None:
            imitation_model.rank([collection.request(next(iter(collection.queries)))])  # loads the temporary weights
    return imitation_model


def ranked_lists(interface: QueryInterface, collection: Collection) -> dict[str, list[str]]:
    """Return the victim's ranking of each query's candidates as document ids, best first."""
    lists = {}
    for query_id in collection.queries:
        request = collection.request(query_id)
        lists[query_id] = [request.doc_ids[position] for position in interface.rank(request)]
    return lists


def pseudo_qrels(
    collection: Collection, lists: Mapping[str, Sequence[str]], top: int, below: int, seed: int
) -> Collection:
    """Return the collection with pseudo-relevance labels from ranked lists instead of judgements.

    The first document of a list has gain ``top``, the second ``top - 1``, and so on; documents below the top have
    gain 0, and a random sample of ``below`` of them stays in the candidate list.
    """
    rng = np.random.default_rng(seed)
    qrels, candidates = {}, {}
    for query_id, ranked in lists.items():
        best, rest = list(ranked[:top]), list(ranked[top:])
        drawn = [rest[int(i)] for i in rng.permutation(len(rest))[:below]]
        qrels[query_id] = {doc_id: len(best) - i for i, doc_id in enumerate(best)} | dict.fromkeys(drawn, 0)
        candidates[query_id] = (*best, *drawn)
    return replace(collection, name=f"{collection.name}, labelled by the victim", qrels=qrels, candidates=candidates)


def _key(settings: Imitation, training_split: Collection, seed: int) -> str:
    parts = {
        "settings": parameters_of(settings, {}),
        "lists": training_split.fingerprint,
        "seed": seed,
        "imitation": code_parts(__name__),
    }
    return digest_of(parts)
