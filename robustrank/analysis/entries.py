"""What tables are about: the points of an experiment's axes, told apart by plug-in and parameters, printed by label."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from robustrank.printing import printable
from robustrank.rows import AXES, FACT, Fact

NONE = "none"  # the name of the defense that leaves the ranker as it is
FAMILIES = {  # in the order of tables, as readers know them
    "traditional": "traditional",
    "learning-to-rank": "learning to rank",
    "neural": "neural",
    "pretrained": "pretrained",
    "language-model": "language models",
}


@dataclass(frozen=True)
class Entry:
    """A task, collection, ranker, defense or attack with its parameters, or a family of rankers.

    Attributes:
        key: What it is, without its label: decides groups, order and random draws.
        label: What is printed.
        name: The plug-in's name.
        parameters: All of the plug-in's parameters.
        identity: What produced its numbers, where that is known.
    """

    key: str
    label: str = field(compare=False)
    name: str = field(default="", compare=False)
    parameters: Mapping[str, Any] = field(default_factory=dict, compare=False)
    identity: str = field(default="", compare=False)


Entries = Mapping[str, Mapping[str, Entry]]  # axis -> key -> entry; "group" beside the axes: label of each identity
NOTHING = Entry("", "")  # where a table has no such axis, or a task no attack


def entries_of(frame: pd.DataFrame) -> Entries:
    """Return what the rows of :func:`robustrank.analysis.load.load_rows` are about, by axis and key."""
    entries = {axis: {NOTHING.key: NOTHING, **_points(frame, axis)} for axis in AXES}
    families = {name: Entry(name, FAMILIES.get(name, printable(name) or "other")) for name in set(frame["family"])}
    groups = dict(frame[["group", "group_label"]].drop_duplicates().itertuples(index=False, name=None))
    return {**entries, "family": families, "group": {key: Entry(key, printable(groups[key])) for key in groups}}


def _points(frame: pd.DataFrame, axis: str) -> dict[str, Entry]:
    columns = [f"{axis}{part}" for part in ("", "_name", "_parameters", "_identity")]
    return {
        point_key(name, parameters): Entry(
            point_key(name, parameters), printable(label), name, json.loads(parameters), identity
        )
        for label, name, parameters, identity in frame[columns].drop_duplicates().itertuples(index=False, name=None)
        if name
    }


def point_key(name: str, parameters: str) -> str:
    """Return what tells a plug-in with its parameters (JSON) apart from others; "" for no plug-in."""
    return f"{name} {parameters}".strip()


def keyed(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the rows with keys in place of labels, and the column ``fact``: a key of what each row is about."""
    rows = frame.drop(columns=[c for c in frame.columns if c.startswith(tuple(f"{axis}_" for axis in AXES))])
    for axis in AXES:
        rows[axis] = _combined(frame[[f"{axis}_name", f"{axis}_parameters"]], point_key)
    rows["fact"] = _combined(frame[list(FACT)], lambda *values: fact_key(Fact(*values)))
    return numbered(rows)


def numbered(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the rows with each text as a number of a sorted list of texts (categories), by which it sorts as before.

    Of hundreds of thousands of rows, parts are taken many times, which is slow for texts.
    """
    texts = rows.columns.drop("radius").difference(rows.select_dtypes("number").columns)
    return rows.astype(dict.fromkeys(texts, "category"))


def _combined(columns: pd.DataFrame, key: Callable[..., str]) -> pd.Series[str]:
    """Return what ``key`` makes of each row; of equal rows it is asked once."""
    numbers, different = distinct(columns)
    return pd.Series([key(*values) for values in different]).take(numbers).set_axis(columns.index)


def distinct(columns: pd.DataFrame) -> tuple[NDArray[np.int64], list[tuple[Any, ...]]]:
    """Return int64[n], the number of each row's values, and the different values, None for what is missing.

    Numbers are in the order in which values come first.
    """
    numbers = columns.groupby(list(columns), sort=False, dropna=False, observed=True).ngroup()
    different = columns.loc[~numbers.duplicated()]
    plain = different.astype(object).where(different.notna(), None)
    return np.asarray(numbers, dtype=np.int64), list(plain.itertuples(index=False, name=None))


def fact_key(fact: Fact) -> str:
    """Return a text for the fact; :func:`fact_of` reads it."""
    return json.dumps(fact)


def fact_of(key: str) -> Fact:
    """Return the fact that a key stands for."""
    return Fact(*json.loads(key))
