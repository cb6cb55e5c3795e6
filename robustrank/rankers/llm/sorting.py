"""Sorting by comparisons that a model answers: pure algorithms over items, each call of ``best`` is one comparison.

Sources: heapsort and sliding of Qin et al. (PRP), Findings of NAACL 2024; setwise heapsort and bubble sort of Zhuang et
al., SIGIR 2024; sliding windows of Sun et al. (RankGPT), EMNLP 2023; top-down partitioning of Parry et al.
(TDPart), 2024; elimination of Feng et al. (IRanker), 2025. All return a permutation of the items; those that look for
the top k leave the rest in the order of the input.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

Items = list[int]
Best = Callable[[Items], int]  # index of the best of two or more items
Prefers = Callable[[int, int], bool]  # whether the first is better than the second
Sort = Callable[[Items], Items]  # a permutation of a window, best first


def heap_top(items: Sequence[int], k: int, children: int, best: Best) -> Items:
    """Return the top k by a heap in which a parent has ``children`` children.

    The heap is built from the last parent upwards. An extraction swaps the root with the last leaf, shortens the heap,
    and sifts the new root down; the last extraction sifts nothing. A call of ``best`` compares a parent with all of its
    children, the parent first.
    """
    heap, top = list(items), []
    for root in range((len(heap) - 2) // children, -1, -1):
        _sift(heap, root, children, best)
    wanted = min(k, len(heap))
    for number in range(wanted):
        heap[0], heap[-1] = heap[-1], heap[0]
        top.append(heap.pop())
        if number + 1 < wanted:
            _sift(heap, 0, children, best)
    return _with_rest(top, items)


def by_pairs(prefers: Prefers) -> Best:
    """Return the comparison of a parent with its children in turn: the winner so far against the next."""

    def best(group: Items) -> int:
        winner = 0
        for index in range(1, len(group)):
            if prefers(group[index], group[winner]):
                winner = index
        return winner

    return best


def bubble_top(items: Sequence[int], k: int, children: int, best: Best) -> Items:
    """Return the top k by k passes from the bottom: the best of ``children`` + 1 neighbours is swapped to their head.

    The next neighbours end with that head. With one child it is bubble sort.
    """
    order = list(items)
    for first in range(min(k, len(order) - 1)):
        end = len(order)
        while end - first > 1:
            head = max(first, end - children - 1)
            winner = head + best(order[head:end])
            order[head], order[winner] = order[winner], order[head]
            end = head + 1
    return order


def window_starts(count: int, window: int, stride: int) -> list[int]:
    """Return where the windows over so many items start, from the last to the first; each item is in one at least."""
    starts = [max(0, count - window)]
    while starts[-1] > 0:
        starts.append(max(0, starts[-1] - stride))
    return starts


def sliding_windows(items: Sequence[int], window: int, stride: int, passes: int, sort: Sort) -> Items:
    """Return the items after passes of a window from the bottom to the top, each window sorted where it is."""
    order = list(items)
    for _ in range(passes):
        for start in window_starts(len(order), window, stride) if len(order) > 1 else []:
            order[start : start + window] = sort(order[start : start + window])
    return order


def partition_top(items: Sequence[int], window: int, cutoff: int, buffer: int, sort: Sort) -> Items:
    """Return the items partitioned from the top: the first window is sorted, and its item at the cutoff is the pivot.

    The remaining items are sorted with the pivot, a block of ``window`` - 1 at a time; those above the pivot join the
    candidates until there are ``buffer`` of them, and then no more blocks are read. Candidates that others have joined
    are partitioned again. It trusts the order of its input.
    """
    if len(items) < 2:
        return list(items)
    first = sort(list(items[:window]))
    rest = list(items[window:])
    if not rest or cutoff > len(first):
        return first + rest
    candidates, pivot, below = first[: cutoff - 1], first[cutoff - 1], first[cutoff:]
    joined = 0
    while rest and len(candidates) < buffer:
        block, rest = rest[: window - 1], rest[window - 1 :]
        ranked = sort([pivot, *block])
        above = ranked[: ranked.index(pivot)][: buffer - len(candidates)]
        joined += len(above)
        candidates += above
        below += [item for item in ranked if item != pivot and item not in above]
    if joined:
        candidates = partition_top(candidates, window, cutoff, buffer, sort)
    return [*candidates, pivot, *below, *rest]


def eliminate(items: Sequence[int], worst: Callable[[Items], int]) -> Items:
    """Return the items in the reverse order of their deletion: the worst of those that are left goes, until one is."""
    left, gone = list(items), []
    while len(left) > 1:
        gone.append(left.pop(worst(left)))
    return left + gone[::-1]


def _sift(heap: Items, root: int, children: int, best: Best) -> None:
    while True:
        first = root * children + 1
        group = [root, *range(first, min(first + children, len(heap)))]
        if len(group) == 1:
            return
        winner = group[best([heap[index] for index in group])]
        if winner == root:
            return
        heap[root], heap[winner] = heap[winner], heap[root]
        root = winner


def _with_rest(top: Items, items: Sequence[int]) -> Items:
    chosen = set(top)
    return top + [item for item in items if item not in chosen]
