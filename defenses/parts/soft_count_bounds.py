"""The ranges of KNRM's and DRMM's scores over edits of a text: their networks read logarithms of counts of matches.

A cosine is computed again in double precision, and the ranker's is taken to lie within its rounding around it; so
are kernels, bins and counts. KNRM's score is a weighted sum of the logarithms. In DRMM the units of the hidden layer
are such sums, which the same words may not all reach at once: their intervals go through the rest of the network.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from robustrank.certification.soft_counts import Array, SoftCounts
from robustrank.certification.term_edits import Choices, Relation, Substitution, TermEdits
from robustrank.rankers.neural.base import EmbeddingRanker
from robustrank.rankers.neural.rankers import DRMMRanker, KNRMRanker
from robustrank.text.analysis import terms as terms_of
from robustrank.text.words import words

UNIT = 2.0**-24  # half the distance of 1 to the next number in single precision
KERNEL_ROUNDING = 5e-5  # of a kernel's value: its exponent is at most 200, where it is above the least count
ADDITION_ROUNDING = 1e-13  # of a count in double precision, a sum of some hundred numbers that some are taken from
SUM_ROUNDING = 2e-6  # of the sum of what is summed, about 30 numbers


class LogCountNetwork(ABC):
    """What a network makes of logarithms of counts, for one query.

    Attributes:
        ranker: Its ranker.
        query: The query's terms.
        floor: What a logarithm is taken of at least; 1 with counts from 1, so that it is that of 1 + count.
        start: What counts start from.
    """

    floor: float
    start = 0.0

    def __init__(self, ranker: Any, query: Sequence[str]) -> None:
        self.ranker: EmbeddingRanker = ranker
        self.query = query
        self._table: NDArray[np.float32] = ranker.network.embedding.weight.detach().cpu().numpy()

    def matches(self, terms: Sequence[str]) -> tuple[Array, Array]:
        """Return float64[T, Q, K] twice: what each term adds to the counts at least, and at most."""
        query_ids, ids = (
            np.array([self.ranker.term_id(term) for term in names], dtype=np.int64) for names in (self.query, terms)
        )
        of_query, of_terms = (_units(self._table[rows].astype(np.float64)) for rows in (query_ids, ids))
        rounding = (2 * self._table.shape[1] + 16) * UNIT  # of the norms and the product
        return self._matches(of_terms @ of_query.T, ids[:, None] == query_ids[None], rounding)

    @abstractmethod
    def interval(self, low: Array, high: Array) -> tuple[Array, Array]:
        """Return float64[n] twice: what the scores are between, for logarithms [n, Q, K] between two arrays."""

    @abstractmethod
    def joint(self, counts: SoftCounts, radius: int | None) -> tuple[float, float]:
        """Return what the score is between after any edit of at most ``radius`` words."""

    @abstractmethod
    def _matches(self, cosines: Array, exact: NDArray[np.bool_], rounding: float) -> tuple[Array, Array]:
        """Return what terms add, for cosines [T, Q] and equality of ids [T, Q]."""


class KernelNetwork(LogCountNetwork):
    """KNRM: a linear layer over the kernels' logarithms, summed over the query's terms."""

    def __init__(self, ranker: KNRMRanker, query: Sequence[str]) -> None:
        from robustrank.rankers.neural.matching import LEAST, MEANS, SCALE, WIDTHS

        super().__init__(ranker, query)
        self.floor, self._means, self._widths = LEAST, np.array(MEANS), np.array(WIDTHS)
        layer = ranker.network.weights
        self._weights: Array = layer.weight[0].detach().cpu().double().numpy() * SCALE
        self._bias = float(layer.bias.detach()[0])

    def interval(self, low: Array, high: Array) -> tuple[Array, Array]:
        """Return float64[n] twice."""
        positive, negative = np.maximum(self._weights, 0), np.maximum(-self._weights, 0)
        least = (positive * low - negative * high).sum((1, 2))
        most = (positive * high - negative * low).sum((1, 2))
        rounding = SUM_ROUNDING * (1 + (abs(self._weights) * np.maximum(abs(low), abs(high))).sum((1, 2)))
        return least + self._bias - rounding, most + self._bias + rounding

    def joint(self, counts: SoftCounts, radius: int | None) -> tuple[float, float]:
        """Return what the score is between."""
        weights = np.broadcast_to(self._weights, counts.low.shape)
        most, least = counts.highest(np.stack([weights, -weights]), radius)
        rounding = SUM_ROUNDING * (1 + abs(most) + abs(least) + float((abs(weights) * abs(counts.logs[0])).sum()))
        return float(-least + self._bias - rounding), float(most + self._bias + rounding)

    def _matches(self, cosines: Array, exact: NDArray[np.bool_], rounding: float) -> tuple[Array, Array]:
        distances = abs(cosines[:, :, None] - self._means)
        low, high = (
            np.exp(-(np.maximum(distances + move, 0) ** 2) / (2 * self._widths**2)) for move in (rounding, -rounding)
        )
        return low * (1 - KERNEL_ROUNDING), high * (1 + KERNEL_ROUNDING)


class HistogramNetwork(LogCountNetwork):
    """DRMM: a network over the histogram of each query term, and a sum weighted by the terms' idf."""

    floor = start = 1.0

    def __init__(self, ranker: DRMMRanker, query: Sequence[str]) -> None:
        from robustrank.rankers.neural.drmm import BINS

        super().__init__(ranker, query)
        self._bins = BINS
        first, _, last, _ = ranker.network.scores
        parameters = (first.weight, first.bias, last.weight[0], last.bias)
        self._first, self._shifts, self._last, bias = (p.detach().cpu().double().numpy() for p in parameters)
        self._bias = float(bias[0])
        gates = np.exp(float(ranker.network.gate.detach()[0]) * np.array(ranker.idf(query)))
        self._gates: Array = gates / gates.sum()

    def interval(self, low: Array, high: Array) -> tuple[Array, Array]:
        """Return float64[n] twice."""
        positive, negative = np.maximum(self._first, 0).T, np.maximum(-self._first, 0).T
        rounding = SUM_ROUNDING * (1 + high @ (positive + negative))
        least = low @ positive - high @ negative + self._shifts - rounding
        most = high @ positive - low @ negative + self._shifts + rounding
        return self._behind_first(least, most)

    def joint(self, counts: SoftCounts, radius: int | None) -> tuple[float, float]:
        """Return what the score is between: each unit of each query term with the words that move it most."""
        terms, hidden = len(counts.low), len(self._first)
        of_terms = np.zeros((terms, hidden, terms, self._bins))
        of_terms[range(terms), :, range(terms)] = self._first
        weights = of_terms.reshape(terms * hidden, terms, self._bins)
        most, least = np.split(counts.highest(np.concatenate([weights, -weights]), radius), 2)
        rounding = SUM_ROUNDING * (1 + abs(most) + abs(least) + np.tensordot(abs(weights), counts.logs[1]))
        shape = 1, terms, hidden
        low, high = self._behind_first(
            (-least - rounding).reshape(shape) + self._shifts, (most + rounding).reshape(shape) + self._shifts
        )
        return float(low[0]), float(high[0])

    def _behind_first(self, low: Array, high: Array) -> tuple[Array, Array]:
        """Return float64[n] twice, for what the hidden units [n, Q, H] are between."""
        low, high = np.tanh(low), np.tanh(high)
        positive, negative = np.maximum(self._last, 0), np.maximum(-self._last, 0)
        rounding = SUM_ROUNDING * (1 + abs(self._last).sum())
        least = np.tanh(low @ positive - high @ negative + self._bias - rounding) @ self._gates
        most = np.tanh(high @ positive - low @ negative + self._bias + rounding) @ self._gates
        return least - SUM_ROUNDING, most + SUM_ROUNDING

    def _matches(self, cosines: Array, exact: NDArray[np.bool_], rounding: float) -> tuple[Array, Array]:
        first, last = (
            np.clip(np.floor((np.clip(cosines + move, -1, 1) + 1) / 2 * (self._bins - 1)), 0, self._bins - 2)
            for move in (-rounding, rounding)
        )
        first, last = (np.where(exact, self._bins - 1, bins)[:, :, None] for bins in (first, last))
        every = np.arange(self._bins)
        high = ((first <= every) & (every <= last)).astype(np.float64)
        return high * (first == last), high


@dataclass(frozen=True)
class LogCountScore:
    """The score of a document, and what edits make of it.

    Attributes:
        network: Reads the counts.
        counts: The document's counts, and what substitutions add to them.
    """

    network: LogCountNetwork
    counts: SoftCounts

    def interval(self, radius: int | None) -> tuple[float, float]:
        """Return what the score is between after any edit of at most ``radius`` words; None is all words."""
        if radius == 1:
            low, high = self.network.interval(*self.counts.after_one_word())
            return float(low.min()), float(high.max())
        return self.network.joint(self.counts, radius)

    def greedy_edits(self, radius: int | None) -> Iterator[tuple[int, Substitution]]:
        """Yield the edits of a greedy attack: each time the substitution that raises the score most, a word once."""
        counts = self.counts
        added = (counts.added_low + counts.added_high) / 2
        current, left = (counts.low + counts.high) / 2, np.ones(len(counts.words), dtype=bool)
        best = self._scores(current[None])[0]
        while left.any() and radius != 0:
            numbers = np.flatnonzero(left)
            scores = self._scores(current + added[numbers])
            number = numbers[scores.argmax()]
            if scores.max() <= best:
                return
            best, current = scores.max(), current + added[number]
            yield int(counts.words[number]), counts.substitutions[number]
            left &= counts.words != counts.words[number]
            radius = None if radius is None else radius - 1

    def _scores(self, counts: Array) -> Array:
        logs = np.log(np.maximum(counts, self.counts.floor))
        low, high = self.network.interval(logs, logs)
        scores: Array = (low + high) / 2
        return scores


class SoftCountBounds:
    """The scores of documents by KNRM or DRMM, with what edits make of them.

    Args:
        ranker: The ranker.
        relation: What may be written for a word.
    """

    def __init__(self, ranker: KNRMRanker | DRMMRanker, relation: Relation) -> None:
        self._ranker = ranker
        self._edits = TermEdits(relation, lambda text: terms_of(ranker.language, text))
        self._query, self._scores = "", dict[str, LogCountScore | None]()  # of one query
        self._network: LogCountNetwork | None = None

    def score(self, query: str, text: str) -> LogCountScore | None:
        """Return the score of a document; None where the terms of its words cannot be told apart, or move its end."""
        if query != self._query:
            self._query, self._scores = query, {}
            self._network = _network(self._ranker, query)
        if text not in self._scores:
            self._scores[text] = self._score(text)
        return self._scores[text]

    def _score(self, text: str) -> LogCountScore | None:
        network, choices = self._network, self._edits.of(text)
        if network is None or choices is None or not self._keeps_its_end(text, choices):
            return None
        end, text_words = self._ranker.characters_read(self._query, text), words(text)
        read = {index: choice for index, choice in choices.items() if text_words[index].start < end}
        edits = [(index, s) for index, choice in sorted(read.items()) for s in choice.substitutions if s.change]
        clean = Counter(self._ranker.document_terms(text))
        rows = {term: row for row, term in enumerate({**clean, **dict.fromkeys(t for _, s in edits for t in s.change)})}
        matches = network.matches(list(rows))
        low, high = (_added(clean, rows, of_terms) for of_terms in matches)
        rounding = ADDITION_ROUNDING * high
        added = [np.array([_added(s.change, rows, of_terms) for _, s in edits]) for of_terms in matches]
        shape = len(edits), *low.shape
        counts = SoftCounts(
            network.start + low - rounding,
            network.start + high + rounding,
            network.floor,
            np.array([index for index, _ in edits], dtype=np.int64),
            [s for _, s in edits],
            added[0].reshape(shape),
            added[1].reshape(shape),
        )
        return LogCountScore(network, counts)

    def _keeps_its_end(self, text: str, choices: Mapping[int, Choices]) -> bool:
        """Return whether no edit moves a term over the end of what the ranker reads."""
        growth = sum(max(0, *(s.growth for s in c.substitutions)) for c in choices.values() if c.changes_length)
        if len(terms_of(self._ranker.language, text)) + growth <= self._ranker.document_length:
            return True
        changes = [s.change for choice in choices.values() for s in choice.substitutions if s.change or s.growth]
        return all(sorted(change.values()) == [-1, 1] for change in changes)


def _network(ranker: KNRMRanker | DRMMRanker, query: str) -> LogCountNetwork | None:
    """Return the network for a query; None where the query has no terms."""
    terms = ranker.query_terms(query)
    if not terms:
        return None
    return KernelNetwork(ranker, terms) if isinstance(ranker, KNRMRanker) else HistogramNetwork(ranker, terms)


def _added(numbers: Mapping[str, int], rows: Mapping[str, int], matches: Array) -> Array:
    """Return float64[Q, K], what terms add to the counts, each so many times."""
    added: Array = np.tensordot(list(numbers.values()), matches[[rows[term] for term in numbers]], 1)
    return added


def _units(vectors: Array) -> Array:
    """Return vectors of length 1, as torch's normalize makes them; one of zeros stays."""
    units: Array = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
    return units
