"""From rows to figures a unit: averages over seeds, a column a measure, and the one order of lines."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from robustrank.report.tables import Values

KEYS = ("task", "collection", "ranker", "defense", "attack")
UNIT = ["query_id", "doc_id"]
Unit = tuple[str, str]  # query id, document id
NONE = "none"  # the label of the undefended ranker
_FAMILIES = ("traditional", "learned", "neural", "pretrained")


def measured(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the rows that have a value, in an order that depends on nothing but what they say."""
    return rows[rows["value"].notna()].sort_values([*KEYS, *UNIT, "measure", "seed"], kind="stable")


@dataclass(frozen=True)
class Aligned:
    """Measures side by side.

    Attributes:
        units: n pairs (query id, document id), sorted.
        arrays: An array [n] for each measure.
    """

    units: tuple[Unit, ...]
    arrays: tuple[Values, ...]

    @property
    def queries(self) -> list[str]:
        """The query of each unit."""
        return [query for query, _ in self.units]

    def joined(self, other: Aligned) -> Aligned:
        """Return the units both have, with the arrays of both."""
        places = {unit: place for place, unit in enumerate(other.units)}
        own = [place for place, unit in enumerate(self.units) if unit in places]
        others = [places[self.units[place]] for place in own]
        arrays = [array[own] for array in self.arrays] + [array[others] for array in other.arrays]
        return Aligned(tuple(self.units[place] for place in own), tuple(arrays))


class Units:
    """What was measured on each unit, a column a measure.

    Args:
        rows: From :func:`measured`, of one collection.
        keys: What stays apart beside the task; over the seeds, and over the attacks where ``keys`` has them not,
            a unit's mean is taken.
    """

    def __init__(self, rows: pd.DataFrame, keys: Sequence[str]) -> None:
        by = ["task", *keys]
        apart = [*by, *UNIT, *sorted({"attack", "seed"} - set(keys))]
        wide = rows.groupby([*apart, "measure"], sort=True)["value"].mean().unstack("measure")
        self._places = {name: place for place, name in enumerate(wide.columns)}
        self._parts = {at: _numbered(part) for at, part in wide.groupby(level=by)}

    def aligned(self, task: str, keys: Sequence[str], measures: Sequence[str]) -> Aligned:
        """Return the units that have all of ``measures``.

        A unit's mean is over the seeds that have them all, so that what is compared was measured together.
        """
        if (task, *keys) not in self._parts or not set(measures) <= set(self._places):
            return Aligned((), tuple(np.empty(0) for _ in measures))
        units, numbers, table = self._parts[task, *keys]
        values = table[:, [self._places[name] for name in measures]]
        whole = ~np.isnan(values).any(axis=1)
        counts = np.bincount(numbers[whole], minlength=len(units))
        there = np.flatnonzero(counts)
        sums = (np.bincount(numbers[whole], weights=column, minlength=len(units)) for column in values[whole].T)
        arrays = tuple(total[there] / counts[there] for total in sums)
        return Aligned(tuple(units[place] for place in there), arrays)


def _numbered(part: pd.DataFrame) -> tuple[list[Unit], NDArray[np.int64], Values]:
    """Return the units of a part, the number of each row's unit, and its values [rows, measures]."""
    queries, documents = (part.index.get_level_values(name) for name in UNIT)
    pairs = list(zip(queries, documents, strict=True))
    units = sorted(set(pairs))
    numbers = {unit: number for number, unit in enumerate(units)}
    return units, np.array([numbers[pair] for pair in pairs], dtype=np.int64), part.to_numpy(dtype=np.float64)


def query_means(queries: Sequence[str], values: ArrayLike) -> tuple[list[str], Values, NDArray[np.int64]]:
    """Return the queries, sorted; the mean of each one's units; and how many units it has."""
    names, inverse = np.unique(np.asarray(queries, dtype=object), return_inverse=True)
    counts = np.bincount(inverse, minlength=len(names))
    sums = np.bincount(inverse, weights=np.asarray(values, dtype=np.float64), minlength=len(names))
    return [str(name) for name in names], sums / np.maximum(counts, 1), counts


def ordered(rows: pd.DataFrame, keys: Sequence[str], baseline: str) -> list[tuple[str, ...]]:
    """Return the combinations of ``keys`` that occur, in the order of tables.

    The attack goes first, then the ranker (baseline, then by family, then by name), then the defense.
    """
    families = dict(zip(rows["ranker"], rows["family"], strict=True))

    def rank(values: tuple[str, ...]) -> tuple[Any, ...]:
        named = dict(zip(keys, values, strict=True))
        ranker, defense = named.get("ranker", ""), named.get("defense", "")
        return (
            natural(named.get("attack", "")),
            ranker != baseline,
            _family(families.get(ranker, "")),
            natural(ranker),
            defense != NONE,
            natural(defense),
        )

    return sorted(rows[list(keys)].drop_duplicates().itertuples(index=False, name=None), key=rank)


def first_ranker(rows: pd.DataFrame) -> str:
    """Return the ranker that tables begin with when no baseline is named."""
    return str(ordered(rows, ("ranker",), "")[0][0])


def plug_in(label: str) -> str:
    """Return the plug-in a label names: what stands before its parameters."""
    return label.partition(":")[0]


def natural(text: str) -> list[tuple[int, int, str]]:
    """Return a sort key under which "size=5" precedes "size=10"."""
    parts = re.split(r"([0-9]+)", text)
    return [(1, int(part), part) if part.isdecimal() else (0, 0, part) for part in parts]


def _family(name: str) -> int:
    return _FAMILIES.index(name) if name in _FAMILIES else len(_FAMILIES)
