"""summary.json: the figures of the headline tables for programs, and whether the run kept its gates."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import Any

from robustrank.analysis.catalogue import Catalogue
from robustrank.analysis.gates import Outcome
from robustrank.analysis.load import LoadedRun
from robustrank.analysis.records import records

SCHEMA = 1


def summary_json(catalogue: Catalogue, run: LoadedRun, gates: Sequence[Outcome]) -> str:
    """Return summary.json: counts of cells, every figure of the headline tables, and the outcomes of the gates."""
    return json.dumps(summary_of(catalogue, run, gates), indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def summary_of(catalogue: Catalogue, run: LoadedRun, gates: Sequence[Outcome]) -> dict[str, Any]:
    """Return the content of summary.json."""
    provenance = run.folder / "provenance.json"
    digest = hashlib.sha256(provenance.read_bytes()).hexdigest() if provenance.exists() else None
    figures = [record for table in catalogue.whole_tables if table.headline for record in records(table)]
    return {
        "schema": SCHEMA,
        "provenance_sha256": digest,
        "cells": dict(sorted(run.statuses.items())),
        "figures": figures,
        "gates": [
            {"gate": outcome.gate, "kept": not outcome.breaches, "breaches": list(outcome.breaches)}
            for outcome in gates
        ],
    }
