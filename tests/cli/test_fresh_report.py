"""A run with nothing left to do leaves its report, unless the results, the report or its code have changed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from robustrank.cli.main import invoke
from robustrank.report import freshness

EXPERIMENT = "name: fresh\ncollections: [lee]\nrankers: [bm25]\ntasks: [iid-variance]\n"
OPTIONS = ("run", "e.yaml", "--out", "out", "--cache", "cache", "--workers", "0", "--quiet")
HEAVY = ("pandas", "matplotlib", "torch", "transformers")


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """A folder in which the experiment was run."""
    folder: Path = tmp_path_factory.mktemp("fresh")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        Path("e.yaml").write_text(EXPERIMENT)
        assert invoke(list(OPTIONS)) == 0
    return folder


@pytest.fixture
def again(folder, monkeypatch):
    """Runs the experiment again; returns whether the report was made again."""
    monkeypatch.chdir(folder)
    page = folder / "out" / "report" / "report.md"

    def call(*options: str) -> bool:
        before = page.stat().st_mtime_ns if page.exists() else 0
        assert invoke([*OPTIONS, *options]) == 0
        return page.stat().st_mtime_ns != before

    call()  # fresh, whatever an earlier test has changed
    return call


def test_nothing_is_made_again_where_nothing_changed(again) -> None:
    assert not again()


@pytest.mark.parametrize("name", ["report.md", "tables/summary.csv"])
def test_a_report_that_was_changed_is_made_again(again, folder, name) -> None:
    (folder / "out" / "report" / name).write_text("mine")
    assert again()
    assert not again()


def test_a_report_that_is_gone_is_made_again(again, folder) -> None:
    (folder / "out" / "report" / "report.md").unlink()
    assert again()


def test_another_title_or_label_is_reported(again, folder) -> None:
    assert again("--set", "name=other")
    (folder / "e.yaml").write_text(EXPERIMENT.replace("[bm25]", "[{name: bm25, label: Okapi}]"))
    assert again()
    assert "Okapi" in (folder / "out" / "report" / "report.md").read_text()
    (folder / "e.yaml").write_text(EXPERIMENT)


def test_new_code_is_used(again, monkeypatch) -> None:
    monkeypatch.setattr(freshness, "_sources", lambda: ["changed"])
    assert again()


def test_gates_are_judged_each_time(again) -> None:
    assert again("--fail-if", "nDCG@10<0.01")


@pytest.mark.usefixtures("again")
def test_nothing_heavy_is_imported() -> None:
    code = (
        f"import sys; from robustrank.cli.main import invoke; invoke({list(OPTIONS)}); "
        f"print([name for name in {HEAVY} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
