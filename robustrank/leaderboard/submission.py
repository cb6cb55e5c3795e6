"""From a run of a suite and a model card to an entry, with the checks that a reviewer would make."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from robustrank.analysis.load import load_cells
from robustrank.errors import DataError, UsageError
from robustrank.experiment import load
from robustrank.leaderboard.assessment import Assessment, assess, system_of
from robustrank.leaderboard.entry import (
    Entry,
    Packed,
    Reported,
    System,
    TrainingData,
    refuse_nameless,
    told,
    write_entry,
)
from robustrank.leaderboard.packing import pack
from robustrank.leaderboard.run_check import checked_run
from robustrank.printing import slug
from robustrank.suites.suite import Suite, load_suite
from robustrank.yaml_text import YamlError, read_yaml

_DERIVED = ("ranker", "defense")  # of a system: what the run tells


def suite_of(run: Path, name: str | None = None) -> Suite:
    """Return the suite that a run is of.

    Raises:
        UsageError: It is of none, or not of the one that is named.
    """
    names = {cell.suite for cell in load_cells(run)}
    if names == {""} or len(names) > 1:
        raise UsageError(f"{run} is not a run of a suite", hint="robustrank run suite:NAME --ranker …")
    of_run = names.pop()
    if name not in (None, of_run):
        raise UsageError(f"{run} is a run of the suite {of_run}, not of {name}")
    return load_suite(of_run)


def submit(run: Path, card: Path, entries: Path, suite: Suite) -> tuple[Path, Assessment]:
    """Write the entry of a run into a folder of entries, and return the entry's file.

    Args:
        run: The run folder.
        card: The model card: a mapping in YAML, with ``submitter``, the keys of a system, and perhaps ``reported``.
        entries: The folder of entries.
        suite: The suite of the run.

    Raises:
        DataError: The run or the card is not fit to be submitted.
    """
    loaded = checked_run(run, suite)
    content = _card(card)
    submitter, reported = str(content.pop("submitter", "")), content.pop("reported", [])
    if not submitter:
        raise DataError("the card names no `submitter`", where=str(card), hint="a name that an issue can be sent to")
    system = _system({**content, **system_of(loaded)}, card)
    name = slug(" ".join(filter(None, [system.name, _distinct(run)])))
    path = entries / suite.name / f"{name}.json"
    packed = path.with_suffix(".zip")
    digest = pack(run, packed)
    first = Packed(file=packed.name, sha256=digest, role="submitter", by=submitter, date=_date(run))
    try:
        entry = Entry.model_construct(
            schema_=1, suite=suite.name, suite_sha256=suite.sha256, system=system, threat=None,
            reported=[Reported.model_validate(figure) for figure in reported],
            runs=[first], measured=[], external=[], certificates=[], not_run=[], flags=[], status="submitted",
            superseded_by=None, footnote="",
        )  # fmt: skip
    except ValidationError as error:
        raise DataError(f"reported: {error}", where=str(card)) from error
    assessment = assess(entry, path.parent, suite)
    write_entry(path, assessment.entry)
    return path, assessment


def _distinct(run: Path) -> str:
    """Return what tells the defense of a run, for the name of its entry."""
    labels = {spec.label for spec in load(run / "experiment.yaml").specs("defenses")} - {"none"}
    return next(iter(labels), "").partition(":")[0]


def _card(card: Path) -> dict[str, Any]:
    try:
        content = read_yaml(card.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, YamlError) as error:
        raise DataError(f"the model card cannot be read: {error}", where=str(card)) from error
    if not isinstance(content, dict):
        raise DataError("the model card is not a mapping", where=str(card), hint="docs/leaderboard.md has one")
    if given := [key for key in _DERIVED if key in content]:
        raise DataError(f"the card has the key `{given[0]}`, which the run tells", where=str(card))
    return dict(content)


def _system(content: dict[str, Any], card: Path) -> System:
    try:
        system = System.model_validate(content)
        refuse_nameless(system)
    except ValidationError as error:
        raise DataError(
            told(error),
            where=str(card),
            allowed=f"submitter, reported, {', '.join(k for k in System.model_fields if k not in _DERIVED)}; "
            f"training: {', '.join(TrainingData.model_fields)}",
        ) from error
    except ValueError as error:
        raise DataError(str(error), where=str(card)) from error
    return system


def _date(run: Path) -> str:
    """Return the day on which a run ended, in UTC."""
    environments = json.loads((run / "provenance.json").read_text(encoding="utf-8"))["environments"]
    return datetime.fromisoformat(max(e["last"] for e in environments)).astimezone(UTC).date().isoformat()
