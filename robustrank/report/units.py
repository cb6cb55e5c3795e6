"""From rows to figures a unit: averages over seeds, a column a measure, and the one order of lines."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import pandas as pd

KEYS = ("task", "collection", "ranker", "defense", "attack")
UNIT = ["query_id", "doc_id"]
NONE = "none"  # the label of the undefended ranker
_FAMILIES = ("traditional", "learned", "neural", "pretrained")


def measured(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the rows that have a value, in an order that depends on nothing but what they say."""
    return rows[rows["value"].notna()].sort_values([*KEYS, *UNIT, "measure", "seed"], kind="stable")


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
        self._nothing = wide.iloc[:0]
        self._parts = dict(iter(wide.groupby(level=by)))
        self._aligned: dict[Any, pd.DataFrame] = {}

    def aligned(self, task: str, keys: Sequence[str], measures: Sequence[str]) -> pd.DataFrame:
        """Return a row a unit that has all of ``measures``, and a column for each of them.

        A unit's mean is over the seeds that have them all, so that what is compared was measured together.
        """
        at = (task, *keys)
        wanted = (at, tuple(measures))
        if wanted not in self._aligned:
            part = self._parts.get(at, self._nothing)
            self._aligned[wanted] = part.reindex(columns=list(measures)).dropna().groupby(level=UNIT).mean()
        return self._aligned[wanted]


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
