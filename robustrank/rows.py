"""The one schema of everything robustrank measures: long format, a row is one measured fact."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Literal, get_args

Status = Literal[
    "ok",  # measured; value is a number
    "skipped",  # does not apply here, the note says why; value is missing
    "failed",  # measured and undefined (a drop rate from zero, a document the attack could not edit)
    "budget_exhausted",  # the attack spent its budget; the value is that of the best text it had
    "error",  # the plug-in broke; the note says how; the cell is tried again on resume
]
STATUSES: tuple[str, ...] = get_args(Status)


@dataclass(frozen=True, slots=True)
class Row:
    """One measured fact. Empty strings mean "not about one": a missing value is None, never zero."""

    task: str  # the task's specification, as "document-attack:targets=easy-5"
    collection: str  # the collection's label
    ranker: str  # the ranker's label
    family: str  # the ranker's family: traditional, learned, neural, pretrained, ...
    defense: str  # the defense's label; "none" is the undefended ranker
    attack: str  # the attack's label; "" where the task attacks nothing
    seed: int  # the run seed of the cell
    query_id: str  # "" for a fact about the whole query set
    doc_id: str  # the attacked document; "" for a fact about a query
    measure: str  # what was measured: "nDCG@10", "success", ...
    value: float | None  # None unless something was measured
    status: Status = "ok"
    note: str = ""  # why the value is missing, or a fact about it

    def as_dict(self) -> dict[str, object]:
        """Return the row as a plain dict, columns in schema order."""
        return asdict(self)


COLUMNS: tuple[str, ...] = tuple(field.name for field in fields(Row))
