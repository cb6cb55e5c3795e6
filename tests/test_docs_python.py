"""The examples of docs/python.md run as they are written, one after the other."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import robustrank

PAGE = Path(__file__).parents[1] / "docs" / "python.md"

pytest.importorskip("gensim")


@pytest.mark.slow
def test_the_examples_of_the_page_run_as_written(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ROBUSTRANK_CACHE", str(tmp_path / "cache"))
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert len(blocks) == 5
    names: dict[str, object] = {"__name__": "example"}
    for number, block in enumerate(blocks):
        exec(compile(block, f"{PAGE.name}, block {number}", "exec"), names)
    assert "overlap" in capsys.readouterr().out
    assert (tmp_path / "runs" / "mine" / "rows.csv").exists()


def test_the_page_names_all_that_is_exported():
    text = PAGE.read_text(encoding="utf-8")
    assert [name for name in robustrank.__all__ if not re.search(rf"\b{name}\b", text)] == []
