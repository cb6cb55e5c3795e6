"""Suites are frozen: their digests are pinned, nothing but the system is set, and figures are of the suite's rows."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import pandas as pd
import pytest
import yaml

from robustrank.analysis.load import load_rows, load_run
from robustrank.cli.main import invoke
from robustrank.engine.cell import grid
from robustrank.errors import DataError
from robustrank.plugins import find, parameters, parse
from robustrank.suites import suite as module
from robustrank.suites.figures import figures, units
from robustrank.suites.suite import Measure, load_suite, read_suite, suites

# A suite never changes: what is wrong in it is mended in the next version, with a line of its own here. The second
# digest is of all parameters: a plug-in has a new one. If its default does what the plug-in did before, write the new
# digest here; else give the parameter another default.
DIGESTS = {
    "adversarial-lite-v1": ("be3f8326dd6876c2", "be298bac"),
    "adversarial-v1": ("fd87bf11da5ee304", "627c6593"),
    "certified-lite-v1": ("edb494031eeed333", "6fdd318d"),
    "certified-v1": ("a0c23d3f46aacead", "f81ca009"),
    "corpus-lite-v1": ("7dc3744818b85898", "f7098d9a"),
    "corpus-v1": ("56811850a74bf581", "c76119f4"),
    "llm-lite-v1": ("dca4ebb0ad8ea5dc", "8e909ba8"),
    "llm-v1": ("5a53d02ff73530b5", "62f26662"),
    "queries-lite-v1": ("8e325c8cbb42d334", "1071d83f"),
    "queries-v1": ("e09d1bcd5b533647", "7ace00aa"),
    "quick-v1": ("a1f56f463b62b428", "5d4c6cdc"),
    "variance-lite-v1": ("acf15467d48ab2a5", "dc088d50"),
    "variance-v1": ("612628fd20b487f3", "dc088d50"),
}


def test_no_suite_has_changed():
    found = {name: (read_suite(path).sha256[:16], parameters_of(name)) for name, path in suites().items()}
    assert found == DIGESTS


def of_bm25(name):
    """Return the experiment of a suite for a system that it can be run for."""
    ranker = "bm25:first_stage=bm25,depth=100" if load_suite(name).searches else "bm25"
    return load_suite(name).of(ranker, "canonical" if "certified" in name else None, "cpu")


def parameters_of(name):
    """Return the digest of every parameter of a suite's attacks and tasks, with the defaults of today."""
    experiment = of_bm25(name)
    every = [
        [kind, spec.label, {p.name: spec.parameters.get(p.name, p.default) for p in parameters(find(kind, spec.name))}]
        for kind in ("attack", "task")
        for spec in experiment.specs(f"{kind}s")
    ]
    return hashlib.sha256(json.dumps(every, sort_keys=True, default=list).encode()).hexdigest()[:8]


@pytest.mark.parametrize("name", suites())
def test_a_suite_leaves_no_parameter_to_a_default(name):
    experiment = of_bm25(name)
    for kind in ("attack", "task"):
        for spec in experiment.specs(f"{kind}s"):
            assert {p.name for p in parameters(find(kind, spec.name))} == set(spec.parameters), spec.label


@pytest.mark.parametrize("name", suites())
def test_every_suite_is_an_experiment_whose_figures_have_rows(name):
    suite = load_suite(name)
    experiment = of_bm25(name)
    labels = {spec.label for spec in experiment.specs("tasks")}
    assert {measure.task for measure in suite.measures} <= labels
    assert set(suite.collections) == {spec.label for spec in experiment.specs("collections")}
    assert {(cell.ranker.name, cell.defense.name) for cell in grid(experiment)} == {
        ("bm25", "canonical" if "certified" in name else "none")
    }
    assert (experiment.suite.name, experiment.suite.sha256) == (name, suite.sha256)
    assert any(parse(reference.ranker).name == "bm25" for reference in suite.reference) or "lite" not in name


def test_a_changed_byte_is_another_digest(tmp_path):
    path = shutil.copy(suites()["quick-v1"], tmp_path / "quick-v1.yaml")
    Path(path).write_text(Path(path).read_text().replace("max_words: 5", "max_words: 4"))
    assert read_suite(Path(path)).sha256 != load_suite("quick-v1").sha256
    Path(path).write_text(Path(path).read_text().replace("headline: worst", "headline: best"))
    with pytest.raises(DataError, match="best-case top-10 success"):
        read_suite(Path(path))


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run of the smallest suite, by the command."""
    out = tmp_path_factory.mktemp("suite") / "run"
    line = f"run suite:variance-lite-v1 --ranker bm25 --workers 0 --no-report --quiet --out {out} --cache {out}-cache"
    assert invoke(line.split()) == 0
    return out


def test_every_cell_names_the_suite_and_its_digest(run):
    suite = load_suite("variance-lite-v1")
    cells = [json.loads(line) for line in (run / "cells.jsonl").read_text().splitlines()]
    assert {(cell["suite"], cell["suite_sha256"]) for cell in cells} == {(suite.name, suite.sha256)}
    assert {cell.suite for cell in load_run(run).cells} == {suite.name}
    expected = {row.ranker: row.values for row in suite.reference}["bm25"]
    values = {figure.measure: figure.value for figure in figures(suite, load_rows(run))}
    assert values == pytest.approx(expected, abs=suite.tolerance)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("suite:variance-lite-v1", "no ranker is given"),
        ("suite:variance-lite-v1 --ranker bm25 --set seeds=[1]", "--set seeds=[1]: a suite is never changed"),
        ("suite:variance-lite-v1 --ranker bm25 --limit 3", "--limit 3: a suite is never changed"),
        ("suite:varience-lite-v1 --ranker bm25", "did you mean 'variance-lite-v1'"),
        ("quickstart --ranker bm25", "--ranker is for suites"),
        ("suite:variance-v1 --self-test", "has no references"),
        ("suite:corpus-lite-v1 --ranker bm25", "ranker bm25 has no first stage that searches"),
    ],
)
def test_nothing_but_the_system_and_the_device_is_set(line, message, capsys):
    assert invoke(["run", *line.split()]) == 2
    assert message in capsys.readouterr().err


def test_an_experiment_file_cannot_claim_to_be_of_a_suite(run, capsys):
    assert invoke(["run", str(run / "experiment.yaml"), "--workers", "0"]) == 2
    assert "says that it is of the suite variance-lite-v1" in capsys.readouterr().err


def _suite_folder(folder, monkeypatch, change):
    """Install a variant of the smallest suite alone."""
    raw = yaml.safe_load(suites()["variance-lite-v1"].read_text())
    change(raw)
    (folder / "variance-lite-v1.yaml").write_text(yaml.safe_dump(raw))
    monkeypatch.setattr(module, "suites", lambda: {"variance-lite-v1": folder / "variance-lite-v1.yaml"})


def test_a_collection_of_other_content_is_refused(tmp_path, monkeypatch, capsys):
    _suite_folder(tmp_path, monkeypatch, lambda raw: raw["collections"].update(lee="0" * 32))
    line = f"run suite:variance-lite-v1 --ranker random --workers 0 --out {tmp_path}/run --cache {tmp_path}/cache"
    assert invoke(line.split()) == 4
    assert "is not that of the suite" in capsys.readouterr().err


def test_the_self_test_tells_a_machine_that_reproduces_from_one_that_does_not(tmp_path, monkeypatch, capsys):
    def change(raw):
        raw["experiment"]["seeds"] = [0]
        raw["reference"] = raw["reference"][:1]
        raw["reference"][0]["values"] = {"nDCG@10": 0.6244, "VNAP": 0.5}

    _suite_folder(tmp_path, monkeypatch, change)
    line = f"run suite:variance-lite-v1 --self-test --workers 0 --out {tmp_path} --cache {tmp_path}/cache"
    assert invoke(line.split()) == 1
    said = capsys.readouterr().out
    assert "agrees  bm25: nDCG@10: 0.6244" in said
    assert "differs bm25: VNAP: 0.2865, expected 0.5000" in said


def test_the_worst_case_of_a_target_is_over_attacks():
    values = {("success", "d1"): (1, 0), ("success", "d2"): (0, 0), ("rank", "d1"): (9, 30), ("rank", "d2"): (40, 35)}
    records = [
        (attack, doc, measure, v) for (measure, doc), of in values.items() for attack, v in zip("ab", of, strict=True)
    ]
    rows = pd.DataFrame(records, columns=["attack", "doc_id", "measure", "value"])
    rows = rows.assign(
        task="t", query_id="q", condition="attacked", group="", seed=0, cutoff=pd.NA, k=pd.NA, radius=None
    )
    lower = Measure(name="s", direction="lower", task="t", measure="success", condition="attacked", over="worst case")
    higher = Measure(name="r", direction="higher", task="t", measure="rank", condition="attacked", over="worst case")
    assert units(lower, rows)["value"].tolist() == [1, 0]
    assert units(higher, rows)["value"].tolist() == [9, 35]
