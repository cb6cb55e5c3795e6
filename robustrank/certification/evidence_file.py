"""evidence.jsonl of a cell: the substitution table and the scores of copies that its certificates come from."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from robustrank.certification.origin import Samples
from robustrank.certification.recomputation import Known
from robustrank.errors import DataError
from robustrank.json_lines import read_lines
from robustrank.text.table import SubstitutionTable


def table_record(table: SubstitutionTable) -> dict[str, Any]:
    """Return the record of a table."""
    return {"table": {key: list(substitutes) for key, substitutes in sorted(table.neighbours.items())}}


def score_records(query_id: str, scores: Mapping[str, Samples]) -> Iterator[dict[str, Any]]:
    """Yield the record of each document of a list: the scores of its copies as base64 of little-endian float32."""
    for doc_id, values in scores.items():
        packed = base64.b64encode(values.astype("<f4").tobytes()).decode("ascii")
        yield {"query_id": query_id, "doc_id": doc_id, "scores": packed}


def read_evidence(path: Path) -> Known:
    """Read what :func:`table_record` and :func:`score_records` wrote.

    Raises:
        DataError: A record is not valid.
    """
    known, scores = Known(), {}
    for where, record in read_lines(path):
        try:
            if set(record) == {"table"}:
                known.table = SubstitutionTable({key: tuple(values) for key, values in record["table"].items()})
                continue
            values = np.frombuffer(base64.b64decode(record["scores"], validate=True), dtype="<f4")
            scores[str(record["query_id"]), str(record["doc_id"])] = values
        except (KeyError, TypeError, AttributeError, ValueError, binascii.Error) as error:
            raise DataError(f"not valid evidence: {error}", where=where) from error
    known.scores = scores
    return known
