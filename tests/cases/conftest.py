"""Small inputs that were once treated wrongly: each is run as a user would, on a copy of its folder."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from robustrank.cli.main import invoke
from tests.result_rows import read_rows

INPUTS = Path(__file__).with_name("inputs")
IN_THIS_PROCESS, IN_A_PROCESS = "0", "1"  # of --workers


@dataclass(frozen=True)
class Said:
    """The exit code of a command and all that it printed."""

    code: int
    text: str

    @property
    def is_refusal(self) -> bool:
        """Whether it is an error message of the program, without a traceback."""
        return 2 <= self.code <= 7 and "error: " in self.text and "Traceback" not in self.text


class Case:
    """A copy of a case's folder, which is the working folder, beside the tiny collection."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder, self._capsys = folder, capsys

    def run(
        self,
        experiment: str = "exp.yaml",
        out: str = "out",
        *,
        report: bool = False,
        workers: str = IN_THIS_PROCESS,
        cache: str = "cache",
    ) -> Said:
        """Run an experiment file of the folder."""
        options = [] if report else ["--no-report"]
        return self.call("run", experiment, "--out", out, "--cache", cache, "--workers", workers, *options)

    def call(self, *arguments: str) -> Said:
        """Run a command."""
        self._capsys.readouterr()
        code = invoke(list(arguments))
        printed = self._capsys.readouterr()
        return Said(code, printed.out + printed.err)

    def rows(self, out: str = "out", **where: Any) -> list[dict[str, Any]]:
        """Return the lines of rows.csv with these values."""
        return [row for row in read_rows(self.folder / out) if where.items() <= row.items()]

    def values(self, measure: str, out: str = "out", **where: Any) -> dict[tuple[str, str], float]:
        """Return (query id, document id) to what was measured."""
        rows = self.rows(out, measure=measure, status="ok", **where)
        return {(row["query_id"], row["doc_id"]): row["value"] for row in rows}

    def scores(self, out: str = "out") -> dict[tuple[str, str], float]:
        """Return (query id, document id) to score, from the lists that the run kept."""
        scores = {}
        for path in sorted((self.folder / out).glob("cells/*/runs/*.trec")):
            for line in path.read_text(encoding="utf-8").splitlines():
                query_id, _, doc_id, _, score, _ = line.split()
                scores[query_id, doc_id] = float(score)
        return scores

    def adversarial(self, out: str = "out") -> list[list[dict[str, Any]]]:
        """Return the attacked documents of each cell."""
        files = sorted((self.folder / out).glob("cells/*/adversarial.jsonl"))
        return [[json.loads(line) for line in file.read_bytes().splitlines()] for file in files]

    def replace(self, name: str, old: str, new: str) -> None:
        """Edit a file of the folder."""
        path = self.folder / name
        text = path.read_text(encoding="utf-8")
        assert old in text
        path.write_text(text.replace(old, new), encoding="utf-8")


@pytest.fixture
def case(tmp_path, monkeypatch, capsys) -> Callable[[str], Case]:
    """Copies a case's folder and goes there."""

    def copied(name: str) -> Case:
        shutil.copytree(INPUTS / "tiny", tmp_path / "tiny", dirs_exist_ok=True)
        shutil.copytree(INPUTS / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
        monkeypatch.chdir(tmp_path / name)
        monkeypatch.setenv("COLUMNS", "1000")
        return Case(tmp_path / name, capsys)

    return copied
