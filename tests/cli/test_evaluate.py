"""``robustrank evaluate``: a run without a file is the run of its file."""

from __future__ import annotations

import pytest
import yaml

from robustrank.cli.main import invoke


@pytest.mark.slow
def test_the_file_of_an_evaluation_is_the_same_run(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ROBUSTRANK_CACHE", str(tmp_path / "cache"))
    options = ["--collection", "lee", "--attack", "keyword-stuffing", "--task", "document-attack:targets=11-20"]
    assert invoke(["evaluate", "bm25", "query-likelihood", *options, "--limit", "2"]) == 0
    out = capsys.readouterr().out
    assert "bm25" in out
    folder = tmp_path / "runs" / "evaluation"
    written = yaml.safe_load((folder / "experiment.yaml").read_text())
    assert written["tasks"][0]["queries"] == 2
    rows = (folder / "rows.csv").read_bytes()
    assert invoke(["run", str(folder / "experiment.yaml"), "--out", "again", "--no-report"]) == 0
    assert (tmp_path / "again" / "rows.csv").read_bytes() == rows


def test_what_is_unknown_and_a_limit_that_a_task_lacks_are_refused(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    options = ["--collection", "lee", "--out", "out", "--cache", "cache"]
    for arguments, says in (
        (["bm26"], "did you mean 'bm25'"),
        (["bm25", "--task", "imitation", "--limit", "3"], "does not measure the first queries"),
        (["bm25", "--limit", "0"], "0 is not in the range"),
        (["bm25", "--attack", "keyword-stuffin", "--task", "document-attack"], "keyword-stuffing"),
    ):
        assert invoke(["evaluate", *arguments, *options, "--workers", "0"]) == 2
        assert says in "".join(capsys.readouterr())
