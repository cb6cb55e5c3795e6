"""From an experiment file to its report: labels only are printed, and the figures of a row share their targets."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

from robustrank.cli.main import invoke
from tests.tiny_collection import write_tiny

PARTIAL = '''
"""Attack: puts the query in front of documents that hold the word bread, and leaves the others alone."""
from dataclasses import dataclass

from robustrank.attack import Attack, Edit, Perturbation, apply_edits


@dataclass
class Partial(Attack):
    """Edits some documents only."""

    control = "random-trigger"

    def perturb(self, target, victim, rng):
        edits = (Edit(0, 0, target.query + " "),) if "bread" in target.document else ()
        return Perturbation(apply_edits(target.document, edits), edits)
'''
ESCAPES = "\x1b]0;TITLE\x07\x1b[2J"
LABELS = {
    "beir": f"news{ESCAPES}",
    "bm25": "mine [/v2]",
    "query-likelihood": "[bold]x",
    "keyword-stuffing": "none",
    "none": "undefended",
    "spamicity-filter": "a: b=c, d@5/R=1",
    "iid-variance": "effectiveness",
    "document-attack": f"{ESCAPES} attacks",
}


def run(folder: Path, experiment: dict, name: str, capsys) -> tuple[Path, str]:
    """Run an experiment on the tiny collection; return the run folder and what was printed."""
    path, out = folder / f"{name}.yaml", folder / name
    path.write_text(json.dumps({"name": "x", **experiment}))  # JSON is YAML
    assert invoke(["run", str(path), "--out", str(out), "--cache", str(folder / "cache"), "--workers", "0"]) == 0
    return out, capsys.readouterr().out


def tables(out: Path, names: dict[str, str]) -> list[list[list[str]]]:
    """The tables of a report in its order, with other names for labels, and without intervals' captions."""
    order = [line for line in (out / "report" / "report.tex").read_text().splitlines() if line.startswith("\\input")]
    paths = [out / "report" / line[len("\\input{") : -len(".tex}")] for line in order]
    texts = [path.read_text() for path in (path.with_suffix(".csv") for path in paths) if path.exists()]
    return [
        [[names.get(field, field) for field in record[1:]] for record in csv.reader(io.StringIO(text))]  # not the name
        for text in texts
    ]


@pytest.mark.slow
def test_a_relabelled_experiment_has_the_same_tables_under_new_names(tmp_path, capsys):
    write_tiny(tmp_path / "tiny")
    axes = {
        "collections": [{"name": "beir", "folder": str(tmp_path / "tiny")}],
        "rankers": [{"name": "bm25"}, {"name": "query-likelihood"}],
        "attacks": [{"name": "keyword-stuffing"}],
        "defenses": [{"name": "none"}, {"name": "spamicity-filter"}],
        "tasks": [{"name": "iid-variance"}, {"name": "document-attack", "targets": ["last-2"]}],
    }
    relabelled = {
        axis: [{**entry, "label": LABELS[entry["name"]]} for entry in entries] for axis, entries in axes.items()
    }
    plain, _ = run(tmp_path, axes, "plain", capsys)
    renamed, printed = run(tmp_path, relabelled, "renamed", capsys)
    shown = {label: label.encode("unicode_escape").decode() for label in LABELS.values()}
    names = {name: shown[label] for name, label in LABELS.items() if name not in ("beir", "document-attack")}
    assert tables(plain, names) == tables(renamed, {})
    assert len(tables(plain, {})) >= 6
    report = (renamed / "report" / "report.md").read_text()
    assert report.count("from the same ranker without the defense") > 2
    for text in ("mine [/v2]", "[bold]x", "undefended", shown[LABELS["beir"]]):
        assert text in printed
    for text in (printed, report):
        assert "\x1b]" not in text
        assert "\x07" not in text


def test_attack_and_baseline_are_over_the_same_targets_whatever_was_edited(tmp_path, capsys):
    write_tiny(tmp_path / "tiny")
    (tmp_path / "partial.py").write_text(PARTIAL)
    experiment = {
        "collections": [{"name": "beir", "folder": str(tmp_path / "tiny"), "label": "tiny"}],
        "rankers": ["bm25"],
        "attacks": [{"name": str(tmp_path / "partial.py"), "label": "partial"}],
        "tasks": [{"name": "document-attack", "targets": ["last-5"]}],
    }
    out, _ = run(tmp_path, experiment, "out", capsys)
    with (out / "report" / "tables" / "document-attack.csv").open() as file:
        records = {record["column"]: record for record in csv.DictReader(file)}
    asr, baseline, difference = (
        float(records[name]["estimate"]) for name in ("ASR", "ASR of the random-edit baseline", "ASR - baseline")
    )
    assert asr - baseline == pytest.approx(difference, abs=1e-12)
    assert asr > 0
    assert 0 < float(records["edited targets"]["estimate"]) < int(records["ASR"]["n"]) == 15
    over = {(record["n"], record["unit"]) for record in records.values()}
    assert over == {("15", "targets"), ("3", "queries")}
    assert "change of nDCG@10 (%), n = 3 queries" in (out / "report" / "appendix.md").read_text()


@pytest.mark.usefixtures("drawing_process")
def test_long_paths_without_a_label_make_short_file_names(tmp_path, capsys):
    folder = write_tiny(tmp_path / "/".join(["a-folder-with-a-rather-long-name"] * 4))
    out, _ = run(
        tmp_path,
        {"collections": [{"name": "beir", "folder": str(folder)}], "rankers": ["bm25"], "tasks": ["iid-variance"]},
        "out",
        capsys,
    )
    assert max(len(path.name) for path in out.rglob("*")) <= 70
