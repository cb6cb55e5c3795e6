from __future__ import annotations

from pathlib import Path

import pytest

from robustrank import Collection
from tests.tiny_collection import DOCUMENTS, QUERIES, RELEVANT


@pytest.fixture(scope="session")
def tiny() -> Collection:
    """The tiny collection, in memory."""
    qrels = {q: {d: int(d in RELEVANT[q]) for d in DOCUMENTS} for q in QUERIES}
    return Collection("tiny", QUERIES, DOCUMENTS, qrels, {q: list(DOCUMENTS) for q in QUERIES})


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")
