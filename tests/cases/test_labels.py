"""A label is what is printed, as it stands, and nothing else; figures side by side are about the same targets."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest


def tables(run: Path) -> dict[str, list[dict[str, str]]]:
    """Return the lines of each table of a report."""
    return {
        path.name: list(csv.DictReader(path.read_text(encoding="utf-8").splitlines()))
        for path in sorted(run.glob("report/tables/*.csv"))
    }


def test_a_label_on_a_task_leaves_its_tables(case):
    run = case("27-label-on-a-task")
    for name in ("plain", "labelled"):
        assert run.run(f"{name}.yaml", name, report=True).code == 0
    plain, labelled = tables(run.folder / "plain"), tables(run.folder / "labelled")
    assert {"iid-variance.csv", "summary.csv"} <= plain.keys()
    assert labelled == plain


@pytest.mark.slow
def test_a_label_on_no_defense_leaves_the_comparison_with_it(case):
    run = case("28-label-on-no-defense")
    for name in ("plain", "labelled"):
        assert run.run(f"{name}.yaml", name, report=True).code == 0
    plain, labelled = tables(run.folder / "plain"), tables(run.folder / "labelled")
    assert any(line["p_undefended"] for line in plain["document-attack.csv"])
    renamed = {
        name: [{**line, "defense": "bare" if line.get("defense") == "none" else line.get("defense")} for line in lines]
        for name, lines in plain.items()
    }
    assert labelled.keys() == plain.keys()
    assert [line | {"defense": line.get("defense")} for line in labelled["document-attack.csv"]] == renamed[
        "document-attack.csv"
    ]


def test_a_line_of_a_table_is_about_the_same_targets(case):
    run = case("29-one-denominator-a-table")
    assert run.run(report=True).code == 0
    lines = {line["column"]: line for line in tables(run.folder / "out")["document-attack.csv"]}
    attack, baseline, difference = (
        lines[column] for column in ("ASR", "ASR of the random-edit baseline", "ASR - baseline")
    )
    assert 0 < float(lines["edited targets"]["estimate"]) < 15
    assert {line["n"] for line in (attack, baseline, difference)} == {"15"}
    expected = float(attack["estimate"]) - float(baseline["estimate"])
    assert float(difference["estimate"]) == pytest.approx(expected)
    assert expected > 0


def test_markup_in_a_label_is_printed_as_it_stands(case):
    run = case("36-markup-in-a-label")
    said = run.run(report=True)
    assert said.code == 0
    assert "ours [/v2]" in said.text
    assert "[bold]lm" in said.text


@pytest.mark.parametrize("is_terminal", [False, True])
def test_control_characters_of_a_label_reach_no_terminal(case, is_terminal, monkeypatch):
    if is_terminal:
        monkeypatch.setenv("FORCE_COLOR", "1")
        monkeypatch.setenv("TERM", "xterm-256color")
    said = case("37-escape-in-a-label").run(report=True)
    assert said.code == 0
    assert ("\x1b[" in said.text) is is_terminal
    assert "TITLE" in said.text
    assert "\x1b]0;" not in said.text
    assert "\x1b[2J" not in said.text
    assert "\a" not in said.text
