"""What is written is there whole or not at all, and what is read is what was written."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from robustrank.errors import DataError
from robustrank.json_lines import read_lines, write_lines
from robustrank.run_files import cell_folders, read_run_file, refuse_damaged_file
from robustrank.storage import find_damage, new_file, remove_unfinished, seal, set_aside, write_file, write_folder
from tests.damages import DAMAGES

KEY = "0123456789abcdef01234567"


def fill(folder: Path) -> None:
    (folder / "runs").mkdir()
    (folder / "rows.jsonl").write_text("rows\n" * 9)
    (folder / "runs" / "a.trec").write_text("run\n" * 9)


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("name", ["rows.jsonl", "runs/a.trec", "manifest.json"])
def test_a_damaged_file_is_named(tmp_path, name, damage):
    write_folder(tmp_path / "cell", fill)
    assert find_damage(tmp_path / "cell") is None
    DAMAGES[damage](tmp_path / "cell" / name)
    damage_seen = find_damage(tmp_path / "cell")
    assert damage_seen is not None
    assert damage_seen.path == tmp_path / "cell" / name


@pytest.mark.parametrize(
    "text",
    ["[]", "{}", '{"schema": 1}', '{"schema": 2, "files": {}}', '{"schema": 1, "files": {"rows.jsonl": 3}}', "["],
)
def test_what_is_no_manifest_is_damage(tmp_path, text):
    write_folder(tmp_path / "cell", fill)
    (tmp_path / "cell" / "manifest.json").write_text(text)
    assert find_damage(tmp_path / "cell") is not None


def test_a_file_that_the_manifest_does_not_name_is_left_alone(tmp_path):
    write_folder(tmp_path / "cell", fill)
    (tmp_path / "cell" / ".DS_Store").write_text("a file browser")
    assert find_damage(tmp_path / "cell") is None
    assert find_damage(tmp_path / "cell", ".DS_Store") is not None


def test_everything_is_synced_before_the_folder_gets_its_name(tmp_path, monkeypatch):
    synced, renamed = [], []
    monkeypatch.setattr(os, "fsync", lambda handle: synced.append(Path(f"/proc/self/fd/{handle}").readlink().name))
    real = os.replace

    def replace(source, target):
        renamed.append((Path(target).name, set(synced)))
        real(source, target)

    monkeypatch.setattr(os, "replace", replace)
    write_folder(tmp_path / "cell", fill)
    name, before = renamed[-1]
    assert name == "cell"
    assert {"rows.jsonl", "a.trec", "runs", "new"} <= before
    assert any(name.startswith(".manifest.json") for name in before)
    assert synced[-1] == tmp_path.name


def test_a_failure_leaves_the_earlier_folder_and_nothing_else(tmp_path, monkeypatch):
    write_folder(tmp_path / "cell", fill)
    earlier = (tmp_path / "cell" / "manifest.json").read_bytes()

    def full(_):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(DataError, match="No space left"):
            write_folder(tmp_path / "cell", lambda folder: (folder / "rows.jsonl").write_text("other"))
        with pytest.raises(DataError, match="No space left"):
            write_file(tmp_path / "rows.csv", "text")
    assert (tmp_path / "cell" / "manifest.json").read_bytes() == earlier
    assert find_damage(tmp_path / "cell") is None
    assert [path.name for path in tmp_path.iterdir()] == ["cell"]


def test_a_file_whose_writer_fails_is_untouched(tmp_path):
    def fail_halfway():
        with new_file(tmp_path / "rows.csv") as file:
            file.write("half")
            raise ZeroDivisionError

    write_file(tmp_path / "rows.csv", b"earlier")
    with pytest.raises(ZeroDivisionError):
        fail_halfway()
    assert (tmp_path / "rows.csv").read_text() == "earlier"
    with new_file(tmp_path / "rows.csv") as file:
        file.write("a\r\nb\n\ud800")
    assert (tmp_path / "rows.csv").read_bytes() == b"a\r\nb\n\\ud800"
    assert [path.name for path in tmp_path.iterdir()] == ["rows.csv"]


def test_a_folder_is_replaced_and_leftovers_of_a_killed_process_are_removed(tmp_path):
    write_folder(tmp_path / "cell", fill)
    (tmp_path / ".cell.writing-abc" / "new").mkdir(parents=True)
    (tmp_path / ".other.writing-abc").mkdir()
    write_folder(tmp_path / "cell", lambda folder: (folder / "b").write_text("b"))
    assert sorted(path.name for path in (tmp_path / "cell").iterdir()) == ["b", "manifest.json"]
    assert sorted(path.name for path in tmp_path.iterdir()) == [".other.writing-abc", "cell"]
    (tmp_path / ".DS_Store").write_text("")
    remove_unfinished(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [".DS_Store", "cell"]


def test_what_is_set_aside_keeps_what_was_set_aside_before(tmp_path):
    for _ in range(2):
        write_folder(tmp_path / "cell", fill)
        set_aside(tmp_path / "cell", tmp_path / "damaged")
    assert sorted(path.name for path in (tmp_path / "damaged").iterdir()) == ["cell", "cell-2"]


def test_lines_end_at_line_feeds_alone_and_half_a_surrogate_pair_survives(tmp_path):
    records = [{"text": "a\u2028b\u2029c\x85d\x0be\rf"}, {"text": "half \ud800 of a pair"}, {"text": "né"}]
    write_lines(tmp_path / "lines.jsonl", records)
    assert [record for _, record in read_lines(tmp_path / "lines.jsonl")] == records
    assert "né" in (tmp_path / "lines.jsonl").read_text(encoding="utf-8")


@pytest.mark.parametrize("line", ["{", "3", "[" * 100_000, '{"a": "\xff'])
def test_a_line_that_is_no_record_is_named(tmp_path, line):
    (tmp_path / "lines.jsonl").write_bytes(b"{}\n" + line.encode("latin-1"))
    with pytest.raises(DataError, match=r"lines\.jsonl:2"):
        list(read_lines(tmp_path / "lines.jsonl"))


@pytest.mark.parametrize("damage", DAMAGES)
def test_readers_refuse_damaged_files_and_name_the_command(tmp_path, damage):
    write_folder(tmp_path / "cells" / KEY, fill)
    (tmp_path / "cells" / ".DS_Store").write_text("")
    (tmp_path / "rows.csv").write_text("rows\n" * 9)
    seal(tmp_path, ["rows.csv"])
    assert cell_folders(tmp_path) == [tmp_path / "cells" / KEY]
    assert read_run_file(tmp_path, "rows.csv") == "rows\n" * 9
    refuse_damaged_file(tmp_path / "cells" / KEY / "rows.jsonl")
    for name in ("rows.csv", f"cells/{KEY}/rows.jsonl"):
        DAMAGES[damage](tmp_path / name)
    for read in (
        lambda: cell_folders(tmp_path),
        lambda: read_run_file(tmp_path, "rows.csv"),
        lambda: refuse_damaged_file(tmp_path / "cells" / KEY / "rows.jsonl"),
    ):
        with pytest.raises(DataError, match=f"--out {tmp_path}"):
            read()


def test_a_run_folder_without_its_manifest_is_not_believed_and_rows_taken_from_one_are(tmp_path):
    (tmp_path / "rows.csv").write_text("rows")
    assert read_run_file(tmp_path, "rows.csv") == "rows"
    (tmp_path / "cells").mkdir()
    with pytest.raises(DataError, match=r"manifest\.json"):
        read_run_file(tmp_path, "rows.csv")


def test_a_manifest_holds_sizes_and_digests(tmp_path):
    write_folder(tmp_path / "cell", fill)
    manifest = json.loads((tmp_path / "cell" / "manifest.json").read_text())
    assert manifest["schema"] == 1
    assert manifest["files"]["runs/a.trec"]["size"] == 36
    assert sorted(manifest["files"]) == ["rows.jsonl", "runs/a.trec"]
