"""A home for ir_datasets that belongs to the tests, whichever test imports it first: it reads its name only once."""

from __future__ import annotations

import gc
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.shared_data import shared_data

gc.set_threshold(20_000)  # else an eighth of the time of importing torch and transformers goes into garbage


@pytest.fixture(scope="session", autouse=True)
def _empty_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    home = tmp_path_factory.mktemp("ir_datasets")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("IR_DATASETS_HOME", str(home))
        yield home


@pytest.fixture(scope="session")
def ir_datasets_home(_empty_home: Path) -> Path:
    """A home with the shared collections; a copy, since ir_datasets writes into it."""
    shutil.copytree(shared_data("ir_datasets_home"), _empty_home, dirs_exist_ok=True)
    return _empty_home
