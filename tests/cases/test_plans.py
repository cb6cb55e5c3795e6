"""A plan that repeats itself or measures nothing is refused, with the entry that is to blame."""

from __future__ import annotations

import pytest


@pytest.mark.parametrize(
    ("name", "says"),
    [("tasks", ("tasks", "iid-variance")), ("seeds", ("seeds", "0")), ("keys", ("rankers",))],
)
def test_what_is_written_twice_is_refused(case, name, says):
    refusal = case("41-duplicates").run(f"{name}.yaml", name)
    assert refusal.is_refusal, refusal.text
    assert refusal.code == 3
    assert all(part in refusal.text for part in says)


@pytest.mark.parametrize("name", ["none", "only", "sweep"])
def test_a_plan_without_cells_is_refused(case, name):
    refusal = case("49-empty-plan").run(f"{name}.yaml", name)
    assert refusal.is_refusal, refusal.text
    assert "no cells" in refusal.text


def test_an_attack_that_no_task_takes_is_refused(case):
    refusal = case("49-empty-plan").run("unused.yaml")
    assert refusal.is_refusal, refusal.text
    assert "no task takes 'word-substitution'" in refusal.text


def test_a_skipped_cell_prints_its_reason(case):
    run = case("49-empty-plan")
    said = run.run("skipped.yaml")
    assert {row["status"] for row in run.rows()} == {"skipped"}
    assert "skipped" in said.text
    assert "gradients" in said.text


def test_an_attack_without_a_target_is_skipped_at_planning(case):
    """Ranks 51 to 60 of lists of eight documents: nothing is measured, and both the dry run and the run say so."""
    run = case("49-empty-plan")
    run.replace("skipped.yaml", "hotflip", "keyword-stuffing")
    run.replace("skipped.yaml", "targets: [last-1]", "targets: [51-60]")
    said = run.run("skipped.yaml")
    assert said.code == 7, said.text
    assert "no list has targets 51-60: the longest holds 8 documents" in " ".join(said.text.split())
    assert {row["status"] for row in run.rows()} == {"skipped"}
