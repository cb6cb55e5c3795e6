"""Losses over lists of graded documents: hand-computed cases, those of sentence-transformers, limits, gradients."""

from __future__ import annotations

import math
from functools import partial

import numpy as np
import pytest
import torch

from robustrank.rankers.list_losses import LIST_LOSSES, approx_ndcg, lambda_loss, neural_ndcg

SCORES, GAINS = [[0.5, 2.0, 1.0, -1.0]], [[2.0, 0.0, 1.0, 0.0]]
D = [math.log2(rank + 2) for rank in range(4)]
IDEAL = 3 / D[0] + 1 / D[1]


def sigmoid(x):
    return 1 / (1 + math.exp(-x))


def pairs():
    """Yield (i, j) with a higher gain of i."""
    return [(i, j) for i in range(4) for j in range(4) if GAINS[0][i] > GAINS[0][j]]


def by_definition(kind):
    """Return the loss of the list, from the formula, with loops."""
    f, y = SCORES[0], GAINS[0]
    if kind == "listnet":
        exp_y, exp_f = [math.exp(v) for v in y], [math.exp(v) for v in f]
        return -sum(a / sum(exp_y) * math.log(b / sum(exp_f)) for a, b in zip(exp_y, exp_f, strict=True))
    if kind == "listmle":  # of documents 0, 2, and then 1, 3 in either order
        orders = [[0, 2, 1, 3], [0, 2, 3, 1]]
        return [
            sum(math.log(sum(math.exp(f[j]) for j in order[i:])) - f[order[i]] for i in range(4)) for order in orders
        ]
    if kind == "ranknet":
        return sum(math.log(1 + math.exp(f[j] - f[i])) for i, j in pairs())
    gain = [(2**v - 1) / IDEAL for v in y]
    if kind == "approxndcg":
        ranks = [1 + sum(sigmoid(f[j] - f[i]) for j in range(4) if j != i) for i in range(4)]
        return -sum(g / math.log2(1 + rank) for g, rank in zip(gain, ranks, strict=True))
    ranks = [2, 0, 1, 3]  # by f, from 0
    total = 0.0
    for i, j in pairs():
        apart = abs(ranks[i] - ranks[j])
        weight = abs(1 / D[ranks[i]] - 1 / D[ranks[j]])
        if kind == "lambdaloss":
            weight += 10 * abs(1 / D[apart - 1] - 1 / D[apart])
        total -= abs(gain[i] - gain[j]) * weight * math.log2(sigmoid(f[i] - f[j]))
    return total


@pytest.mark.parametrize("kind", ["listnet", "ranknet", "lambdarank", "lambdaloss", "approxndcg"])
def test_a_loss_is_its_formula(kind):
    value = LIST_LOSSES[kind](torch.tensor(SCORES), torch.tensor(GAINS))
    assert value.tolist() == pytest.approx([by_definition(kind)], rel=1e-5)


def test_list_mle_draws_the_order_of_equal_gains():
    values = LIST_LOSSES["listmle"](torch.tensor(SCORES * 40), torch.tensor(GAINS * 40)).tolist()
    expected = by_definition("listmle")
    assert {round(value, 4) for value in values} == {round(value, 4) for value in expected}
    wide = LIST_LOSSES["listmle"](torch.tensor([[90.0, 60.0, 30.0]]), torch.tensor([[2.0, 1.0, 0.0]]))
    assert wide.item() == pytest.approx(0, abs=1e-6)


def test_neural_ndcg_sorts_two_documents_by_hand():
    # Rows of NeuralSort, n = 2: softmax of (s - |s1 - s2|) and of (-s - |s1 - s2|); both are doubly stochastic already.
    value = neural_ndcg(torch.tensor([[0.0, 1.0]]), torch.tensor([[1.0, 0.0]]))
    assert value.item() == pytest.approx(-(sigmoid(-1) + sigmoid(1) / math.log2(3)), abs=1e-6)


@pytest.mark.parametrize("smooth", [partial(approx_ndcg, alpha=500.0), partial(neural_ndcg, temperature=0.001)])
def test_smooth_ndcg_tends_to_ndcg(smooth):
    ndcg = (1 / D[1] + 3 / D[2]) / IDEAL
    assert smooth(torch.tensor(SCORES), torch.tensor(GAINS)).item() == pytest.approx(-ndcg, abs=1e-5)


@pytest.mark.parametrize("kind", LIST_LOSSES)
def test_order_of_documents_extreme_scores_and_gradients(kind):
    if kind == "listmle":  # no equal gains, whose order is drawn
        gains = torch.tensor([[2.0, 0.0, 1.0, 3.0]], dtype=torch.float64)
    else:
        gains = torch.tensor(GAINS, dtype=torch.float64)
    scores = torch.tensor(SCORES, dtype=torch.float64, requires_grad=True)
    loss = LIST_LOSSES[kind]
    turned = loss(scores[:, [3, 1, 0, 2]], gains[:, [3, 1, 0, 2]])
    assert turned.item() == pytest.approx(loss(scores, gains).item(), rel=1e-9)
    assert torch.autograd.gradcheck(lambda f: loss(f, gains).sum(), scores)
    far = (scores.detach() * 1e4).requires_grad_()
    loss(far, gains).sum().backward()
    assert torch.isfinite(far.grad).all()
    alike = torch.zeros_like(scores).requires_grad_()
    loss(alike, torch.zeros_like(gains)).sum().backward()  # no document is relevant
    assert torch.isfinite(alike.grad).all()


class Model(torch.nn.Module):
    """A cross-encoder of sentence-transformers whose scores are given."""

    num_labels, device = 1, "cpu"

    def preprocess(self, pairs, **kwargs):
        return {"scores": torch.tensor([float(document) for _, document in pairs])}

    def forward(self, tokens):
        return tokens


@pytest.mark.slow  # the import alone takes seconds
def test_losses_are_those_of_sentence_transformers():
    losses = pytest.importorskip("sentence_transformers.cross_encoder.losses")
    if not hasattr(losses, "LambdaLoss"):
        pytest.skip("this version of sentence-transformers has no losses over lists")
    rng = np.random.default_rng(0)
    scores = rng.normal(size=(1, 6)).astype(np.float32)
    gains = np.array([[0.0, 2.0, 1.0, 3.0, 1.0, 0.0]], dtype=np.float32)
    ours, labels = (torch.tensor(scores), torch.tensor(gains)), [torch.tensor(gains[0])]
    inputs = [["q"], [[str(score) for score in scores[0]]]]
    count = sum(a > b for a in gains[0] for b in gains[0])  # theirs are means over pairs

    def theirs(loss):
        return loss(inputs, labels).item()

    assert LIST_LOSSES["listnet"](*ours).item() == pytest.approx(theirs(losses.ListNetLoss(Model())), rel=1e-5)
    natural = losses.RankNetLoss(Model(), reduction_log="natural")
    assert LIST_LOSSES["ranknet"](*ours).item() == pytest.approx(count * theirs(natural), rel=1e-5)
    for mu, scheme in ((0.0, losses.LambdaRankScheme()), (10.0, losses.NDCGLoss2PPScheme(mu=10.0))):
        expected = count * theirs(losses.LambdaLoss(Model(), weighting_scheme=scheme))
        assert lambda_loss(*ours, mu=mu).item() == pytest.approx(expected, rel=1e-5)
    distinct = [torch.arange(6.0)]
    expected = losses.ListMLELoss(Model(), respect_input_order=False)(inputs, distinct).item()
    assert LIST_LOSSES["listmle"](ours[0], distinct[0][None]).item() == pytest.approx(expected, rel=1e-5)
