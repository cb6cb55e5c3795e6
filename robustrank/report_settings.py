"""The ``report`` section of an experiment file: the baseline, the tables of a paper, and gates."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from robustrank.errors import UsageError
from robustrank.plugins.values import excerpt
from robustrank.rows import Condition

Axis = Literal["collection", "task", "family", "attack", "ranker", "defense"]
_CONDITION = re.compile(r"\s*(?P<measure>.+?)\s*(?P<sign>[<>])\s*(?P<limit>[-+]?[0-9.]+(?:e[-+]?[0-9]+)?)\s*")
_NAME = r"^[a-z0-9][a-z0-9-]*$"


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


def _listed(value: Any) -> Any:
    return [value] if isinstance(value, str | dict) else value


Listed = Annotated[tuple[str, ...], BeforeValidator(_listed)]


class ColumnChoice(_Strict):
    """A column of a user's table: a declared one by its name, a fact that rows hold, or a difference of two columns.

    Attributes:
        column: The name of a declared column, as ``asr`` or ``document-attack.asr``, or a measure with its condition,
            as ``nDCG@10/clean``.
        difference: Two columns, of which the second is taken from the first, unit by unit.
        title: The heading.
        digits: Decimals.
        percent: Whether it is shown times 100.
        ci: Whether its interval is shown.
        higher_is_better: Which figure is the more robust, for a fact.
        task: The plug-in name of the task whose rows are read, for a fact that several have.
        condition, cutoff, k, radius, group: What else the fact is about.
    """

    column: str = ""
    difference: tuple[str, str] | None = None
    title: str = ""
    digits: Annotated[int, Field(ge=0, le=8)] | None = None
    percent: bool | None = None
    ci: bool = True
    higher_is_better: bool | None = None
    task: str = ""
    condition: Condition = ""
    cutoff: int | None = None
    k: int | None = None
    radius: int | Literal["all"] | None = None
    group: str = ""

    @model_validator(mode="after")
    def _is_one(self) -> ColumnChoice:
        if bool(self.column) == bool(self.difference):
            raise ValueError("a column has either `column` or `difference`")
        return self


def _choice(value: Any) -> Any:
    return {"column": value} if isinstance(value, str) else value


class UserTable(_Strict):
    """A table that the experiment declares.

    Attributes:
        name: The file's name.
        title: The caption.
        rows: What a row is about.
        columns: What is shown.
        where: Labels that rows may be about, by axis; other axes are free.
        sort: The name or title of a column, with a minus for descending.
        note: What is said below it.
        orientation: Whether measures are ``columns`` or ``rows``.
        width: What it has to fit: the text (506 pt), a column of two (241 pt), or nothing.
        ci: Where intervals stand: ``below`` figures, ``inline``, or ``off``.
    """

    name: Annotated[str, Field(pattern=_NAME, max_length=40)]
    title: Annotated[str, Field(max_length=120)]
    rows: Annotated[tuple[Axis, ...], BeforeValidator(_listed)] = ("ranker",)
    columns: Annotated[
        tuple[Annotated[ColumnChoice, BeforeValidator(_choice)], ...], BeforeValidator(_listed), Field(min_length=1)
    ]
    where: dict[Axis, Listed] = Field(default_factory=dict)
    sort: str = ""
    note: str = ""
    orientation: Literal["columns", "rows"] = "columns"
    width: Literal["text", "column", "any"] = "text"
    ci: Literal["below", "inline", "off"] = "below"


class Gate(_Strict):
    """A limit that a run has to keep, or the command fails.

    Attributes:
        measure: The name of a column, as ``asr``, or a measure with its condition.
        max, min: The limits; a figure beyond one is a breach, and so is a figure that is missing.
        use: Which end counts.
        collection, task, ranker, defense, attack: Labels it is about; without one every row has to keep the limit.
        refuse: Statuses that no cell may have.
        compare: The summary.json of another run, whose figures the run is held against.
        max_increase, max_decrease: How far a figure may be from the other run's.
    """

    measure: str = ""
    max: float | None = None
    min: float | None = None
    use: Literal["estimate", "low", "high"] = "estimate"
    collection: str = ""
    task: str = ""
    ranker: str = ""
    defense: str = ""
    attack: str = ""
    refuse: Annotated[tuple[Literal["failed", "skipped", "planned"], ...], BeforeValidator(_listed)] = ()
    compare: str = ""
    max_increase: float | None = None
    max_decrease: float | None = None

    @model_validator(mode="after")
    def _is_whole(self) -> Gate:
        limits = [self.max, self.min, self.max_increase, self.max_decrease]
        if bool(self.refuse) == bool(self.measure):
            raise ValueError("a gate has either `measure` or `refuse`")
        if self.measure and all(limit is None for limit in limits):
            raise ValueError(f"gate on {excerpt(self.measure)}: one of max, min, max_increase, max_decrease is needed")
        if bool(self.compare) != any(limit is not None for limit in limits[2:]):
            raise ValueError("`compare` goes with `max_increase` or `max_decrease`")
        return self

    @classmethod
    def of(cls, condition: str) -> Gate:
        """Return the gate of a condition that must not hold, as ``asr > 0.5``.

        Raises:
            UsageError: It is no condition.
        """
        match = _CONDITION.fullmatch(condition)
        try:
            limit = float(match["limit"]) if match else 0.0
        except ValueError:
            match = None
        if match is None:
            allowed = "MEASURE > NUMBER or MEASURE < NUMBER, as 'asr > 0.5'; shares are between 0 and 1"
            raise UsageError(f"{condition!r} is not a condition", allowed=allowed)
        is_most = match["sign"] == ">"
        return cls(measure=match["measure"], max=limit if is_most else None, min=None if is_most else limit)


class Report(_Strict):
    """Settings of the report.

    Attributes:
        baseline: The label of the ranker that others are compared with; the first of the tables without one.
        tables: The user's tables.
        headline: The names of the tables in front; without it the summary, and those of the tasks that matter most.
        gates: Limits that the run has to keep.
    """

    baseline: str | None = None
    tables: Annotated[tuple[UserTable, ...], BeforeValidator(_listed)] = ()
    headline: Listed | None = None
    gates: Annotated[tuple[Gate, ...], BeforeValidator(_listed)] = ()

    @model_validator(mode="after")
    def _has_names_once(self) -> Report:
        names = [table.name for table in self.tables]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"tables: two are called {', '.join(twice)}")
        return self
