"""What a plug-in does wrong is told as its own error, and is in nobody else's rows."""

from __future__ import annotations

import io


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
