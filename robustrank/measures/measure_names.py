"""The names of effectiveness measures, in the field's form: ``nDCG@10``, ``AP``, ``AP(rel=2)@100``."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass

from robustrank.errors import ExperimentError

GRADED = ("nDCG",)
BINARY = ("AP", "MAP", "RR", "MRR", "P", "R", "Success", "Rprec")
_NEEDS_CUTOFF = ("P", "R", "Success")  # without a cutoff they depend on the list length alone
_FORM = re.compile(r"(?P<kind>[A-Za-z]+)(?:\(rel=(?P<relevance>[1-9]\d{0,8})\))?(?:@(?P<cutoff>[1-9]\d{0,8}))?")
_SPELLINGS = {kind.lower(): kind for kind in (*GRADED, *BINARY)} | {
    "hit": "Success",
    "hits": "Success",
    "hit_rate": "Success",
    "precision": "P",
    "r-precision": "Rprec",
    "recall": "R",
    "recip_rank": "RR",
}
_ALLOWED = (
    f"{', '.join((*GRADED, *BINARY))}; cut as in nDCG@10; "
    "binary measures with a minimum relevant gain as in AP(rel=2)@100"
)


@dataclass(frozen=True, slots=True)
class Measure:
    """A measure by name.

    Attributes:
        name: As given, and as in rows.
        kind: A member of ``GRADED`` or ``BINARY``.
        cutoff: The depth k; 0 is the whole list.
        relevance: The minimum gain that counts as relevant, for binary measures; 1 for graded measures.
    """

    name: str
    kind: str
    cutoff: int
    relevance: int


def is_measure(name: str) -> bool:
    """Return whether a name is that of an effectiveness measure, whose values are from 0 to 1."""
    match = _FORM.fullmatch(name)
    return match is not None and match["kind"] in (*GRADED, *BINARY)


def parse_measure(name: str) -> Measure:
    """Return the measure ``name``.

    Names are those of ir_measures: ``nDCG``, ``AP`` (or ``MAP``), ``RR`` (or ``MRR``), ``P``, ``R``,
    ``Success`` and ``Rprec``, with ``@k`` for a cutoff and ``(rel=N)`` for the minimum gain that counts as
    relevant: TREC Deep Learning takes 2 for its binary measures.

    Raises:
        ExperimentError: Unknown measure, or a cutoff or relevance that the measure does not have.
    """
    match = _FORM.fullmatch(name)
    if match is None or not is_measure(name):
        raise ExperimentError(f"{name!r} is not a measure", allowed=_ALLOWED, hint=_suggestion(name))
    kind = match["kind"]
    if kind in GRADED and match["relevance"]:
        raise ExperimentError(f"{name!r}: {kind} uses graded gains and has no minimum gain", allowed=_ALLOWED)
    if kind in _NEEDS_CUTOFF and not match["cutoff"]:
        raise ExperimentError(f"{name!r} has no cutoff", allowed=f"{name}@10, {name}@100, …")
    if kind == "Rprec" and match["cutoff"]:
        raise ExperimentError(f"{name!r}: Rprec is cut at the number of relevant documents", allowed="Rprec")
    return Measure(name, kind, int(match["cutoff"] or 0), int(match["relevance"] or 1))


def _suggestion(name: str) -> str | None:
    """Return the hint for a name in a different spelling, as trec_eval's ``ndcg_cut_10`` or ranx's ``mrr@10``."""
    base, _, cutoff = re.sub(r"_(?:cut_)?(?=\d+$)", "@", name).partition("@")
    close = difflib.get_close_matches(base.lower(), _SPELLINGS, n=1, cutoff=0.5)
    suggestion = _SPELLINGS[close[0]] + (f"@{cutoff}" if cutoff else "") if close else name
    return f"did you mean {suggestion!r}?" if suggestion != name else None
