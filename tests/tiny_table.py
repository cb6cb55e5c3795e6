"""A substitution table for the few texts of tests; that of the encoder takes seconds to compute."""

from __future__ import annotations

import tempfile
from functools import cache
from pathlib import Path

from robustrank.text.table import symmetric

NEIGHBOURS = {
    "quick": ["fast", "rapid"],
    "river": ["stream", "lake"],
    "bank": ["shore"],
    "aircraft": ["plane", "airplane"],
    "wings": ["wing"],
    "pressure": ["force"],
    "lower": ["smaller"],
    "capital": ["city"],
    "budget": ["spending"],
    "economy": ["trade"],
    "effect": ["impact", "influence"],
    "flow": ["stream", "current"],
    "slender": ["thin"],
    "bodies": ["shapes"],
}


@cache
def tiny_table() -> str:
    """Return the table's file; it goes when the process ends."""
    path = Path(_temporary().name) / "table.txt"
    symmetric(NEIGHBOURS, {}).save(path)
    return str(path)


@cache
def _temporary() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="robustrank-tiny-table-")
