"""Sorting by comparisons: the exact top k, with the number of comparisons that the method is known for."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pytest

from robustrank.rankers.llm.sorting import (
    bubble_top,
    by_pairs,
    eliminate,
    heap_top,
    partition_top,
    sliding_windows,
    window_starts,
)

K = 10


class Comparator:
    """Knows that smaller items are better, and counts what it is asked."""

    def __init__(self):
        self.calls = 0

    def best(self, group):
        self.calls += 1
        return group.index(min(group))

    def prefers(self, item, other):
        self.calls += 1
        return item < other

    def sort(self, window):
        self.calls += 1
        return sorted(window)

    def worst(self, left):
        self.calls += 1
        return left.index(max(left))


def heap(children):
    """Return the sort of a heap: pairwise, or with so many children."""
    if children is None:
        return lambda items, comparator: heap_top(items, K, 2, by_pairs(comparator.prefers))
    return lambda items, comparator: heap_top(items, K, children, comparator.best)


def run(sort, items):
    comparator = Comparator()
    assert sort(list(items), comparator)[:K] == list(range(min(K, len(items))))
    return comparator.calls


@pytest.mark.parametrize(
    ("children", "best_100", "worst_100", "best_30", "worst_30"),
    [(None, 203, 292, 96, 114), (2, 102, 147, 49, 58), (3, 69, 83, 33, 40), (9, 30, 39, 15, 23), (19, 19, 25, 12, 21)],
)
def test_calls_of_heapsort_on_sorted_lists(children, best_100, worst_100, best_30, worst_30):
    counts = [run(heap(children), order) for n in (100, 30) for order in (range(n), range(n)[::-1])]
    assert counts == [best_100, worst_100, best_30, worst_30]


@pytest.mark.parametrize(
    ("children", "mean_100", "mean_30"),
    [(None, 278, 112), (2, 140, 57), (3, 81.6, 37.6), (9, 31.5, 20), (19, 23.3, 14.2)],
)
def test_mean_calls_of_heapsort_over_random_lists(children, mean_100, mean_30):
    rng = np.random.default_rng(0)
    for n, mean in ((100, mean_100), (30, mean_30)):
        counts = [run(heap(children), rng.permutation(n).tolist()) for _ in range(1000)]
        assert np.mean(counts) == pytest.approx(mean, abs=max(0.5, 0.01 * mean))


@pytest.mark.parametrize(
    ("children", "calls_100", "calls_30"), [(1, 945, 245), (3, 318, 85), (9, 109, 32)]
)  # one child is the sliding pairwise method
def test_calls_of_bubble_sort(children, calls_100, calls_30):
    rng = np.random.default_rng(0)
    for n, calls in ((100, calls_100), (30, calls_30)):
        assert calls == sum(math.ceil((n - 1 - p) / children) for p in range(K))
        for _ in range(5):
            items = rng.permutation(n).tolist()
            assert run(lambda items, c: bubble_top(items, K, children, c.best), items) == calls


@pytest.mark.parametrize(
    ("count", "starts"),
    [
        (1, [0]), (15, [0]), (19, [0]), (20, [0]), (25, [5, 0]), (30, [10, 0]),
        (95, [75, 65, 55, 45, 35, 25, 15, 5, 0]), (100, [80, 70, 60, 50, 40, 30, 20, 10, 0]),
    ],
)  # fmt: skip
def test_windows_start_where_every_item_is_seen(count, starts):
    assert window_starts(count, 20, 10) == starts


@pytest.mark.parametrize("stride", [1, 7, 10, 20])
def test_every_item_is_in_a_window(stride):
    for count in range(1, 130):
        starts = window_starts(count, 20, stride)
        seen = Counter(item for start in starts for item in range(start, min(count, start + 20)))
        assert set(seen) == set(range(count))
        assert len(starts) == 1 + max(0, math.ceil((count - 20) / stride))


def test_one_pass_of_a_window_finds_the_top_10():
    rng = np.random.default_rng(0)
    for n, calls in ((100, 9), (30, 2)):
        items = rng.permutation(n).tolist()
        assert run(lambda items, c: sliding_windows(items, 20, 10, 1, c.sort), items) == calls


def test_elimination_sorts_all_with_a_call_less_than_items():
    items = np.random.default_rng(0).permutation(30).tolist()
    assert run(lambda items, c: eliminate(items, c.worst), items) == 29


@pytest.mark.parametrize(("n", "calls"), [(100, 6), (30, 2), (20, 1), (7, 1)])
def test_a_partition_that_nobody_joins_costs_a_call_a_block(n, calls):
    """The first stage is right."""
    assert run(lambda items, c: partition_top(items, 20, 10, 20, c.sort), range(n)) == calls


def test_a_partition_reads_no_more_blocks_once_its_buffer_is_full():
    comparator = Comparator()
    order = partition_top(list(range(100))[::-1], 20, 10, 20, comparator.sort)
    assert sorted(order) == list(range(100))
    assert order[:K] != list(range(K))  # it trusts the order of its input
    assert comparator.calls == 3  # the first window, one block, the candidates
    joined = [19, *range(1, 19), 0, *range(20, 40)]
    assert partition_top(joined, 20, 10, 20, Comparator().sort)[:20] == list(range(20))


@pytest.mark.parametrize("n", [0, 1, 2, 3])
def test_short_lists_come_back_sorted(n):
    for sort in (
        lambda items, c: heap_top(items, K, 19, c.best),
        lambda items, c: bubble_top(items, K, 3, c.best),
        lambda items, c: sliding_windows(items, 20, 10, 1, c.sort),
        lambda items, c: partition_top(items, 20, 10, 20, c.sort),
        lambda items, c: eliminate(items, c.worst),
    ):
        calls = run(sort, range(n)[::-1])
        assert (calls == 0) == (n < 2)


def test_what_is_not_in_the_top_k_keeps_the_order_of_the_input():
    assert heap_top([5, 4, 3, 2, 1, 0], 2, 3, Comparator().best) == [0, 1, 5, 4, 3, 2]
