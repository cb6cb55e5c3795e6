"""An entry of the leaderboard: what its submitter declares, and what is computed from the runs beside it.

`robustrank submit` writes it and `robustrank verify` computes it again: what is computed and differs is refused.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from robustrank.errors import DataError
from robustrank.storage import write_file
from robustrank.suites.suite import Direction

Status = Literal["reported", "submitted", "re-measured", "verified"]
STATUSES: tuple[str, ...] = get_args(Status)
Role = Literal["submitter", "maintainers", "third party"]
FLAGS = (
    "certificate-contradicted",
    "degenerate-scores",
    "masked-gradients",
    "noise-floor",
    "not-adaptively-attacked",
    "parse-failures",
    "randomised",
)
Flag = Annotated[str, Field(pattern=rf"^({'|'.join(FLAGS)})(:\d*\.?\d+)?$")]
Digest = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
Revision = Annotated[str, Field(pattern="^[0-9a-f]{40}$")]
Text = Annotated[str, Field(min_length=1)]
Address = Annotated[str, Field(pattern="^https?://")]
_WITHOUT_WEIGHTS = ("lexical", "features")  # kinds whose ranker and collection are their identity


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Model(_Strict):
    """The weights of a system: named by a revision of the hub, or by the digest of their file."""

    hub: Text
    revision: Revision | None = None
    weights_sha256: Digest | None = None
    parameters: int | None = None
    licence: str | None = None
    open_weights: bool
    base: str | None = None


class Backend(_Strict):
    """What computes the model; of an endpoint, the version of its model with a date."""

    name: Text
    version: str | None = None
    dtype: str | None = None


class TrainingData(_Strict):
    """What the system was trained on."""

    data: list[str] = []
    adversarially_trained_on: list[str] = []
    saw_test_collection: Literal["no", "yes", "unknown"]


class System(_Strict):
    """What is measured: a ranker, and a defense around it."""

    name: Text
    ranker: Text
    defense: str | None = None
    kind: Literal[
        "pointwise", "pairwise", "setwise", "listwise", "groupwise", "elimination", "embedding", "lexical", "features"
    ]
    model: Model | None = None
    backend: Backend | None = None
    prompt_sha256: Digest | None = None
    first_stage: str | None = None
    depth: int | None = None
    training: TrainingData
    authors: str = ""
    paper: str = ""
    code: str = ""


class Threat(_Strict):
    """What an attacker was granted; ``words`` is what an adversarial document may change."""

    access_granted: str
    words: int | None = None
    attacks_adaptive_to_defense: bool


class Reported(_Strict):
    """A figure of a paper, with what it is of: none is given without its victim, targets and access."""

    measure: Text
    value: float
    unit: str = ""
    collection: Text
    attack: Text
    victim: Text
    targets: Text
    access: Text
    source: Text  # paper, table, page
    url: Address


class Packed(_Strict):
    """A run in a file beside the entry: that of the submitter, or one that repeats cells of it."""

    file: Annotated[str, Field(pattern=r"^[a-z0-9.-]+\.zip$")]
    sha256: Digest
    role: Role
    by: Text
    date: Annotated[str, Field(pattern=r"^\d{4}-\d\d-\d\d$")]


class Measured(_Strict):
    """A figure of the suite from the submitter's rows; ``known`` is the worst known, with verified external results."""

    measure: Text
    direction: Direction
    value: float
    ci: tuple[float, float] | None
    n: int
    unit: Literal["query", "target"]
    over: str
    known: float


class External(_Strict):
    """Adversarial documents of somebody else, replayed: how many targets they break that were not broken."""

    by: Text
    link: Address | None = None
    attack: Text
    packed: Packed
    targets: int
    broken: int
    verified: Literal[True] = True


class CertificateShare(_Strict):
    """Certified lists: of how many queries, and at which probability of error."""

    k: int
    radius: int | Literal["all"]
    value: float
    n: int
    alpha: float
    verifiable_without_model: bool


class Entry(_Strict):
    """A system's entry in a suite; ``suite`` is null for a system of which papers report figures, and nothing else."""

    model_config = ConfigDict(
        json_schema_extra={
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "allOf": [
                {
                    "if": {"properties": {"status": {"const": "reported"}}},
                    "then": {"properties": {"reported": {"minItems": 1}, "runs": {"maxItems": 0}}},
                    "else": {
                        "properties": {
                            "suite": {"type": "string"},
                            "suite_sha256": {"type": "string"},
                            "runs": {"minItems": 1},
                            "measured": {"minItems": 1},
                        }
                    },
                }
            ],
        }
    )

    schema_: Annotated[Literal[1], Field(alias="schema")]
    suite: str | None
    suite_sha256: Digest | None
    system: System
    threat: Threat | None
    reported: list[Reported]
    runs: list[Packed]
    measured: list[Measured]
    external: list[External]
    certificates: list[CertificateShare]
    not_run: list[str]
    flags: list[Flag]
    status: Status
    superseded_by: str | None = None
    footnote: str = ""

    @model_validator(mode="after")
    def _check_conditions(self) -> Entry:
        if self.status == "reported":
            if not self.reported or self.runs or self.measured or self.suite:
                raise ValueError("status reported: reported figures alone, without a suite, runs or measured figures")
            return self
        if self.suite is None or self.suite_sha256 is None or self.threat is None or not self.runs or not self.measured:
            raise ValueError(f"status {self.status}: suite, suite_sha256, threat, runs and measured are needed")
        refuse_nameless(self.system)
        return self


def refuse_nameless(system: System) -> None:
    """Refuse a system that nobody else could find again.

    Raises:
        ValueError: A model has neither a revision nor a digest, or there is none where the kind has one.
    """
    model = system.model
    if model is None:
        if system.kind not in _WITHOUT_WEIGHTS:
            raise ValueError(
                f"kind {system.kind}: model is missing; allowed without one: {', '.join(_WITHOUT_WEIGHTS)}"
            )
        return
    if model.revision or model.weights_sha256:
        return
    if model.open_weights:
        raise ValueError("model: open weights need a revision, which is 40 hexadecimal digits, or weights_sha256")
    if system.backend is None or not re.search(r"\d{4}-\d\d", system.backend.version or ""):
        raise ValueError("model: closed weights need backend.version: the endpoint's version of the model, and a date")


def schema() -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of an entry; no level allows further properties."""
    return Entry.model_json_schema(by_alias=True)


def told(error: ValidationError, whole: str = "") -> str:
    """Return what is wrong, a line for each key; ``whole`` is the name of what has no key."""
    return "\n".join(f"{'.'.join(map(str, d['loc'])) or whole}: {d['msg']}" for d in error.errors())


def read_entry(path: Path) -> Entry:
    """Return the entry that a file holds.

    Raises:
        DataError: It is not an entry.
    """
    try:
        return Entry.model_validate_json(path.read_bytes())
    except OSError as error:
        raise DataError(f"cannot be read: {error.strerror}", where=str(path)) from error
    except ValidationError as error:
        raise DataError(told(error, "entry"), where=str(path), hint="docs/leaderboard.md has the schema") from error


def write_entry(path: Path, entry: Entry) -> None:
    """Write an entry: the same entry, the same bytes."""
    write_file(path, json.dumps(entry.model_dump(mode="json", by_alias=True), indent=1, ensure_ascii=False) + "\n")
