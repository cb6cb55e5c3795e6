"""What all tests share: a home for ir_datasets, which reads its name only once, and what a small run would wait for."""

from __future__ import annotations

import gc
import os
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from robustrank.report.chart import Chart
from robustrank.report.drawing import Drawing, pictures_of
from tests.shared_data import shared_data

gc.set_threshold(20_000)  # else an eighth of the time of importing torch and transformers goes into garbage


@pytest.fixture(scope="session", autouse=True)
def _empty_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    home = tmp_path_factory.mktemp("ir_datasets")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("IR_DATASETS_HOME", str(home))
        yield home


class _DrawnHere:
    """Draws charts in this process, which loads matplotlib once; a process of its own for each report loads it anew."""

    def __enter__(self) -> _DrawnHere:
        return self

    def __exit__(self, *_: object) -> None: ...

    def start(self, charts: Sequence[Chart]) -> None:
        self._charts = charts

    def pictures(self) -> list[dict[str, bytes]]:
        return pictures_of(self._charts)


@pytest.fixture(scope="session", autouse=True)
def _quick_runs() -> Iterator[None]:
    """Draw charts in the process of the tests, and wait for no disk: a test that is about either undoes it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Drawing, "__new__", lambda _: _DrawnHere())
        patch.setattr(os, "fsync", lambda _: None)
        yield


@pytest.fixture
def drawing_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Draw charts in a second process, as outside of the tests."""
    monkeypatch.delattr(Drawing, "__new__")


@pytest.fixture(scope="session")
def ir_datasets_home(_empty_home: Path) -> Path:
    """A home with the shared collections; a copy, since ir_datasets writes into it."""
    shutil.copytree(shared_data("ir_datasets_home"), _empty_home, dirs_exist_ok=True)
    return _empty_home
