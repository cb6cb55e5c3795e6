"""``robustrank verify``: certificates are verified without a model, and changed ones are refused."""

from __future__ import annotations

import json

import numpy as np
import pytest
from click.testing import CliRunner

from robustrank.certification.certificate import content_digest
from robustrank.certification.mean import certify_mean
from robustrank.cli.main import invoke
from robustrank.cli.verify_command import command
from robustrank.errors import DataError
from robustrank.json_lines import write_lines
from robustrank.rows import Row
from robustrank.storage import seal, write_folder
from tests.damages import DAMAGES

CELL = "0123456789abcdef01234567"


@pytest.fixture
def run(tmp_path):
    samples = [np.full(200, value, dtype=np.float32) for value in (0.9, 0.5, 0.2)]
    certificates = certify_mean(
        "q1", ["a", "b", "c"], samples, [1.0, 0.95, 0.95], [1, 2], alpha=0.05, bound="betting", radius=None, table="t"
    )
    of_list = {"radius": "all", "group": "exact ranker"}
    verdicts = [Row("q1", "", "certified", value=float(c.certified), k=c.k, **of_list) for c in certificates]
    means = [Row("q1", "", "rho", value=2.9 / 3, **of_list), Row("q1", "", "samples", value=200.0, **of_list)]

    def fill(folder):
        write_lines(folder / "certificates.jsonl", (c.to_dict() for c in certificates))
        write_lines(folder / "rows.jsonl", (row.as_dict() for row in [*verdicts, *means]))

    write_folder(tmp_path / "cells" / CELL, fill)
    return tmp_path


def tamper(run, name, change):
    """Change the records of a cell's file, as a forger who makes digests and manifest anew; return the refusal."""
    path = run / "cells" / CELL / name
    write_lines(path, change([json.loads(line) for line in path.read_text().splitlines()]))
    seal(path.parent)
    return CliRunner().invoke(command, [str(run)])


def forged(raw, **changes):
    """Return a certificate with other fields and its digest."""
    content = {key: value for key, value in {**raw, **changes}.items() if key != "digest"}
    return {**content, "digest": content_digest(content)}


def left_out(raws):
    return [forged(raw, documents=raw["documents"][:2]) for raw in raws]


def without_rho(raws):
    return [forged(raw, documents=[{**document, "rho": 1.0} for document in raw["documents"]]) for raw in raws]


@pytest.mark.parametrize(
    ("name", "change", "problem"),
    [
        ("certificates.jsonl", lambda raws: [forged(raw, query_id="q2") for raw in raws], "no row of the cell"),
        ("certificates.jsonl", lambda raws: [forged(raw, radius=3) for raw in raws], "no row of the cell"),
        ("certificates.jsonl", left_out, "the mean rho is 0.975"),
        ("certificates.jsonl", without_rho, "the mean rho is 1"),
        ("certificates.jsonl", lambda raws: raws[:1], "1 verdicts of the rows have no certificate"),
        ("certificates.jsonl", lambda raws: [*raws[:1], forged(raws[1], documents=left_out(raws)[0]["documents"])],
         "the evidence differs from that of the same list"),
        ("rows.jsonl", lambda rows: [{**row, "value": 0.0} for row in rows], "has another verdict"),
        ("rows.jsonl", lambda rows: rows[1:], "no row of the cell"),
        ("rows.jsonl", lambda rows: [{**row, "value": "1"} for row in rows], "not a valid row"),
    ],
)  # fmt: skip
def test_certificates_and_rows_of_a_cell_that_differ_are_refused(run, name, change, problem):
    result = tamper(run, name, change)
    assert isinstance(result.exception, DataError)
    assert problem in str(result.exception)


def test_verdicts_without_a_file_of_certificates_are_refused(run):
    (run / "cells" / CELL / "certificates.jsonl").unlink()
    seal(run / "cells" / CELL)
    result = CliRunner().invoke(command, [str(run)])
    assert isinstance(result.exception, DataError)
    assert "certificates.jsonl" in str(result.exception)


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
    def unsafe(raws):
        raws[0]["documents"][1]["rho"] = 0.1
        return [forged(raw) for raw in raws]

    assert "contradicts the margin" in str(tamper(run, "certificates.jsonl", unsafe).exception)


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
