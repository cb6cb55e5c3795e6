"""Which family of rankers is the most robust, task by task: the question of Wu et al. (arXiv 2108.05018)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from robustrank.report.entries import NONE
from robustrank.report.estimate import with_counts
from robustrank.report.tables import Column, RenderedTable, TableRow, Value

Figures = Mapping[str, Sequence[float]]  # family key -> what its rankers have


def families(rankers: RenderedTable) -> RenderedTable | None:
    """Return the means over each family's rankers and the ranks of families; None where there is but one family.

    Args:
        rankers: By family and ranker; every column says which figure is better.
    """
    lines = [line for line in rankers.lines if rankers.key(line, "defense").name in ("", NONE)]
    members = list(dict.fromkeys(rankers.key(line, "family") for line in lines))
    if len(members) < 2 or not rankers.columns:
        return None
    columns: list[Column] = []
    values: list[list[Value]] = []
    ranks: dict[str, list[dict[str, float]]] = {}  # by task, of each of its columns
    for position, column in enumerate(rankers.columns):
        figures = {
            family.key: [
                value
                for line in lines
                if rankers.key(line, "family") == family and (value := line.values[position].estimate) is not None
            ]
            for family in members
        }
        ranked = ranked_families(figures, higher_is_better=bool(column.higher_is_better))
        ranks.setdefault(column.task, []).append(ranked)
        columns.append(replace(column, units=None, count="", share=False))
        columns.append(Column("rank", (), digits=1, units=""))
        values.append([_mean(figures[family.key], best=ranked.get(family.key) == 1) for family in members])
        values.append([Value(ranked.get(family.key)) for family in members])
    columns.append(Column("mean rank", (), digits=2, units=""))
    values.append([Value(mean_rank(family.key, ranks)) for family in members])
    rows = tuple(
        TableRow((family,), of_family, units=max(value.units for value in of_family))
        for family, of_family in zip(members, zip(*values, strict=True), strict=True)
    )
    counted = with_counts(columns, rows, "rankers")
    return replace(rankers, keys=("family",), units="rankers", columns=counted, lines=rows)


def ranked_families(figures: Figures, higher_is_better: bool) -> dict[str, float]:
    """Return the rank of each family that has a figure, by the mean of its rankers': 1 is the best, ties share."""
    sign = -1 if higher_is_better else 1
    # Equal means of other figures differ by rounding, and have to count as equal.
    means = {name: round(sign * float(np.mean(values)), 12) for name, values in figures.items() if values}
    return {
        name: 1
        + sum(rival < mean for rival in means.values())
        + (sum(rival == mean for rival in means.values()) - 1) / 2
        for name, mean in means.items()
    }


def mean_rank(name: str, ranks: Mapping[str, Sequence[Mapping[str, float]]]) -> float | None:
    """Return the mean over tasks of a family's mean rank over the task's figures; None where it has no rank."""

    def of_tasks() -> Iterator[float]:
        for columns in ranks.values():
            if of_task := [column[name] for column in columns if name in column]:
                yield float(np.mean(of_task))

    means = list(of_tasks())
    return float(np.mean(means)) if means else None


def _mean(figures: Sequence[float], best: bool) -> Value:
    return Value(float(np.mean(figures)), units=len(figures), best=best) if figures else Value(None)
