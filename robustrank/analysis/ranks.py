"""Which ranker, and which family of rankers, is the most robust, task by task.

The question about families is that of Wu et al. (arXiv 2108.05018).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from robustrank.analysis.entries import NONE
from robustrank.analysis.estimate import with_counts
from robustrank.analysis.estimated import RenderedTable, TableRow, Value
from robustrank.tables import Column

TITLES = {
    "family": "Families of rankers: mean over their undefended rankers, and rank among the families (1: most robust)",
    "ranker": "Undefended rankers, and their ranks among each other (1: most robust)",
}
_FEWEST = {"family": 2, "ranker": 3}  # members that are worth a rank
Place = tuple[str, str]  # the key of a collection and that of a member
NOTE = "Without a figure there is no rank; equal figures share a rank. Mean rank: over tasks."


def ranked(rankers: RenderedTable, axis: str) -> RenderedTable | None:
    """Return the figures of rankers, or the means of families, with their ranks; None where there is nothing to rank.

    Args:
        rankers: A line for each ranker; every column says which figure is more robust.
        axis: What is ranked, ``ranker`` or ``family``. Families are ranked where one of them has several rankers.
    """
    lines = [line for line in rankers.lines if rankers.key(line, "defense").name in ("", NONE)]
    members: dict[Place, list[TableRow]] = {}
    for line in lines:
        members.setdefault((rankers.key(line, "collection").key, rankers.key(line, axis).key), []).append(line)
    collections = list(dict.fromkeys(collection for collection, _ in members))
    if len({member for _, member in members}) < _FEWEST[axis] or not rankers.columns:
        return None
    if axis == "family" and max(map(len, members.values())) < 2:
        return None
    columns: list[Column] = []
    values: dict[Place, list[Value]] = {place: [] for place in members}
    ranks: dict[Place, dict[str, list[float]]] = {place: {} for place in members}  # by task, of each of its columns
    for position, column in enumerate(rankers.columns):
        figures = {
            place: [v for line in of_family if (v := line.values[position].estimate) is not None]
            for place, of_family in members.items()
        }
        rank: dict[Place, float] = {}
        for collection in collections:
            here = {place: of_family for place, of_family in figures.items() if place[0] == collection}
            rank |= ranks_of(here, higher_is_better=bool(column.higher_is_better))
        columns += [
            replace(column, compare=False, units=None, count=""),
            Column(f"rank, {column.title}", (), digits=1, units=""),
        ]
        for place, of_family in figures.items():
            mean = Value(float(np.mean(of_family)), units=len(of_family)) if of_family else Value(None)
            values[place] += [mean, Value(rank.get(place))]
            if place in rank:
                ranks[place].setdefault(column.task, []).append(rank[place])
    columns.append(Column("mean rank", (), digits=2, units=""))
    axes = ("collection", axis)[len(collections) == 1 :]
    rows = []
    for place, of_place in members.items():
        figure = Value(mean_rank(ranks[place]))
        keys = tuple(rankers.key(of_place[0], name) for name in axes)
        rows.append(TableRow(keys, (*values[place], figure), units=len(of_place)))
    counted = with_counts(columns, rows, "rankers")
    return replace(rankers, keys=axes, units="rankers", columns=counted, lines=tuple(rows))


def mean_rank(ranks: Mapping[str, Sequence[float]]) -> float | None:
    """Return the mean over tasks of the mean rank over each task's figures; None without any."""
    means = [float(np.mean(of_task)) for of_task in ranks.values()]
    return float(np.mean(means)) if means else None


def ranks_of(figures: Mapping[Place, Sequence[float]], higher_is_better: bool) -> dict[Place, float]:
    """Return the rank of each member that has figures, by their mean: 1 is the best, ties share."""
    sign = -1 if higher_is_better else 1
    # Equal means of other figures differ by rounding, and have to count as equal.
    means = {name: round(sign * float(np.mean(values)), 12) for name, values in figures.items() if values}
    return {
        name: 1
        + sum(rival < mean for rival in means.values())
        + (sum(rival == mean for rival in means.values()) - 1) / 2
        for name, mean in means.items()
    }
