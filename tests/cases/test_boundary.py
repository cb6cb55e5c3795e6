"""What a plug-in does wrong is told as its own error, and is in nobody else's rows."""

from __future__ import annotations

import io

import pytest

from .conftest import IN_A_PROCESS


def test_targets_do_not_share_what_an_attack_keeps_on_itself(case):
    attack = case("25-attack-with-state-on-self")
    said = attack.run()
    assert said.code == 0, said.text
    in_turns, one_after_another = attack.adversarial()
    assert [line["after"] for line in in_turns] == [line["after"] for line in one_after_another]
    assert len(in_turns) == 18


@pytest.mark.slow
def test_an_attack_that_leaves_the_interpreter_fails_its_own_cells(case):
    attack = case("30-exit-in-a-run")
    said = attack.run(workers=IN_A_PROCESS)
    assert said.code == 5
    errors = attack.rows(status="error")
    assert {row["task"] for row in errors} == {'document-attack:targets=["last-2"]'}
    assert len(errors) == 2
    assert all("sys.exit(0)" in row["note"] for row in errors)
    measured = attack.rows(task="iid-variance", measure="nDCG@10", status="ok")
    assert {row["ranker"] for row in measured} == {"bm25", "query-likelihood"}


def test_a_file_that_leaves_the_interpreter_is_refused(case):
    refusal = case("31-exit-at-import").run()
    assert refusal.is_refusal, refusal.text
    assert refusal.code == 5
    assert "leaves_at_import.py" in refusal.text
    assert "left the interpreter" in refusal.text


def test_code_in_a_model_folder_is_never_run(case, monkeypatch):
    model = case("32-code-in-a-model-folder")
    (model.folder / "model" / "model.safetensors").write_bytes(b"")  # it gets no further than the configuration
    answers = io.StringIO("y\n" * 20)
    monkeypatch.setattr("sys.stdin", answers)
    refusal = model.run()
    assert (model.folder / "RAN").exists() is False
    assert answers.tell() == 0, "it asked"
    assert refusal.is_refusal, refusal.text
    assert "auto_map" in refusal.text


def test_an_attack_that_writes_into_the_collection_changes_no_row_of_another(case):
    attack = case("38-prepare-changes-the-collection")
    said = attack.run()
    assert attack.run("alone.yaml", "alone", cache="another").code == 0
    alone = attack.rows("alone", attack="random-trigger")
    assert len(alone) > 50
    assert attack.rows(attack="random-trigger") == alone
    assert said.code == 5
    (error,) = attack.rows(attack="./overwrites.py")
    assert error["status"] == "error"


def test_edits_that_do_not_make_the_text_are_an_error(case):
    attack = case("39-edits-that-do-not-give-the-text")
    said = attack.run()
    assert said.code == 5
    for label in ("another text", "outside"):
        rows = attack.rows(attack=label)
        assert [row for row in rows if row["measure"] == "success" and row["status"] == "ok"] == []
        assert any(row["status"] == "error" and "edit" in row["note"] for row in rows)
