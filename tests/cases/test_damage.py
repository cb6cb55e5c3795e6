"""A finished cell or trained weights that are not as they were left are never believed."""

from __future__ import annotations

import shutil

import pytest

from tests.damages import fill_with_garbage, zero, zero_second_half


def emptied(path):
    path.write_bytes(b"")


def cut_at_a_line_end(path):
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:3]))


def cut_within_a_line(path):
    path.write_bytes(path.read_bytes()[:-20])


def one_digit_changed(path):
    text = path.read_bytes()
    changed = text.replace(b'"value": 1.0', b'"value": 0.9', 1)
    assert changed != text
    path.write_bytes(changed)


def deleted(path):
    path.unlink()


def test_damaged_rows_are_measured_again(case):
    run = case("33-damaged-rows")
    assert run.run().code == 0
    before = run.rows()
    for damage in (emptied, cut_at_a_line_end, cut_within_a_line, one_digit_changed, deleted):
        damage(next(run.folder.glob("out/cells/*/rows.jsonl")))
        again = run.run()
        assert again.code == 0, damage
        assert "rows.jsonl" in again.text, damage
        assert run.rows() == before, damage


def test_a_damaged_record_of_a_cell_is_written_again(case):
    run = case("34-damaged-cell-record")
    assert run.run().code == 0
    before = run.rows()
    for damage in (emptied, cut_within_a_line, zero, fill_with_garbage):
        damage(next(run.folder.glob("out/cells/*/cell.json")))
        again = run.run()
        assert again.code == 0, damage
        assert "cell.json" in again.text, damage
        assert run.rows() == before, damage
    assert "1 cell: 0 to do" in run.run().text


@pytest.mark.slow
def test_zeroed_weights_are_trained_again(case):
    run = case("35-zeroed-weights")
    assert run.run(out="one").code == 0
    shutil.rmtree(run.folder / "cache" / "scores")
    weights = list(run.folder.glob("cache/**/*.safetensors"))
    assert len(weights) == 3
    for file in weights:
        zero_second_half(file)
    said = run.run(out="two")
    assert said.code == 0
    assert said.text.count("trained again") >= 3
    assert run.scores("two") == run.scores("one")


def test_a_file_that_is_no_cell_is_left_alone(case):
    run = case("48-stray-file-among-cells")
    assert run.run().code == 0
    before, stray = run.rows(), run.folder / "out" / "cells" / ".DS_Store"
    stray.write_bytes(b"of a file browser")
    again = run.run()
    assert again.code == 0, again.text
    assert "0 to do" in again.text
    assert run.rows() == before
    assert stray.read_bytes() == b"of a file browser"
