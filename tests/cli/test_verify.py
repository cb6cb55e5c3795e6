"""``robustrank verify``: certificates are verified without a model, and changed ones are refused."""

from __future__ import annotations

import json

import numpy as np
import pytest
from click.testing import CliRunner

from robustrank.certification.certificate import Certificate
from robustrank.certification.mean import certify_mean
from robustrank.cli.main import invoke
from robustrank.cli.verify_command import command
from robustrank.errors import DataError
from robustrank.json_lines import write_lines
from robustrank.storage import seal, write_folder
from tests.damages import DAMAGES

CELL = "0123456789abcdef01234567"


@pytest.fixture
def run(tmp_path):
    samples = [np.full(200, value, dtype=np.float32) for value in (0.9, 0.5, 0.2)]
    certificates = certify_mean(
        "q1", ["a", "b", "c"], samples, [1.0, 0.95, 0.95], [1, 2], alpha=0.05, bound="betting", radius=None, table="t"
    )
    write_folder(
        tmp_path / "cells" / CELL,
        lambda folder: write_lines(folder / "certificates.jsonl", (c.to_dict() for c in certificates)),
    )
    return tmp_path


def test_verified_certificates_are_counted(run):
    result = CliRunner().invoke(command, [str(run)])
    assert result.exit_code == 0
    assert "2 certificates verified in 1 files; 2 certify" in result.output
    assert CliRunner().invoke(command, [str(run / "cells" / CELL / "certificates.jsonl")]).output == result.output


@pytest.mark.parametrize(
    "change",
    [
        {"certified": False},
        {"k": 3},
        {"alpha": 0.5},
        {"table": "another"},
        {"query_id": "q2"},
        {"documents": None},
    ],
)
def test_a_changed_certificate_fails(run, change):
    path = run / "cells" / CELL / "certificates.jsonl"
    first, *rest = path.read_text().splitlines()
    raw = {**json.loads(first), **change}
    if change == {"documents": None}:
        raw["documents"] = json.loads(first)["documents"]
        raw["documents"][0]["lower"] = 0.99
    path.write_text("\n".join([json.dumps(raw), *rest]) + "\n")
    assert "certificates.jsonl" in str(CliRunner().invoke(command, [str(run)]).exception)
    seal(path.parent)
    result = CliRunner().invoke(command, [str(run)])
    assert isinstance(result.exception, DataError)
    assert "certificates.jsonl:1" in str(result.exception)
    assert "checksum mismatch" in str(result.exception)


def test_a_forged_checksum_does_not_hide_a_verdict_that_contradicts_its_evidence(run):
    path = run / "cells" / CELL / "certificates.jsonl"
    raw = json.loads(path.read_text().splitlines()[0])
    raw.pop("digest")
    documents = raw["documents"]
    documents[1]["rho"] = 0.1
    forged = Certificate.from_dict({**raw, "digest": _digest_of(raw)}).to_dict()
    path.write_text(json.dumps(forged) + "\n")
    seal(path.parent)
    result = CliRunner().invoke(command, [str(run)])
    assert "contradicts the margin" in str(result.exception)


def _digest_of(raw):
    from robustrank.certification.certificate import _digest

    return _digest(raw)


@pytest.mark.parametrize("name", ["certificates.jsonl", "manifest.json"])
@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_cell_is_refused_by_the_name_of_the_file(run, name, damage, capsys):
    DAMAGES[damage](run / "cells" / CELL / name)
    assert invoke(["verify", str(run)]) == 4
    shown = capsys.readouterr().err
    assert name in shown
    assert f"--out {run}" in shown


def test_a_folder_without_certificates_is_an_error_with_a_hint(tmp_path, capsys):
    assert invoke(["verify", str(tmp_path)]) == 4
    assert "certified-topk" in capsys.readouterr().err
