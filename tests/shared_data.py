"""Finds the real test collections, which live beside the project and never inside it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

DEFAULT = Path(__file__).resolve().parents[1].parent / "shared" / "data"


def shared_data(*parts: str) -> Path:
    """Return a path inside the shared test data, or skip the test with the reason."""
    path = Path(os.environ.get("ROBUSTRANK_TEST_DATA", DEFAULT)).joinpath(*parts)
    if not path.exists():
        pytest.skip(f"{path} is not here; set ROBUSTRANK_TEST_DATA to the folder of test collections")
    return path
