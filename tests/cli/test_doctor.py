"""``robustrank doctor`` tells what is here; only what is needed and missing is a fault."""

from __future__ import annotations

import json
import sys
from types import SimpleNamespace

import pytest

from robustrank.cli import diagnosis
from robustrank.cli.main import invoke


@pytest.fixture
def doctor(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("IR_DATASETS_HOME", str(tmp_path / "sets"))
    (tmp_path / "sets" / "cranfield").mkdir(parents=True)
    (tmp_path / "sets" / "cranfield" / "docs").write_text("x")
    (tmp_path / "sets" / "empty").mkdir()
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / "scores").write_bytes(b"x" * 2500)

    def call(*options: str) -> tuple[int, str]:
        code = invoke(["doctor", "--cache", str(tmp_path / "cache"), *options])
        return code, capsys.readouterr().out

    return call


def test_what_is_here_as_text_and_json(doctor, tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    code, out = doctor("--json")
    content = json.loads(out)
    assert (code, content["faults"]) == (0, 0)
    states = {(finding["section"], finding["name"]): finding for finding in content["findings"]}
    assert states["packages", "numpy"]["state"] == "ok"
    assert states["plug-ins", "attacks"]["text"].split()[0].isdecimal()
    assert states["data", "ir_datasets"]["text"] == f"{tmp_path / 'sets'}: cranfield"
    assert states["disk", "cache"]["text"].endswith(": 2 kB")
    assert states["system", "HF_HUB_OFFLINE"]["text"] == "1"
    assert {section for section, _ in states} >= {"extra quickstart", "extra learned", "models", "programs"}
    code, text = doctor()
    assert code == 0
    assert "nothing that is needed is missing" in text
    assert all(f"{finding['name']}: " in text for finding in content["findings"])


def test_a_missing_or_old_package_is_a_fault_and_a_missing_extra_is_none(doctor, monkeypatch):
    lines = ["nothing-of-the-sort>=1", "click>=999", 'unheard-of; extra == "some"', 'numpy<1; extra == "some"']
    lines += ['for-another-python; python_version < "3"', 'numpy; python_version > "3" and extra == "other"']
    monkeypatch.setattr(diagnosis, "requires", lambda name: lines)
    code, out = doctor("--json")
    states = {(f["section"], f["name"]): (f["state"], f["is_needed"]) for f in json.loads(out)["findings"]}
    assert code == 4
    assert json.loads(out)["faults"] == 2
    assert states["packages", "nothing-of-the-sort"] == ("missing", True)
    assert states["packages", "click"] == ("too old", True)
    assert states["extra some", "unheard-of"] == ("missing", False)
    assert states["extra some", "numpy"] == ("too old", False)
    assert states["extra other", "numpy"] == ("ok", False)
    assert ("packages", "for-another-python") not in states
    assert 'pip install "robustrank[some]"' in doctor()[1]


def test_each_accelerator_is_told_with_its_memory(monkeypatch):
    cuda = SimpleNamespace(
        device_count=lambda: 2,
        mem_get_info=lambda number: (3 * 10**9, 80 * 10**9),
        get_device_name=lambda number: f"card {number}",
    )
    monkeypatch.setitem(sys.modules, "torch", SimpleNamespace(cuda=cuda))
    monkeypatch.setattr("robustrank.rankers.runtime.accelerators", lambda: ["mps", "cuda"])
    told = {finding.name: finding.text for finding in diagnosis._accelerators()}
    assert told == {"mps": "", "cuda:0": "card 0, 3.0 GB of 80.0 GB free", "cuda:1": "card 1, 3.0 GB of 80.0 GB free"}
