"""Equal objects have one identity; what computes otherwise has another, and what cannot be told is refused."""

from __future__ import annotations

import functools
import logging
import threading

import numpy as np
import pytest

from robustrank.plugins.objects import NoIdentityError, object_identity

WEIGHTS = [1.0, 2.0]
LOG = logging.getLogger(__name__)


def scale(pairs):
    LOG.debug("called")
    return [WEIGHTS[0] * len(d) for _, d in pairs]


def shift(by):
    def score(pairs, bias=0.0):
        return [len(d) + by + bias for _, d in pairs]

    return score


class Scorer:
    def __init__(self, weight):
        self.weight = weight

    def __call__(self, pairs):
        return [float(self.weight.sum()) for _ in pairs]


def test_equal_functions_have_one_identity():
    assert object_identity(shift(2)) == object_identity(shift(2))
    assert object_identity(Scorer(np.ones(2))) == object_identity(Scorer(np.ones(2)))
    assert object_identity(Scorer(np.ones(2)).__call__) == object_identity(Scorer(np.ones(2)).__call__)


def test_what_a_function_encloses_and_its_defaults_count():
    changed = shift(2)
    changed.__defaults__ = (1.0,)
    assert len({object_identity(f) for f in (shift(2), shift(3), shift(np.float32(2)), shift([2]), changed)}) == 5


def test_code_counts():
    first = eval("lambda pairs: [len(d) for _, d in pairs]")
    second = eval("lambda pairs: [len(q) for q, _ in pairs]")
    third = eval("lambda pairs: [len(d) + 1 for _, d in pairs]")
    fourth = eval("lambda pairs: [len(d) - 1 for _, d in pairs]")
    assert len({object_identity(f) for f in (first, second, third, fourth)}) == 4


def test_globals_that_a_function_names_count(monkeypatch):
    before = object_identity(scale)
    monkeypatch.setitem(globals(), "WEIGHTS", [3.0, 2.0])
    assert object_identity(scale) != before


def test_functions_that_are_called_count(monkeypatch):
    def outer(pairs):
        return [2 * value for value in scale(pairs)]

    before = object_identity(outer)
    monkeypatch.setitem(globals(), "scale", shift(1))
    assert object_identity(outer) != before


def test_a_text_of_a_class_of_its_own_is_not_a_plain_one():
    class Name(str):
        pass

    assert object_identity(Name("a")) == object_identity(Name("a")) != object_identity("a")


def test_weights_count():
    torch = pytest.importorskip("torch")
    network = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.Dropout(0.1))
    before = object_identity(network)
    assert object_identity(network) == before
    with torch.no_grad():
        network[0].weight[0, 0] += 1e-3
    changed = object_identity(network)
    network[1].p = 0.2
    assert len({before, changed, object_identity(network)}) == 3


def test_partials_caches_and_cycles():
    cached = functools.lru_cache(lambda q: len(q))
    knot = [1]
    knot.append(knot)
    found = {
        object_identity(functools.partial(scale)),
        object_identity(functools.partial(scale, 1)),
        object_identity(lambda pairs: [cached(q) for q, _ in pairs]),
        object_identity(knot),
    }
    assert len(found) == 4


@pytest.mark.parametrize("held", [threading.Lock(), np.random.default_rng(0), np.array([object()]), iter([1])])
def test_what_cannot_be_told_is_refused(held):
    with pytest.raises(NoIdentityError):
        object_identity(lambda pairs: [held for _ in pairs])
