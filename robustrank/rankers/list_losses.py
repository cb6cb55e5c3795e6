"""Losses over lists of graded documents; formulas as in allRank (Pobrotyn et al., arXiv 2005.10084).

Every function takes scores f and gains y, both float[lists, documents], and returns float[lists]. Ranks count from 1,
G = (2^y - 1) / maxDCG, D = log2(1 + rank). A list without a gain has the loss 0 where gains are divided by maxDCG.
Lists have no padding: groups of a batch are of one size.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

ListLoss = Callable[["torch.Tensor", "torch.Tensor"], "torch.Tensor"]

MU = 10.0  # weight of ndcgLoss2 in ndcgLoss2++
SINKHORN = 50  # iterations


def list_net(scores: torch.Tensor, gains: torch.Tensor) -> torch.Tensor:
    """Top-1 cross-entropy -sum softmax(y) log softmax(f) (Cao et al., ICML 2007)."""
    return -(gains.softmax(1) * scores.log_softmax(1)).sum(1)


def list_mle(scores: torch.Tensor, gains: torch.Tensor) -> torch.Tensor:
    """Negative log likelihood of the order by y under the Plackett-Luce model of f (Xia et al., ICML 2008).

    The order of equal gains is drawn anew from torch's generator.
    """
    import torch

    shuffled = torch.rand(scores.shape).argsort(1).to(scores.device)
    order = shuffled.gather(1, gains.gather(1, shuffled).argsort(dim=1, descending=True, stable=True))
    ranked = scores.gather(1, order)
    return (ranked.flip(1).logcumsumexp(1).flip(1) - ranked).sum(1)


def rank_net(scores: torch.Tensor, gains: torch.Tensor) -> torch.Tensor:
    """Sum of log(1 + exp(f_j - f_i)) over the pairs with y_i > y_j (Burges et al., ICML 2005)."""
    import torch

    return (torch.nn.functional.softplus(-_differences(scores)) * (_differences(gains) > 0)).sum((1, 2))


def lambda_loss(scores: torch.Tensor, gains: torch.Tensor, mu: float = MU) -> torch.Tensor:
    """Sum of -w_ij log2 sigmoid(f_i - f_j) over the pairs with y_i > y_j (Wang et al., CIKM 2018).

    Args:
        scores: float[lists, documents].
        gains: float[lists, documents].
        mu: w is LambdaRank's |G_i - G_j| |1/D_i - 1/D_j|, plus mu times that of ndcgLoss2, in which the rank distance
            of the two takes the place of their ranks: with 10 ndcgLoss2++, with 0 LambdaRank.
    """
    import torch

    order = scores.detach().argsort(dim=1, descending=True, stable=True)
    scores, gains = scores.gather(1, order), gains.gather(1, order)
    weights, discounts = _gains(gains), 1 / _discounts(gains)
    distance = _differences(torch.arange(gains.shape[1], device=gains.device)[None]).abs()[0]
    steps = torch.cat([discounts.new_zeros(1), -discounts.diff()])  # at [d]: 1/D of rank d less that of rank d + 1
    weight = _differences(weights).abs() * (_differences(discounts[None]).abs() + mu * steps[distance])
    logs = torch.nn.functional.logsigmoid(_differences(scores)) / math.log(2)
    return -(weight * logs * (_differences(gains) > 0)).sum((1, 2))


def approx_ndcg(scores: torch.Tensor, gains: torch.Tensor, alpha: float = 1.0) -> torch.Tensor:
    """Negative nDCG with the smooth ranks 1 + sum over j of sigmoid(alpha (f_j - f_i)) (Qin, Liu, Li, 2010)."""
    ranks = 0.5 + (-alpha * _differences(scores)).sigmoid().sum(2)  # sigmoid(0) of the document itself is one half
    return -(_gains(gains) / (1 + ranks).log2()).sum(1)


def neural_ndcg(scores: torch.Tensor, gains: torch.Tensor, temperature: float = 1.0) -> torch.Tensor:
    """Negative nDCG of the gains sorted by NeuralSort's relaxed permutation (Pobrotyn, Bialobrzeski, arXiv 2102.07831).

    Sinkhorn's iterations, 50 of them, make the permutation doubly stochastic.
    """
    import torch

    n = scores.shape[1]
    factors = n - 1 - 2 * torch.arange(n, dtype=scores.dtype, device=scores.device)  # n + 1 - 2 i, i from 1
    spread = _differences(scores).abs().sum(2)
    logs = ((factors[:, None] * scores[:, None, :] - spread[:, None, :]) / temperature).log_softmax(2)
    for _ in range(SINKHORN):
        logs = logs.log_softmax(1).log_softmax(2)
    ranked = logs.exp() @ _gains(gains)[:, :, None]
    return -(ranked[:, :, 0] / _discounts(gains)).sum(1)


LIST_LOSSES: Mapping[str, ListLoss] = {
    "listnet": list_net,
    "listmle": list_mle,
    "ranknet": rank_net,
    "lambdarank": partial(lambda_loss, mu=0.0),
    "lambdaloss": lambda_loss,
    "approxndcg": approx_ndcg,
    "neuralndcg": neural_ndcg,
}


def _differences(values: torch.Tensor) -> torch.Tensor:
    """Return values [i] - values [j] as [lists, i, j]."""
    return values[:, :, None] - values[:, None, :]


def _discounts(gains: torch.Tensor) -> torch.Tensor:
    """Return float[documents], D of ranks 1, 2, …."""
    import torch

    return torch.arange(2, gains.shape[1] + 2, dtype=gains.dtype, device=gains.device).log2()


def _gains(gains: torch.Tensor) -> torch.Tensor:
    """Return float[lists, documents], G."""
    raw = gains.exp2() - 1
    ideal = (raw.sort(1, descending=True).values / _discounts(gains)).sum(1, keepdim=True)
    return raw / ideal.clamp(min=1e-10)
