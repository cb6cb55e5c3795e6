"""Losses over groups of documents, and the scores of a teacher.

Listwise: softmax cross-entropy of one relevant document against sampled others (InfoNCE; Gao, Dai, Callan, ECIR 2021).
Pairwise: RankNet's logistic loss on the same groups (Burges et al., ICML 2005).
KL: divergence of the softmax of the learner's scores from that of a teacher's (Hinton et al., arXiv 1503.02531).
Margin-MSE: squared error of the differences to the first document (Hofstätter et al., arXiv 2010.02666).
Those over lists of graded documents: :mod:`robustrank.rankers.list_losses`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np

from robustrank.collections.collection import Collection
from robustrank.errors import DataError, UsageError
from robustrank.plugins import create
from robustrank.plugins.specification import parse
from robustrank.rankers.groups import Group, Targets
from robustrank.rankers.list_losses import LIST_LOSSES
from robustrank.rankers.ranker import Ranker
from robustrank.steps import followed

if TYPE_CHECKING:
    import torch

Loss = Literal[
    "listwise",
    "pairwise",
    "listnet",
    "listmle",
    "ranknet",
    "lambdarank",
    "lambdaloss",
    "approxndcg",
    "neuralndcg",
    "kl",
    "margin-mse",
]
DISTILLATION = ("kl", "margin-mse")  # losses that learn a teacher's scores


def loss_of(scores: torch.Tensor, batch: Sequence[Group], kind: Loss) -> torch.Tensor:
    """Return the mean loss of groups.

    Args:
        scores: float32[groups, documents], differentiable.
        batch: The groups.
        kind: Which loss.
    """
    import torch

    if kind == "pairwise":
        return torch.nn.functional.softplus(scores[:, 1:] - scores[:, :1]).mean()
    if kind == "listwise":
        first = torch.zeros(len(scores), dtype=torch.long, device=scores.device)
        return torch.nn.functional.cross_entropy(scores, first)
    targets = torch.tensor([group.targets for group in batch], dtype=scores.dtype, device=scores.device)
    if kind in LIST_LOSSES:
        return LIST_LOSSES[kind](scores, targets).mean()
    if kind == "kl":
        return divergence(scores, targets)
    margins = scores[:, :1] - scores[:, 1:], targets[:, :1] - targets[:, 1:]
    return torch.nn.functional.mse_loss(*margins)


def divergence(scores: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Return the mean KL divergence of the softmax of targets from that of scores, both float32[groups, documents]."""
    import torch

    logs = torch.log_softmax(scores, dim=1), torch.log_softmax(targets, dim=1)
    return torch.nn.functional.kl_div(*logs, reduction="batchmean", log_target=True)


def teacher_scores(train: Collection, teachers: Sequence[str], weights: Sequence[float], graded: float) -> Targets:
    """Return what is to be learned of every candidate: the weighted sum of the teachers' scores, and of its gain.

    Args:
        train: The queries and their candidates.
        teachers: Specifications of rankers.
        weights: One a teacher.
        graded: The weight of a judged gain.

    Raises:
        UsageError: A teacher gives no scores.
        DataError: A teacher's score is not finite.
    """
    rankers: list[Ranker] = [create("ranker", parse(teacher)) for teacher in teachers]
    for ranker in rankers:
        ranker.prepare(train)
    targets: dict[str, dict[str, float]] = {}
    for query_id in followed(list(train.queries), "queries, the teacher"):
        request, gains = train.request(query_id), train.qrels[query_id]
        sums = graded * np.array([gains.get(d, 0) for d in request.doc_ids], dtype=np.float64)
        for name, ranker, weight in zip(teachers, rankers, weights, strict=True):
            scores = ranker.rank([request])[0].scores
            if scores is None:
                raise UsageError(f"teacher {name!r} gives no scores", allowed="a ranker with scores")
            if not np.isfinite(scores).all():
                raise DataError(f"teacher {name!r} gives a score that is not finite", where=f"query {query_id!r}")
            sums += weight * scores
        targets[query_id] = dict(zip(request.doc_ids, sums.tolist(), strict=True))
    return targets
