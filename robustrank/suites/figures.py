"""The figures of a suite, computed from the rows of a run."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from robustrank.measures.robustness import poor_queries, vnap
from robustrank.measures.significance import Run, clopper_pearson, seeded_interval
from robustrank.randomness import derive
from robustrank.suites.suite import Measure, Suite

_UNIT = ["seed", "query_id", "doc_id"]
_DIGITS = 12


@dataclass(frozen=True)
class Figure:
    """A figure of a system.

    Attributes:
        measure: Its name in the suite.
        value: The figure.
        ci: Its 95 % interval, over queries and seeds; None with fewer than two queries.
        n: How many units it is of: queries, or target documents, each counted once whatever the seeds.
        unit: What they are.
    """

    measure: str
    value: float
    ci: tuple[float, float] | None
    n: int
    unit: str


def figures(suite: Suite, rows: pd.DataFrame) -> list[Figure]:
    """Return the figures of a suite that the rows have values for, in its order.

    Args:
        suite: The suite.
        rows: Those of :func:`robustrank.analysis.load.load_rows`.
    """
    return [figure for measure in suite.measures if (figure := _figure(suite, measure, units(measure, rows)))]


def units(measure: Measure, rows: pd.DataFrame) -> pd.DataFrame:
    """Return the values that a measure is computed from: a row for each seed, query and document, with ``value``.

    Over the worst case a unit has the worst value of all attacks: the highest where lower is better.
    """
    chosen = _selected(measure, rows)
    worst = "max" if measure.direction == "lower" else "min"
    how = worst if measure.over == "worst case" else "mean"
    return chosen.groupby(_UNIT, sort=True)["value"].agg(how).reset_index()


def _selected(measure: Measure, rows: pd.DataFrame) -> pd.DataFrame:
    """Return the rows with a value that a measure is about."""
    about = {"task": measure.task, **{name: getattr(measure, name) for name in ("measure", "condition", "group")}}
    chosen = rows[rows["value"].notna()]
    for column, wanted in about.items():
        chosen = chosen[chosen[column] == wanted]
    cutoff = measure.cutoff if "@" not in measure.measure else int(measure.measure.rpartition("@")[2])
    for column, number in (("cutoff", cutoff), ("k", measure.k), ("radius", measure.radius)):
        chosen = chosen[chosen[column].isna() if number is None else chosen[column] == number]
    return chosen


def _figure(suite: Suite, measure: Measure, values: pd.DataFrame) -> Figure | None:
    if values.empty:
        return None
    statistic: Callable[..., Any] = _STATISTICS.get(measure.over, _mean)
    runs = [
        Run([of_seed["value"].to_numpy(dtype=np.float64)], of_seed["query_id"].tolist())
        for _, of_seed in values.groupby("seed", sort=True)
    ]
    value = float(np.mean([statistic(run.arrays[0]) for run in runs]))
    if math.isnan(value):
        return None
    ci = seeded_interval(runs, statistic, derive(0, "suite", suite.name, measure.name))
    one_each = len(runs) == 1 and values["query_id"].is_unique and set(values["value"]) <= {0.0, 1.0}
    if one_each and measure.over in ("queries", "worst case"):  # a share of queries, as CRQ: exact
        ci = clopper_pearson(int(values["value"].sum()), len(values))
    unit = "target" if (values["doc_id"] != "").any() else "query"
    interval = None if math.isnan(ci[0]) else (_rounded(ci[0]), _rounded(ci[1]))
    return Figure(measure.name, _rounded(value), interval, len(values[_UNIT[1:]].drop_duplicates()), unit)


def _mean(values: NDArray[np.float64]) -> Any:
    return values.mean(axis=-1)


_STATISTICS: dict[str, Callable[..., Any]] = {"vnap": vnap, "poor queries": poor_queries}


def _rounded(number: float) -> float:
    return float(f"{number:.{_DIGITS}g}")
