"""What each target's copy of an attack has for its own, and what all share."""

from __future__ import annotations

import random
import threading
from collections import Counter, OrderedDict, defaultdict, deque
from dataclasses import dataclass, field

import numpy as np
import pytest

from robustrank.attack import Attack, Perturbation
from robustrank.collections.collection import Collection
from robustrank.errors import PluginError
from robustrank.rankers.lexical import BM25
from robustrank.target_state import MAX_COPIED_ITEMS, TargetStates

LARGE = MAX_COPIED_ITEMS + 1


class Node:
    __slots__ = ("links", "parent")

    def __init__(self, parent=None):
        self.links, self.parent = [], parent


@dataclass
class Holder(Attack):
    values: object = None
    state: dict = field(default_factory=dict)

    def perturb(self, target, victim, rng):
        return Perturbation(target.document)


def copied(value):
    attack = Holder(value)
    return TargetStates(attack).copy().values


@pytest.mark.parametrize(
    ("value", "write"),
    [
        ([1, 2], lambda v: v.append(3)),
        ({"a": [1]}, lambda v: v["a"].append(2)),
        ([{"a": {1}}], lambda v: v[0]["a"].add(2)),
        (([1],), lambda v: v[0].append(2)),
        ({"a"}, lambda v: v.add("b")),
        (deque([1]), lambda v: v.append(2)),
        (Counter("ab"), lambda v: v.update("b")),
        (defaultdict(list, a=[1]), lambda v: v["a"].append(2)),
        (OrderedDict(a=1), lambda v: v.update(a=2)),
        (np.zeros(3), lambda v: v.fill(1)),
        (np.array([[1], None], dtype=object), lambda v: v[0].append(2)),
    ],
)
def test_what_is_written_to_a_copy_is_not_in_the_next(value, write):
    states = TargetStates(Holder(value))
    before = repr(value)
    first = states.copy()
    write(first.values)
    assert repr(first.values) != before
    assert repr(states.copy().values) == repr(value) == before
    assert type(first.values) is type(value)


def test_objects_of_its_package_are_copied_with_their_cycles():
    node = Node()
    child = Node(node)
    node.links.append(child)
    own = copied(node)
    own.links[0].links.append("more")
    assert own.links[0].parent is own
    assert child.links == []


def test_random_generators_are_copied():
    for generator in (np.random.default_rng(1), random.Random(1)):
        states = TargetStates(Holder(generator))
        drawn = {states.copy().values.random() for _ in range(3)}
        assert len(drawn) == 1


def test_attributes_that_prepare_sets_are_copied():
    attack = Holder()
    attack.best = []
    states = TargetStates(attack)
    states.copy().best.append(1)
    assert states.copy().best == []


def test_rankers_collections_and_what_libraries_made_are_shared():
    ranker, collection, lock = BM25(), Collection("c", {}, {}, {}, {}), threading.Lock()
    own = copied([ranker, collection, lock, {"deep": ranker}])
    assert own[0] is ranker
    assert own[1] is collection
    assert own[2] is lock
    assert own[3]["deep"] is ranker


@pytest.mark.parametrize(
    ("value", "read", "write"),
    [
        (dict.fromkeys(range(LARGE), 0), lambda v: v[3], lambda v: v.update({3: 1})),
        (Counter(range(LARGE)), lambda v: (v[3], v["none"]), lambda v: v.update([3])),
        (defaultdict(int, {n: n for n in range(LARGE)}), lambda v: (v[3], v["none"]), lambda v: v.pop(3)),
        (list(range(LARGE)), lambda v: v[3:5], lambda v: v.sort()),
        (set(range(LARGE)), lambda v: 3 in v, lambda v: v.discard(3)),
        ([[n] for n in range(LARGE)], lambda v: v[3][0], lambda v: v[3].append(1)),
        (np.zeros(1 << 18), lambda v: v[3], lambda v: v.fill(1)),
    ],
)
def test_what_is_large_is_shared_and_cannot_be_written(value, read, write):
    states = TargetStates(Holder(value))
    own = states.copy().values
    assert own is states.copy().values
    assert isinstance(own, type(value))
    size = len(own)
    assert size == len(value)
    assert read(own) == read(value)
    with pytest.raises((TypeError, ValueError), match=r"read-only|that all targets share"):
        write(own)
    assert len(own) == size


def test_a_generator_is_refused_since_it_cannot_be_copied():
    with pytest.raises(PluginError, match="holds the generator"):
        copied(n for n in range(3))
