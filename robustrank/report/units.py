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


def over_seeds(rows: pd.DataFrame) -> pd.DataFrame:
    """Return what was measured, one row a unit and measure: the mean over the seeds that measured it.

    Rows without a value take no part; the order of ``rows`` changes no bit of the result.
    """
    by = [*KEYS, *UNIT, "measure"]
    measured = rows[rows["value"].notna()].sort_values([*by, "seed"], kind="stable")
    return measured.groupby(by, sort=True)["value"].mean().reset_index()


def by_unit(measured: pd.DataFrame, keys: Sequence[str]) -> pd.DataFrame:
    """Return a frame with a column a measure, indexed by task, ``keys`` and unit; nan where nothing was measured.

    Args:
        measured: From :func:`over_seeds`, of one collection.
        keys: What stays apart; over the others, as the attacks, the mean is taken.
    """
    means = measured.groupby(["task", *keys, *UNIT, "measure"], sort=True)["value"].mean()
    return means.unstack("measure")


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
