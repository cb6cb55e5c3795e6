"""A packed run is the run, file by file, whatever it holds twice."""

from __future__ import annotations

import hashlib
import json
import zipfile

import pytest

from robustrank.errors import DataError
from robustrank.leaderboard.entry import Packed
from robustrank.leaderboard.packing import MOST_BYTES, pack, unpacked

CONTENT = {"rows.csv": "a,b\n", "cells/1/runs/clean.trec": "1 Q0 d 1 1.0 x\n" * 9, "cells/1/cell.json": "{}"}


def written(folder, content):
    for name, text in content.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def packed(file, digest):
    return Packed(file=file, sha256=digest, role="submitter", by="us", date="2026-11-27")


def files(folder):
    return {p.relative_to(folder).as_posix(): p.read_text(encoding="utf-8") for p in folder.rglob("*") if p.is_file()}


def test_files_of_one_content_are_packed_once_and_come_back(tmp_path):
    content = CONTENT | {name.replace("/1/", "/2/"): text for name, text in CONTENT.items() if name.startswith("cells")}
    digest = pack(written(tmp_path / "run", content), tmp_path / "a.zip")
    assert pack(tmp_path / "run", tmp_path / "b.zip") == digest
    with zipfile.ZipFile(tmp_path / "a.zip") as archive:
        assert set(archive.namelist()) == {*CONTENT, "same.json"}
    with unpacked(tmp_path, packed("a.zip", digest)) as run:
        assert files(run) == content


def test_seeds_that_decide_nothing_leave_a_run_below_the_limit(tmp_path):
    ranking = "".join(f"{hashlib.sha256(str(i).encode()).hexdigest()}\n" for i in range(25_000))  # 1 MB, packed
    run = written(tmp_path / "run", {f"cells/{seed}/runs/clean.trec": ranking for seed in range(3)})
    pack(run, tmp_path / "a.zip")
    assert (tmp_path / "a.zip").stat().st_size < MOST_BYTES
    written(run, {"cells/3/runs/clean.trec": ranking.swapcase(), "cells/4/runs/clean.trec": ranking[::-1]})
    with pytest.raises(DataError, match=r"the run has [23],\d{3},\d{3} bytes, packed"):
        pack(run, tmp_path / "a.zip")


@pytest.mark.parametrize(
    "same",
    [{"../outside": "rows.csv"}, {"cells/2/x": "../../secret"}, {"cells/2/x": "missing"}, ["rows.csv"], {"x": 1}],
)
def test_paths_that_lead_out_of_a_packed_run_are_refused(tmp_path, same):
    (tmp_path / "secret").write_text("s", encoding="utf-8")
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("rows.csv", "a\n")
        archive.writestr("same.json", json.dumps(same))
    digest = hashlib.sha256((tmp_path / "a.zip").read_bytes()).hexdigest()
    with pytest.raises(DataError, match="not a packed run"), unpacked(tmp_path, packed("a.zip", digest)):
        pass
