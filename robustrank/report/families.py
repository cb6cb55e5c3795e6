"""Which family of rankers is the most robust, task by task: the question of Wu et al. (arXiv 2108.05018)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from robustrank.report.tables import Column, RenderedTable, TableRow, Value
from robustrank.report.unit_table import NONE, plug_in

Figures = Mapping[str, Sequence[float]]  # of each family, what its rankers have


def families(rankers: RenderedTable) -> RenderedTable | None:
    """Return the means over each family's rankers and the ranks of families; None where there is but one family.

    Args:
        rankers: By family and ranker; every column says which figure is better.
    """
    lines = [line for line in rankers.lines if rankers.key(line, "defense") in ("", NONE)]
    names = list(dict.fromkeys(rankers.key(line, "family") for line in lines))
    if len(names) < 2 or not rankers.columns:
        return None
    columns: list[Column] = []
    values: list[list[Value]] = []
    ranks: dict[str, list[dict[str, float]]] = {}  # by task, of each of its columns
    for position, column in enumerate(rankers.columns):
        figures = {
            name: [
                value
                for line in lines
                if rankers.key(line, "family") == name and (value := line.values[position].estimate) is not None
            ]
            for name in names
        }
        ranked = ranked_families(figures, higher_is_better=bool(column.higher_is_better))
        ranks.setdefault(plug_in(column.task), []).append(ranked)
        columns += [column, replace(column, title="rank", percent=False, digits=1, higher_is_better=None)]
        values.append([_mean(figures[name], best=ranked.get(name) == 1) for name in names])
        values.append([_rank(ranked.get(name)) for name in names])
    columns.append(Column("mean rank", (), digits=2))
    values.append([_rank(mean_rank(name, ranks)) for name in names])
    made = tuple(TableRow((name,), own) for name, own in zip(names, zip(*values, strict=True), strict=True))
    return replace(rankers, keys=("family",), units="rankers", columns=tuple(columns), lines=made)


def ranked_families(figures: Figures, higher_is_better: bool) -> dict[str, float]:
    """Return the rank of each family that has a figure, by the mean of its rankers': 1 is the best, ties share."""
    sign = -1 if higher_is_better else 1
    # Equal means of other figures differ by rounding, and have to count as equal.
    means = {name: round(sign * float(np.mean(own)), 12) for name, own in figures.items() if own}
    return {
        name: 1 + sum(other < mean for other in means.values()) + (sum(o == mean for o in means.values()) - 1) / 2
        for name, mean in means.items()
    }


def mean_rank(name: str, ranks: Mapping[str, Sequence[Mapping[str, float]]]) -> float | None:
    """Return the mean over tasks of a family's mean rank over the task's figures; None where it has no rank."""

    def of_tasks() -> Iterator[float]:
        for columns in ranks.values():
            if own := [column[name] for column in columns if name in column]:
                yield float(np.mean(own))

    found = list(of_tasks())
    return float(np.mean(found)) if found else None


def _mean(figures: Sequence[float], best: bool) -> Value:
    return Value(float(np.mean(figures)), units=len(figures), best=best) if figures else Value(None)


def _rank(rank: float | None) -> Value:
    return Value(rank)
