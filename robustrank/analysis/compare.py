"""What changed between two runs: every fact of every condition, on the units both have measured."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from robustrank.analysis.entries import NOTHING, Entry, fact_of
from robustrank.analysis.estimate import Settings, interval
from robustrank.analysis.order import natural
from robustrank.analysis.rowset import RowSet
from robustrank.analysis.unit_table import UNIT, PairedSamples, Seeds
from robustrank.measures.significance import holm, paired_permutation_test
from robustrank.randomness import derive
from robustrank.rows import AXES, fact_text
from robustrank.tables import Column

BY = [*AXES, "fact"]
COLUMNS = [*AXES, "measure"]
_FIGURES = ["mean_a", "mean_b", "difference", "low", "high", "p", "common", "only_a", "only_b"]


def compare_runs(
    a: pd.DataFrame, b: pd.DataFrame, *, seed: int = 0, rounds: int = 1000, level: float = 0.95
) -> pd.DataFrame:
    """Return what differs between two runs, a row for each task, collection, ranker, defense, attack and fact.

    Units (queries, or documents of queries) are averaged over seeds, and paired where both runs measured them.
    What the runs are about is paired by plug-in and parameters, or by identity, whatever it is labelled. A task whose
    plug-in is in each run once is paired though its parameters differ. Intervals are over queries, and over seeds
    where both runs measured the same units under the same seeds.

    Args:
        a: Rows of the first run, from :func:`robustrank.analysis.load.load_rows`.
        b: Rows of the second.
        seed: Of resamples and permutations.
        rounds: Bootstrap resamples.
        level: The confidence of the intervals.

    Returns:
        A frame with the columns ``task … attack`` (labels; "a → b" where they differ), ``measure``; ``mean_a`` and
        ``mean_b`` over the common units, or over its own where there is none in common (nan where a run has none);
        ``difference`` = b - a, its interval ``low`` and ``high``, and ``p`` by the paired permutation test over
        queries, nan where nothing is common; ``common``, ``only_a`` and ``only_b``, the numbers of units. p is
        Holm-adjusted over the conditions of a task and fact in which any unit differs; where none differs it is 1.
    """
    settings = Settings(NOTHING, seed, rounds, level=level)
    first, second = RowSet.of_run(a), RowSet.of_run(b)
    pairs = {axis: _pairs(first, second, axis) for axis in AXES}
    both = pd.concat({"a": _by_seed(first.measured), "b": _by_seed(_renamed(second.measured, pairs))}, axis=1)
    conditions = sorted(
        both.groupby(level=BY, sort=True, observed=True), key=lambda item: [natural(str(key)) for key in item[0]]
    )
    records = [(*at, *_figures(frame, at, settings)) for at, frame in conditions]
    compared = pd.DataFrame.from_records(records, columns=[*BY, *_FIGURES])
    for _, family in compared[compared["p"] < 1].groupby(["task", "fact"]):
        compared.loc[family.index, "p"] = holm(family["p"].to_numpy())
    for axis in AXES:
        compared[axis] = compared[axis].map(_labels(first, second, axis, pairs[axis]))
    return compared.assign(fact=compared["fact"].map(lambda key: fact_text(fact_of(key)))).rename(
        columns={"fact": "measure"}
    )


def _pairs(first: RowSet, second: RowSet, axis: str) -> dict[str, str]:
    """Return the key in the first run of each key of the second that is the same there, under a key of its own."""
    left, right = first.present(axis), second.present(axis)
    keys = {entry.key for entry in left}
    pairs = {}
    for entry in right:
        same = [e.key for e in left if entry.identity and e.identity == entry.identity]
        if axis == "task" and not same and _is_alone(entry, right):
            same = [e.key for e in left if e.name == entry.name and _is_alone(e, left)]
        if entry.key not in keys and same:
            pairs[entry.key] = same[0]
    return pairs


def _is_alone(entry: Entry, entries: Sequence[Entry]) -> bool:
    return [e.name for e in entries].count(entry.name) == 1


def _renamed(rows: pd.DataFrame, pairs: Mapping[str, Mapping[str, str]]) -> pd.DataFrame:
    return rows.assign(
        **{axis: rows[axis].map(lambda key, of=of_axis: of.get(key, key)) for axis, of_axis in pairs.items()}
    )


def _labels(first: RowSet, second: RowSet, axis: str, pairs: Mapping[str, str]) -> dict[str, str]:
    """Return what is printed for each key: the label, or both where the runs have different ones."""
    labels = {key: entry.label for key, entry in first.entries[axis].items()}
    for key, entry in second.entries[axis].items():
        label = labels.setdefault(pairs.get(key, key), entry.label)
        if entry.label != label:
            labels[pairs.get(key, key)] = f"{label} → {entry.label}"
    return labels


def _by_seed(rows: pd.DataFrame) -> pd.Series[float]:
    return rows.groupby([*BY, *UNIT, "seed"], sort=True, observed=True)["value"].mean()


def _figures(frame: pd.DataFrame, at: tuple[Any, ...], settings: Settings) -> tuple[float, ...]:
    """Return the figures of one condition, in the order of ``_FIGURES``."""
    units = frame.groupby(level=UNIT, sort=True, observed=True).mean()
    common = units.dropna()
    only_a, only_b = (int((units[run].notna() & units[rival].isna()).sum()) for run, rival in ("ab", "ba"))
    if common.empty:
        means = units["a"].mean(), units["b"].mean()
        return (*means, *[math.nan] * 4, 0, only_a, only_b)
    differences = (common["b"] - common["a"]).to_numpy()
    ends: tuple[float, float] | None = (0.0, 0.0)
    p = 1.0
    if differences.any():
        names = ("compare", *map(str, at))
        ends, _ = interval(Column("", ()), _seeds(frame, common), derive(settings.seed, *names, "interval"), settings)
        rng = derive(settings.seed, *names, "p")
        queries = list(common.index.get_level_values("query_id"))
        p = paired_permutation_test(differences, np.zeros(len(differences)), rng, settings.permutations, queries)
    means = common["a"].mean(), common["b"].mean()
    return (*means, float(differences.mean()), *(ends or (math.nan,) * 2), p, len(common), only_a, only_b)


def _seeds(frame: pd.DataFrame, common: pd.DataFrame) -> Seeds:
    """Return the differences by seed where the runs have the same seeds of all common units, else their means."""
    of_common = frame[frame.reset_index([*BY, "seed"]).index.isin(common.index)]
    seeds = {"": common} if of_common.isna().any(axis=None) else dict(list(of_common.groupby(level="seed")))
    return {
        number: PairedSamples(
            tuple(zip(*(values.index.get_level_values(name) for name in UNIT), strict=True)),
            ((values["b"] - values["a"]).to_numpy(),),
        )
        for number, values in enumerate(seeds.values())
    }
