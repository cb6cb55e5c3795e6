"""``robustrank show``: what an attack changed, at 80 columns, in colour or in brackets; nothing moves a cursor."""

from __future__ import annotations

import json
import re

import pytest

from robustrank.cli.difference import difference, segments
from robustrank.cli.main import invoke
from robustrank.records import Edit, apply_edits

EXPERIMENT = """
name: t
collections: [{name: beir, folder: data, label: small}]
rankers: [bm25, {name: query-likelihood, label: ql}]
attacks: [keyword-stuffing, character-typos]
tasks:
  - {name: query-attack, variants: 1}
  - {name: document-attack, targets: [last-1]}
"""
HOSTILE = "rye loaf\\u001b[2J and \\u202e fine [red]flour[/red] of the old mill by the river\\nnext line"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A finished run on documents with control characters and markup in them."""
    path = tmp_path_factory.mktemp("show")
    (path / "data" / "qrels").mkdir(parents=True)
    texts = {"d1": "wheat bread of the city", "d9": HOSTILE, "d3": "a stone bridge over warm water"}
    lines = [f'{{"_id": "{key}", "title": "", "text": "{text}"}}\n' for key, text in texts.items()]
    (path / "data" / "corpus.jsonl").write_text("".join(lines))
    queries = ['{"_id": "q1", "text": "wheat bread city"}\n', '{"_id": "q2", "text": "stone bridge"}\n']
    (path / "data" / "queries.jsonl").write_text("".join(queries))
    (path / "data" / "qrels" / "test.tsv").write_text("query-id\tcorpus-id\tscore\nq1\td1\t1\nq2\td3\t1\n")
    (path / "e.yaml").write_text(EXPERIMENT.replace("folder: data", f"folder: {path / 'data'}"))
    options = ["--out", str(path / "out"), "--cache", str(path / "cache"), "--workers", "0", "--no-report", "--quiet"]
    assert invoke(["run", str(path / "e.yaml"), *options]) == 0
    return path / "out"


@pytest.fixture
def show(folder, capsys, monkeypatch):
    for name in ("COLUMNS", "FORCE_COLOR", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)

    def call(*options: str) -> tuple[int, str]:
        code = invoke(["show", str(folder), *options])
        printed = capsys.readouterr()
        return code, printed.out + printed.err

    return call


def test_a_pipe_has_the_edit_in_brackets_at_80_columns_and_no_control_characters(show):
    code, out = show("--attack", "keyword-stuffing", "--ranker", "bm25", "--query", "q1", "--whole")
    assert code == 0
    assert max(map(len, out.splitlines())) <= 80
    assert re.search(r"document d9: \w+, rank 3 → \d, score \S+ → \S+, 1 edit", " ".join(out.split()))
    assert "{+wheat bread city +}" in out
    assert r"\x1b[2J and \u202e fine [red]flour[/red]" in " ".join(out.split())
    assert " ↵ next line" in " ".join(out.split())
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f\u202e]", out)


def test_a_terminal_has_colours_unless_they_are_unwanted(show, monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    _, out = show("--attack", "keyword-stuffing", "--worst", "1")
    assert re.search(r"\x1b\[1;32m(wheat|stone) ", out)
    assert "{+" not in out
    monkeypatch.setenv("NO_COLOR", "1")
    assert "{+" in show("--attack", "keyword-stuffing", "--worst", "1")[1]


def test_texts_are_filtered_and_the_largest_boost_is_first(show):
    _, out = show("--json", "--worst", "100")
    every = json.loads(out)
    assert every["count"] == len(every["texts"]) == 4 + 4
    assert {text["outcome"] for text in every["texts"]} <= {"success", "failure", "unedited", "edited"}
    _, out = show("--json", "--worst", "100", "--attack", "keyword-stuffing", "--ranker", "ql", "--outcome", "success")
    chosen = json.loads(out)["texts"]
    assert chosen
    assert {(text["attack"], text["ranker"], text["outcome"]) for text in chosen} == {
        ("keyword-stuffing", "ql", "success")
    }
    boosts = [next(m["value"] for m in text["metrics"] if m["measure"] == "boost") for text in chosen]
    assert boosts == sorted(boosts, reverse=True)
    assert all(apply_edits(t["before"], tuple(Edit(**e) for e in t["edits"])) == t["after"] for t in every["texts"])


def test_a_query_has_its_measures_by_ranker_attack_and_condition(show):
    code, out = show("--query", "q1", "--worst", "0")
    assert code == 0
    head, *lines = out.splitlines()
    assert head.split() == ["query", "q1:", "nDCG@10", "clean", "attacked", "worst"]
    assert any(re.match(r"small · bm25 · character-typos +1\.000 +\d\.\d{3} +\d\.\d{3}", line) for line in lines), lines
    assert any(re.match(r"small · ql · keyword-stuffing +1\.000 +\d\.\d{3} +–", line) for line in lines), lines
    _, out = show("--query", "q1", "--json")
    measures = json.loads(out)["measures"]
    assert {"ranker", "attack", "measure", "condition", "value", "n"} <= set(measures[0])


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--attack", "keyword-stuffin"], "did you mean 'keyword-stuffing'"),
        (["--query", "q7"], "allowed: q1, q2"),
        (["--query", "q1", "--measure", "nDCG@1"], "'nDCG@1' was not measured"),
        (["--ranker", "ql", "--attack", "character-typos", "--outcome", "success"], "no attacked text is like that"),
    ],
)
def test_what_is_not_there_is_refused_with_what_is(show, options, says):
    code, out = show(*options)
    assert code == 2
    assert says in out


def test_a_folder_that_is_no_run_is_refused(tmp_path, capsys):
    assert invoke(["show", str(tmp_path)]) == 4
    assert "is this a run folder?" in capsys.readouterr().err


def test_the_segments_are_the_two_texts():
    before = "the old mill by the river"
    edits = (Edit(4, 12, "new mill"), Edit(25, 25, " today"))
    parts = segments(before, edits)
    assert ("deleted", "old") in parts
    assert ("inserted", "new") in parts
    assert "".join(text for kind, text in parts if kind != "inserted") == before
    assert "".join(text for kind, text in parts if kind != "deleted") == apply_edits(before, edits)


def test_what_is_far_from_an_edit_is_counted():
    before = "x" * 1000
    shown = difference(before, (Edit(500, 501, "y"),), colour=False).plain
    assert shown == f" … 440 characters … {'x' * 60}[-x-]{{+y+}}{'x' * 60} … 439 characters … "
    assert difference(before, (), colour=False).plain == f"{'x' * 120} … 880 characters … "
