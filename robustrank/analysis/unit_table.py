"""From rows to values by unit: every seed by itself, a column for each fact, and the one order of lines."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from robustrank.analysis.entries import FAMILIES, NONE, Entries, fact_key
from robustrank.analysis.order import natural
from robustrank.rows import AXES, Fact
from robustrank.tables import Values

UNIT = ["query_id", "doc_id"]
Unit = tuple[str, str]  # query id, document id


def measured(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the rows that have a value, in an order that depends on nothing but what they say."""
    return rows[rows["value"].notna()].sort_values([*AXES, *UNIT, "fact", "seed"], kind="stable")


@dataclass(frozen=True)
class PairedSamples:
    """Facts side by side, under one seed.

    Attributes:
        units: n pairs (query id, document id), sorted.
        arrays: An array [n] for each fact.
    """

    units: tuple[Unit, ...]
    arrays: tuple[Values, ...]

    @property
    def queries(self) -> list[str]:
        """The query of each unit."""
        return [query for query, _ in self.units]

    def joined(self, reference: PairedSamples) -> PairedSamples:
        """Return the units both have, with the arrays of both."""
        positions = {unit: position for position, unit in enumerate(reference.units)}
        left = [position for position, unit in enumerate(self.units) if unit in positions]
        right = [positions[self.units[position]] for position in left]
        arrays = [array[left] for array in self.arrays] + [array[right] for array in reference.arrays]
        return PairedSamples(tuple(self.units[position] for position in left), tuple(arrays))

    def equals(self, samples: PairedSamples) -> bool:
        """Return whether both have the same units and the same values, bit for bit."""
        return self.units == samples.units and all(map(np.array_equal, self.arrays, samples.arrays))


Seeds = dict[int, PairedSamples]  # what each seed measured; seeds without a unit are left out


class UnitTable:
    """What was measured on each unit, a column for each fact.

    Args:
        rows: From :func:`measured`.
        keys: What stays apart beside the seed; over the attacks, where ``keys`` does not name them, a unit's mean is
            taken.
    """

    def __init__(self, rows: pd.DataFrame, keys: Sequence[str]) -> None:
        by = [*keys, "seed"]
        apart = [*by, *UNIT, *sorted({"attack"} - set(keys))]
        wide = rows.groupby([*apart, "fact"], sort=True, observed=True)["value"].mean().unstack("fact")
        self._positions = {key: position for position, key in enumerate(wide.columns)}
        self._values: dict[tuple[Any, ...], dict[Any, tuple[list[Unit], NDArray[np.int64], Values]]] = {}
        for at, values in wide.groupby(level=by, observed=True):
            self._values.setdefault(tuple(at[:-1]), {})[at[-1]] = _numbered(values)

    def paired_samples(self, keys: Sequence[str], facts: Sequence[Fact]) -> Seeds:
        """Return the units that have all of ``facts`` under a seed, so that what is compared was measured together.

        Seeds that all measured the same, as those of a ranker that is not trained, are one.
        """
        names = [fact_key(fact) for fact in facts]
        if not set(names) <= set(self._positions):
            return {}
        positions = [self._positions[name] for name in names]
        by_seed = self._values.get(tuple(keys), {})
        seeds = {seed: s for seed, values in by_seed.items() if (s := _with_all(*values, positions)).units}
        samples = list(seeds.values())
        return dict(list(seeds.items())[:1]) if all(samples[0].equals(s) for s in samples[1:]) else seeds


def joined(seeds: Seeds, reference: Seeds) -> Seeds:
    """Return the units of each seed with those of the reference under that seed, or under its only one."""
    if len(reference) == 1:
        (only,) = reference.values()
        pairs = {seed: samples.joined(only) for seed, samples in seeds.items()}
    elif len(seeds) == 1:
        (only,) = seeds.values()
        pairs = {seed: only.joined(samples) for seed, samples in reference.items()}
    else:
        pairs = {seed: s.joined(reference[seed]) for seed, s in seeds.items() if seed in reference}
    return {seed: pair for seed, pair in pairs.items() if pair.units}


def _numbered(wide: pd.DataFrame) -> tuple[list[Unit], NDArray[np.int64], Values]:
    """Return the units of a frame, the number of each row's unit, and its values [rows, facts]."""
    queries, documents = (wide.index.get_level_values(name) for name in UNIT)
    pairs = list(zip(queries, documents, strict=True))
    units = sorted(set(pairs))
    numbers = {unit: number for number, unit in enumerate(units)}
    return units, np.array([numbers[pair] for pair in pairs], dtype=np.int64), wide.to_numpy(dtype=np.float64)


def _with_all(units: list[Unit], numbers: NDArray[np.int64], table: Values, positions: Sequence[int]) -> PairedSamples:
    """Return the means of the units whose rows have all of the facts at ``positions``."""
    values = table[:, positions]
    whole = ~np.isnan(values).any(axis=1)
    counts = np.bincount(numbers[whole], minlength=len(units))
    present = np.flatnonzero(counts).tolist()
    sums = (np.bincount(numbers[whole], weights=column, minlength=len(units)) for column in values[whole].T)
    means = tuple(total[present] / counts[present] for total in sums)
    return PairedSamples(tuple(units[number] for number in present), means)


def query_means(runs: Iterable[tuple[Sequence[str], ArrayLike]]) -> dict[str, float]:
    """Return a value for each query: the mean over seeds of the mean of its units.

    Args:
        runs: For each seed the queries of its units, and their values.
    """
    means: dict[str, list[float]] = {}
    for queries, values in runs:
        names, inverse, counts = np.unique(np.asarray(queries, dtype=str), return_inverse=True, return_counts=True)
        sums = np.bincount(inverse, weights=np.asarray(values, dtype=np.float64), minlength=len(names))
        for name, mean in zip(names.tolist(), (sums / counts).tolist(), strict=True):
            means.setdefault(name, []).append(mean)
    return {name: sum(of_seeds) / len(of_seeds) for name, of_seeds in sorted(means.items())}


def ordered(rows: pd.DataFrame, keys: Sequence[str], entries: Entries) -> list[tuple[str, ...]]:
    """Return the combinations of ``keys`` that occur, in the order of tables.

    Collection and task go first, then the attack, the ranker (by family, then by name), and the defense: the
    undefended ranker first.
    """
    families = dict(rows[["ranker", "family"]].drop_duplicates().itertuples(index=False, name=None))

    def rank(values: tuple[str, ...]) -> tuple[Any, ...]:
        named = dict(zip(keys, values, strict=True))
        ranker, defense = named.get("ranker", ""), named.get("defense", "")
        return (
            *(natural(named.get(axis, "")) for axis in ("collection", "task", "attack")),
            family_rank(families.get(ranker, "")),
            natural(ranker),
            entries["defense"][defense].name not in ("", NONE),
            natural(defense),
        )

    return sorted(rows[list(keys)].drop_duplicates().itertuples(index=False, name=None), key=rank)


def family_rank(name: str) -> tuple[int, str]:
    """Return the position of a family in tables; unknown ones come last, by name."""
    return list(FAMILIES).index(name) if name in FAMILIES else len(FAMILIES), name
