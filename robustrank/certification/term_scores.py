"""Exact robustness of a score that is a sum over query terms, as BM25's: its range over all allowed edits of a text.

The part F_t(c, l) of a term t depends on its count c in the document and on the document's length l in terms. It is
increasing and concave in c, and not increasing in l. BM25 and query likelihood with Dirichlet smoothing are such
scores; the statistics of the collection are fixed.
"""

from __future__ import annotations

import heapq
import itertools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from robustrank.certification.term_edits import Choices, Substitution

Part = Callable[[str, int, int], float]  # term, count, length

SLACK = 1e-9  # of the sum of all parts: sums in another order differ by less, with room to spare


@dataclass(frozen=True)
class Reach:
    """What edits of a text can do to raise its score, or to lower it: occurrences are then those removed.

    Attributes:
        gains: Occurrences of query terms that a word can add at most, the greatest first.
        room: Query term to the occurrences that all words together can add at most.
        lengths: Terms by which a word can shorten the text (to lower its score: lengthen), the greatest first.
        both: The number of words of which one substitute does both.
    """

    gains: Sequence[int]
    room: Mapping[str, int]
    lengths: Sequence[int]
    both: int

    def most(self, budget: int, spent: int) -> int:
        """Return the occurrences that ``budget`` words can add at most, of which ``spent`` change the length."""
        return sum(self.gains[: min(budget, budget - spent + self.both)])


@dataclass
class TermScore:
    """The score of a document for a query, and what edits make of it.

    Attributes:
        query: Query term to its count in the query.
        counts: Query term to its count in the document.
        length: The document's number of terms.
        part: F_t(c, l), for one occurrence of t in the query.
        positions: The words that may be replaced, by index.
        edits: Those of them that can change the score, with the substitutions that do.
    """

    query: Mapping[str, int]
    counts: Mapping[str, int]
    length: int
    part: Part
    positions: Mapping[int, Choices]
    _parts: dict[tuple[str, int, int], float] = field(default_factory=dict, init=False, repr=False)
    _reaches: dict[int, Reach] = field(default_factory=dict, init=False, repr=False)
    edits: dict[int, list[Substitution]] = field(default_factory=dict, init=False, repr=False)

    def __post_init__(self) -> None:
        terms = self.query.keys()
        for index, choices in self.positions.items():
            if choices.changes_length or not choices.terms.isdisjoint(terms):
                edits = [s for s in choices.substitutions if s.growth or not s.change.keys().isdisjoint(terms)]
                self.edits[index] = edits

    def value(self, change: Mapping[str, int] | None = None, growth: int = 0) -> float:
        """Return the score where query terms have other counts, and the text ``growth`` more terms."""
        change = change or {}
        return sum(self._of(term, self.counts[term] + change.get(term, 0), self.length + growth) for term in self.query)

    def highest(self, radius: int | None) -> float:
        """Return a number that the score exceeds after no edit of at most ``radius`` words; None is all words.

        One word: every edit is tried. More: an edit adds a_t occurrences of each query term t, at most m_t, which is
        the number of words that can become t, and at most r in total. F_t is concave, so its first a_t increments are
        the largest, and their sum over t is at most that of the r largest increments of all terms. What the edit
        removes only lowers the score. A shorter text scores higher: s of the words are spent on the greatest losses of
        length, and the others on terms; a word can do both at most where one of its substitutes does.

        Args:
            radius: The maximum number of words that are replaced.
        """
        budget = len(self.edits) if radius is None else min(radius, len(self.edits))
        if budget <= 1:
            return self._rounded(max(self._after_one_edit(budget)), 1)
        reach = self._reach(1)
        values = []
        for spent in range(min(budget, len(reach.lengths)) + 1):
            growth, added = -sum(reach.lengths[:spent]), reach.most(budget, spent)
            steps = heapq.nlargest(added, self._increments(reach.room, added, growth))
            values.append(self.value(growth=growth) + sum(steps))
        return self._rounded(max(values), 1)

    def lowest(self, radius: int | None) -> float:
        """Return a number below which the score is after no edit of at most ``radius`` words; None is all words.

        As :meth:`highest`, with removed occurrences and a longer text. The loss of a term is convex in what is removed,
        so that the maximum is a knapsack over terms.
        """
        budget = len(self.edits) if radius is None else min(radius, len(self.edits))
        if budget <= 1:
            return self._rounded(min(self._after_one_edit(budget)), -1)
        reach = self._reach(-1)
        values = []
        for spent in range(min(budget, len(reach.lengths)) + 1):
            growth, removed = sum(reach.lengths[:spent]), reach.most(budget, spent)
            values.append(self.value(growth=growth) - self._most_lost(reach.room, removed, growth))
        return self._rounded(min(values), -1)

    def interval(self, radius: int | None) -> tuple[float, float]:
        """Return what the score is between after any edit of at most ``radius`` words; None is all words."""
        return self.lowest(radius), self.highest(radius)

    def greedy_edits(self, radius: int | None) -> Iterator[tuple[int, Substitution]]:
        """Yield the edits of a greedy attack: each time the substitution that raises the score most, a word once.

        It ends after ``radius`` words, or where no substitution raises the score.
        """
        remaining, change, growth = dict(self.edits), dict.fromkeys(self.query, 0), 0
        best = self.value()
        while remaining and radius != 0:
            options = [(index, substitution) for index, edits in remaining.items() for substitution in edits]
            values = [self.value(self._sum(change, s), growth + s.growth) for _, s in options]
            number = max(range(len(values)), key=values.__getitem__)
            if values[number] <= best:
                return
            index, substitution = options[number]
            best, change, growth = values[number], self._sum(change, substitution), growth + substitution.growth
            yield index, substitution
            del remaining[index]
            radius = None if radius is None else radius - 1

    def _after_one_edit(self, budget: int) -> list[float]:
        """Return the score, and that after each edit of one word if the budget allows it."""
        edits = itertools.chain.from_iterable(self.edits.values()) if budget else ()
        return [self.value(), *(self.value(s.change, s.growth) for s in edits)]

    def _of(self, term: str, count: int, length: int) -> float:
        name = term, count, length
        if name not in self._parts:
            self._parts[name] = self.query[term] * self.part(term, count, length)
        return self._parts[name]

    def _reach(self, direction: int) -> Reach:
        """Return what edits can do to raise the score (1), or to lower it (-1)."""
        if direction not in self._reaches:
            gains, lengths, both, room = list[int](), list[int](), 0, dict.fromkeys(self.query, 0)
            for edits in self.edits.values():
                most, of_terms, length, does_both = 0, dict[str, int](), 0, False
                for substitution in edits:
                    changes = ((t, direction * n) for t, n in substitution.change.items() if t in room)
                    gained = {term: number for term, number in changes if number > 0}
                    for term, number in gained.items():
                        of_terms[term] = max(number, of_terms.get(term, 0))
                    gain, shift = sum(gained.values()), -direction * substitution.growth
                    most, length, does_both = max(most, gain), max(length, shift), does_both or (gain > 0 and shift > 0)
                gains.append(most)
                lengths += [length] if length else []
                both += does_both
                for term, number in of_terms.items():
                    room[term] += number
            self._reaches[direction] = Reach(sorted(gains, reverse=True), room, sorted(lengths, reverse=True), both)
        return self._reaches[direction]

    def _sum(self, change: Mapping[str, int], substitution: Substitution) -> dict[str, int]:
        return {term: number + substitution.change.get(term, 0) for term, number in change.items()}

    def _increments(self, room: Mapping[str, int], most: int, growth: int) -> Iterator[float]:
        """Yield what each further occurrence of each term adds, at most ``most`` of a term."""
        length = self.length + growth
        for term, positions in room.items():
            parts = [self._of(term, self.counts[term] + i, length) for i in range(min(positions, most) + 1)]
            yield from (after - before for before, after in itertools.pairwise(parts))

    def _most_lost(self, room: Mapping[str, int], most: int, growth: int) -> float:
        """Return the greatest loss by the removal of at most ``most`` occurrences, of each term at most its room."""
        length, lost = self.length + growth, [0.0]
        for term, positions in room.items():
            count = self.counts[term]
            removable = range(min(positions, count, most) + 1)
            losses = [self._of(term, count, length) - self._of(term, count - i, length) for i in removable]
            lost = _combined(lost, losses, most)
        return max(lost)

    def _rounded(self, value: float, direction: int) -> float:
        """Return a score moved up or down by more than the rounding of sums can do."""
        parts = sum(abs(self._of(term, count, self.length)) for term, count in self.counts.items())
        return value + direction * SLACK * (1 + parts + abs(value))


def _combined(first: Sequence[float], second: Sequence[float], most: int) -> list[float]:
    """Return the greatest sum of an item of each list, by the sum of their positions, up to ``most``."""
    sums = [-math.inf] * (min(len(first) + len(second) - 2, most) + 1)
    for i, one in enumerate(first):
        for j, other in enumerate(second[: len(sums) - i]):
            sums[i + j] = max(sums[i + j], one + other)
    return sums
