"""The result schema, versioned: a row is one measured fact of a cell, and coordinates tell what the cell is."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Literal, NamedTuple, get_args

SCHEMA_VERSION = 3  # of cells.jsonl and rows.csv
READABLE = (2, SCHEMA_VERSION)  # rows of schema 2 have no `pool`: it is empty

Status = Literal[
    "ok",  # measured; value is a number
    "skipped",  # does not apply here, the note says why; value is missing
    "failed",  # measured and undefined (a relative change from zero, the perplexity of an empty text)
    "budget_exhausted",  # the attack spent its budget; the value is that of the best text it had
    "error",  # the plug-in broke; the note says how; the cell is tried again on resume
]
STATUSES: tuple[str, ...] = get_args(Status)

Condition = Literal[
    "",  # not about one
    "clean",  # queries and documents as the collection has them
    "attacked",
    "control",  # under the random-edit baseline
    "worst",  # a query's worst variant
    "undefended",  # the ranker without the cell's defense
    "in_domain",  # trained on the collection that is tested
    "out_of_domain",  # trained on another
    "seen",  # trained with queries of the tested query's type
    "unseen",  # trained without them
    "published_script",  # as computed by the published scripts
]
CONDITIONS: tuple[str, ...] = get_args(Condition)
Pool = Literal[
    "",  # not about a list
    "fixed",  # the documents of a query's list stay though the query is changed
    "pipeline",  # the ranker's first stage searches again for a changed query
]
POOLS: tuple[str, ...] = get_args(Pool)
Radius = int | Literal["all"] | None  # words replaced at most; "all" is every word


class Fact(NamedTuple):
    """What was measured, without its unit and its cell. None and "" mean "not about one"."""

    measure: str  # the field's name: "nDCG@10", "success", "rank", ...
    condition: Condition = ""
    cutoff: int | None = None  # nDCG@10 -> 10; success with cutoff 10 is success into the top 10
    k: int | None = None  # of a certificate of the top K
    radius: Radius = None  # of a certificate
    group: str = ""  # what else it is restricted to or computed by: a query type, a bound, a collection's identity


FACT = Fact._fields


def fact_text(fact: Fact) -> str:
    """Return the fact for people and for CSV files: ``certified k=5 radius=all``."""
    cutoff = None if "@" in fact.measure else fact.cutoff
    about = {"cutoff": cutoff, "k": fact.k, "radius": fact.radius, "group": fact.group or None}
    named = [f"{name}={value}" for name, value in about.items() if value is not None]
    return " ".join([fact.measure, *([fact.condition] if fact.condition else []), *named])


def cutoff_of(measure: str) -> int | None:
    """Return the cutoff k that the name of a measure ends in, as nDCG@10; None where it has none."""
    depth = measure.rpartition("@")[2]
    return int(depth) if "@" in measure and depth.isdecimal() else None


@dataclass(frozen=True, slots=True)
class Row:
    """One measured fact of a cell. A missing value is None, never zero."""

    query_id: str  # "" for a fact about the whole query set
    doc_id: str  # the attacked document; "" for a fact about a query
    measure: str
    condition: Condition = ""
    cutoff: int | None = None
    k: int | None = None
    radius: Radius = None
    group: str = ""
    value: float | None = None  # None unless something was measured
    status: Status = "ok"
    note: str = ""  # why the value is missing, or a remark
    pool: Pool = ""  # of a measure of lists: whether a changed query is searched for

    def as_dict(self) -> dict[str, Any]:
        """Return the row as a plain dict, columns in schema order."""
        return asdict(self)


ROW_COLUMNS: tuple[str, ...] = tuple(field.name for field in fields(Row))


def checked_row(record: Mapping[str, Any]) -> Row:
    """Return the row that a record of ``Row.as_dict`` describes.

    Raises:
        ValueError: A column is missing or unknown, or a value is of a wrong type, not finite, or not allowed.
    """
    record = {"pool": "", **record}
    missing, unknown = [c for c in ROW_COLUMNS if c not in record], [c for c in record if c not in ROW_COLUMNS]
    if missing or unknown:
        raise ValueError(f"the columns are {', '.join(ROW_COLUMNS)}; missing: {missing}, unknown: {unknown}")
    for name in ("query_id", "doc_id", "measure", "condition", "group", "status", "note", "pool"):
        if not isinstance(record[name], str):
            raise ValueError(f"{name} is {record[name]!r}, not text")
    for name in ("cutoff", "k", "radius"):
        if not (record[name] is None or _is_count(record[name]) or (name, record[name]) == ("radius", "all")):
            raise ValueError(f"{name} is {record[name]!r}, not a whole number of 1 or more")
    if not record["measure"]:
        raise ValueError("the measure has no name")
    for name, allowed in (("condition", CONDITIONS), ("status", STATUSES), ("pool", POOLS)):
        if record[name] not in allowed:
            raise ValueError(f"{name} {record[name]!r} is not one of: {', '.join(map(repr, allowed))}")
    value = record["value"]
    if value is not None and (
        isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value)
    ):
        raise ValueError(f"value is {value!r}, not a finite number or None")
    return Row(**{**record, "value": None if value is None else float(value)})


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1


@dataclass(frozen=True)
class PlugInPoint:
    """A plug-in with its parameters, as an axis of an experiment names it."""

    name: str
    parameters: Mapping[str, Any] = field(default_factory=dict)  # all of them, defaults filled in
    label: str = ""  # what people read; decides nothing
    identity: str = ""  # what produced the numbers, computed by the framework
    family: str = ""  # of a ranker
    training: Mapping[str, Any] | None = None  # of a ranker or collection: what it is trained on, and how


AXES = ("task", "collection", "ranker", "defense", "attack")


@dataclass(frozen=True)
class Coordinates:
    """What a cell is: a line of cells.jsonl.

    Attributes:
        key: The cell's key, which rows.csv names in its column ``cell``.
        groups: Label of each identity that the ``group`` of a row may name.
        suite, suite_sha256: The suite that the run is of, and the digest of its file; empty where it is of none.
    """

    key: str
    task: PlugInPoint
    collection: PlugInPoint
    ranker: PlugInPoint
    defense: PlugInPoint
    attack: PlugInPoint | None
    seed: int
    fold: int = 0
    folds: int = 1
    status: str = "done"
    seconds: float | None = None
    groups: Mapping[str, str] = field(default_factory=dict)
    suite: str = ""
    suite_sha256: str = ""

    @property
    def columns(self) -> dict[str, Any]:
        """The cell's columns in rows.csv, for people: labels, where cells.jsonl has names and parameters."""
        labels = {axis: point.label if (point := getattr(self, axis)) else "" for axis in AXES}
        named = {"cell": self.key, **labels, "family": self.ranker.family, "seed": self.seed, "fold": self.fold}
        return {column: named[column] for column in CELL_COLUMNS}

    def as_dict(self) -> dict[str, Any]:
        """Return the line of cells.jsonl."""
        return {"schema": SCHEMA_VERSION, **asdict(self)}


CELL_COLUMNS = ("cell", "task", "collection", "ranker", "family", "defense", "attack", "seed", "fold")
COLUMNS = CELL_COLUMNS + ROW_COLUMNS  # of rows.csv


def checked_coordinates(record: object) -> Coordinates:
    """Return the coordinates that a line of cells.jsonl describes.

    Raises:
        ValueError: It is of another schema, or a key is missing or of a wrong type.
    """
    if not isinstance(record, Mapping):
        raise ValueError(f"it is {record!r}, not an object")
    if record.get("schema") not in READABLE:
        raise ValueError(f"the schema is {record.get('schema')!r}, not {' or '.join(map(str, READABLE))}")
    values = {key: value for key, value in record.items() if key != "schema"}
    try:
        points = {axis: _checked_point(values[axis]) for axis in AXES if axis != "attack" or values[axis] is not None}
        coordinates = Coordinates(**{**values, **points})
    except (KeyError, TypeError) as error:
        raise ValueError(f"the cell cannot be read: {error}") from error
    texts = (coordinates.key, coordinates.status, coordinates.suite, coordinates.suite_sha256)
    counts = (coordinates.seed, coordinates.fold, coordinates.folds)
    if not all(isinstance(text, str) for text in texts) or not all(type(count) is int for count in counts):
        raise ValueError(f"key, status, suite, seed, fold or folds is of a wrong type: {texts}, {counts}")
    if not isinstance(coordinates.groups, Mapping):
        raise ValueError(f"groups is {coordinates.groups!r}, not an object")
    return coordinates


def _checked_point(values: object) -> PlugInPoint:
    if not isinstance(values, Mapping):
        raise TypeError(f"{values!r} is not an object")
    plug_in = PlugInPoint(**values)
    texts = (plug_in.name, plug_in.label, plug_in.identity, plug_in.family)
    if not all(isinstance(text, str) for text in texts) or not plug_in.name:
        raise TypeError(f"name, label, identity or family is not text: {texts}")
    if not isinstance(plug_in.parameters, Mapping) or not isinstance(plug_in.training, Mapping | None):
        raise TypeError("parameters or training is not an object")
    return plug_in
