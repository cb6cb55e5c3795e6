"""From rows to values a unit: every seed by itself, a column a measure, and the one order of lines."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
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
FAMILIES = {  # in the order of tables, as readers know them
    "traditional": "traditional",
    "learning-to-rank": "learning to rank",
    "neural": "neural",
    "pretrained": "pretrained",
}


def measured(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the rows that have a value, in an order that depends on nothing but what they say."""
    return rows[rows["value"].notna()].sort_values([*KEYS, *UNIT, "measure", "seed"], kind="stable")


@dataclass(frozen=True)
class PairedSamples:
    """Measures side by side, under one seed.

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

    def joined(self, other: PairedSamples) -> PairedSamples:
        """Return the units both have, with the arrays of both."""
        places = {unit: place for place, unit in enumerate(other.units)}
        own = [place for place, unit in enumerate(self.units) if unit in places]
        others = [places[self.units[place]] for place in own]
        arrays = [array[own] for array in self.arrays] + [array[others] for array in other.arrays]
        return PairedSamples(tuple(self.units[place] for place in own), tuple(arrays))

    def equals(self, other: PairedSamples) -> bool:
        """Return whether both measured the same units and found the same, bit for bit."""
        return self.units == other.units and all(map(np.array_equal, self.arrays, other.arrays))


Seeds = dict[int, PairedSamples]  # what each seed measured; seeds without a unit are left out


class UnitTable:
    """What was measured on each unit, a column a measure.

    Args:
        rows: From :func:`measured`, of one collection.
        keys: What stays apart beside the task and the seed; over the attacks, where ``keys`` has them not, a
            unit's mean is taken.
    """

    def __init__(self, rows: pd.DataFrame, keys: Sequence[str]) -> None:
        by = ["task", *keys, "seed"]
        apart = [*by, *UNIT, *sorted({"attack"} - set(keys))]
        wide = rows.groupby([*apart, "measure"], sort=True)["value"].mean().unstack("measure")
        self._places = {name: place for place, name in enumerate(wide.columns)}
        self._parts: dict[tuple[Any, ...], dict[Any, tuple[list[Unit], NDArray[np.int64], Values]]] = {}
        for at, rowset in wide.groupby(level=by):
            self._parts.setdefault(tuple(at[:-1]), {})[at[-1]] = _numbered(rowset)

    def paired_samples(self, task: str, keys: Sequence[str], measures: Sequence[str]) -> Seeds:
        """Return the units that have all of ``measures`` under a seed, so that what is compared was measured together.

        Seeds that all measured the same, as those of a ranker that is not trained, are one.
        """
        if not set(measures) <= set(self._places):
            return {}
        places = [self._places[name] for name in measures]
        parts = self._parts.get((task, *keys), {})
        seeds = {seed: own for seed, rowset in parts.items() if (own := _together(*rowset, places)).units}
        found = list(seeds.values())
        return dict(list(seeds.items())[:1]) if all(found[0].equals(other) for other in found[1:]) else seeds


def joined(seeds: Seeds, reference: Seeds) -> Seeds:
    """Return the units of each seed with those of the reference under that seed, or under its only one."""
    if len(reference) == 1:
        (only,) = reference.values()
        pairs = {seed: own.joined(only) for seed, own in seeds.items()}
    elif len(seeds) == 1:
        (only,) = seeds.values()
        pairs = {seed: only.joined(other) for seed, other in reference.items()}
    else:
        pairs = {seed: own.joined(reference[seed]) for seed, own in seeds.items() if seed in reference}
    return {seed: pair for seed, pair in pairs.items() if pair.units}


def _numbered(rowset: pd.DataFrame) -> tuple[list[Unit], NDArray[np.int64], Values]:
    """Return the units of a part, the number of each row's unit, and its values [rows, measures]."""
    queries, documents = (rowset.index.get_level_values(name) for name in UNIT)
    pairs = list(zip(queries, documents, strict=True))
    units = sorted(set(pairs))
    numbers = {unit: number for number, unit in enumerate(units)}
    return units, np.array([numbers[pair] for pair in pairs], dtype=np.int64), rowset.to_numpy(dtype=np.float64)


def _together(units: list[Unit], numbers: NDArray[np.int64], table: Values, places: Sequence[int]) -> PairedSamples:
    """Return the means of the units whose rows have all of the measures at ``places``."""
    values = table[:, places]
    whole = ~np.isnan(values).any(axis=1)
    counts = np.bincount(numbers[whole], minlength=len(units))
    there = np.flatnonzero(counts).tolist()
    sums = (np.bincount(numbers[whole], weights=column, minlength=len(units)) for column in values[whole].T)
    return PairedSamples(tuple(units[place] for place in there), tuple(total[there] / counts[there] for total in sums))


def query_means(runs: Iterable[tuple[Sequence[str], ArrayLike]]) -> dict[str, float]:
    """Return a value a query: the mean over seeds of the mean of its units.

    Args:
        runs: For each seed the queries of its units, and their values.
    """
    means: dict[str, list[float]] = {}
    for queries, values in runs:
        names, inverse, counts = np.unique(np.asarray(queries, dtype=str), return_inverse=True, return_counts=True)
        sums = np.bincount(inverse, weights=np.asarray(values, dtype=np.float64), minlength=len(names))
        for name, mean in zip(names.tolist(), (sums / counts).tolist(), strict=True):
            means.setdefault(name, []).append(mean)
    return {name: sum(own) / len(own) for name, own in sorted(means.items())}


def ordered(rows: pd.DataFrame, keys: Sequence[str]) -> list[tuple[str, ...]]:
    """Return the combinations of ``keys`` that occur, in the order of tables.

    The attack goes first, then the ranker (by family, then by name), then the defense.
    """
    families = families_of(rows)

    def rank(values: tuple[str, ...]) -> tuple[Any, ...]:
        named = dict(zip(keys, values, strict=True))
        ranker, defense = named.get("ranker", ""), named.get("defense", "")
        return (
            natural(named.get("attack", "")),
            family_rank(families.get(ranker, "")),
            natural(ranker),
            defense != NONE,
            natural(defense),
        )

    return sorted(rows[list(keys)].drop_duplicates().itertuples(index=False, name=None), key=rank)


def families_of(rows: pd.DataFrame) -> dict[str, str]:
    """Return the family of each ranker."""
    return dict(rows[["ranker", "family"]].drop_duplicates().itertuples(index=False, name=None))


def family_rank(name: str) -> tuple[int, str]:
    """Return the place of a family in tables; unknown ones stand last, by name."""
    return list(FAMILIES).index(name) if name in FAMILIES else len(FAMILIES), name


def first_ranker(rows: pd.DataFrame) -> str:
    """Return the ranker that tables begin with when no baseline is named."""
    return str(ordered(rows, ("ranker",))[0][0])


def plug_in(label: str) -> str:
    """Return the plug-in a label names: what stands before its parameters."""
    return label.partition(":")[0]


def natural(text: str) -> list[tuple[int, int, str]]:
    """Return a sort key under which "size=5" precedes "size=10"."""
    parts = re.split(r"([0-9]+)", text)
    return [(1, int(rowset), rowset) if rowset.isdecimal() else (0, 0, rowset) for rowset in parts]
