"""The run folder: what it leaves alone, what it remembers of who made its cells, and that its texts survive."""

from __future__ import annotations

import csv
import json

import pytest
import yaml

from robustrank.cli.main import invoke
from robustrank.engine import provenance
from robustrank.engine.executors import local
from robustrank.engine.worker import run_cell
from robustrank.storage import find_damage
from tests.tiny_collection import DOCUMENTS, write_experiment, write_tiny


@pytest.fixture
def run(tmp_path):
    """Runs an experiment on the tiny collection."""
    write_tiny(tmp_path / "tiny")

    def run(rest: str, out: str = "out") -> int:
        path = write_experiment(tmp_path / "exp.yaml", tmp_path / "tiny", rest)
        options = ["--out", str(tmp_path / out), "--cache", str(tmp_path / "cache"), "--no-report", "--workers", "0"]
        return invoke(["run", str(path), *options])

    return run


BM25 = "rankers: [bm25]\ntasks: [iid-variance]\n"
TWO = "rankers: [bm25, query-likelihood]\ntasks: [iid-variance]\n"


def test_what_is_no_cell_is_left_alone(run, tmp_path, capsys):
    assert run(BM25) == 0
    cells = tmp_path / "out" / "cells"
    (cells / ".DS_Store").write_bytes(b"a file browser")
    (cells / "notes.txt").write_text("mine")
    (cells / "copy of a cell").mkdir()
    (cells / ".hidden").mkdir()
    assert run(BM25) == 0
    assert run(TWO) == 0
    assert {".DS_Store", "notes.txt", "copy of a cell", ".hidden"} <= {path.name for path in cells.iterdir()}
    assert "set aside" not in capsys.readouterr().out


def test_a_file_in_a_cells_stead_is_a_damaged_cell(run, tmp_path, capsys):
    assert run(BM25) == 0
    rows = (tmp_path / "out" / "rows.csv").read_bytes()
    (cell,) = (tmp_path / "out" / "cells").iterdir()
    cell.rename(tmp_path / "moved")
    cell.write_text("a file")
    assert run(BM25) == 0
    assert (tmp_path / "out" / "rows.csv").read_bytes() == rows
    assert cell.is_dir()


def test_beside_a_trec_run_is_what_made_it_in_the_schema_of_ir_metadata(run, tmp_path):
    assert run(BM25) == 0
    (saved,) = (tmp_path / "out").glob("cells/*/runs/*.trec")
    metadata = yaml.safe_load(saved.with_suffix(".ir-metadata.yml").read_text(encoding="utf-8"))
    machine = provenance._machine()
    assert metadata["tag"] == saved.stem == saved.read_text().split()[5]
    assert metadata["platform"]["hardware"]["cpu"]["number of cores"] == machine["hardware"]["cores"]
    assert f"numpy {machine['packages']['numpy']}" in metadata["platform"]["software"]["libraries"]["python"]
    assert metadata["method"]["retrieval"][0]["name"].startswith("bm25 on the candidates of beir:")
    assert metadata["data"]["test collection"]["documents"] == len(DOCUMENTS)
    assert list(metadata) == [
        "tag",
        "platform",
        "research goal",
        "implementation",
        "method",
        "data",
    ]


def test_provenance_names_the_machine_of_each_cell_after_a_resume_on_another(run, tmp_path, monkeypatch):
    assert run(BM25) == 0
    first = json.loads((tmp_path / "out" / "provenance.json").read_text())["environments"]
    machine = provenance._machine()
    another = {**machine, "hardware": {**machine["hardware"], "processor": "another"}}
    monkeypatch.setattr(provenance, "_machine", lambda: another)
    assert run(TWO) == 0
    record = json.loads((tmp_path / "out" / "provenance.json").read_text())
    old, new = record["environments"]
    keys = [cell["key"] for cell in record["cells"]]
    assert [old] == first
    assert (old["cells"], new["cells"]) == (keys[:1], keys[1:])
    assert new["hardware"] == another["hardware"] != old["hardware"]
    first_cell = json.loads((tmp_path / "out" / "cells" / keys[0] / "provenance.json").read_text())
    assert first_cell["environment"]["hardware"] == old["hardware"]
    assert first_cell["collection"]["queries"] == 3


def test_cells_jsonl_has_a_line_for_each_cell_done_or_not_from_the_start(run, tmp_path, monkeypatch, capsys):
    def statuses() -> list[tuple[str, str]]:
        assert find_damage(tmp_path / "out") is None
        lines = (tmp_path / "out" / "cells.jsonl").read_text(encoding="utf-8").split("\n")[:-1]
        return [(cell["ranker"]["name"], cell["status"]) for cell in map(json.loads, lines)]

    def run_first_cell(cell, *arguments):
        if cell.ranker.name == "query-likelihood":
            seen.append(statuses())
            raise KeyboardInterrupt
        return run_cell(cell, *arguments)

    assert run(BM25) == 0
    seen = [statuses()]
    monkeypatch.setattr(local, "run_cell", run_first_cell)
    assert run(TWO) == 6
    both = [("bm25", "done"), ("query-likelihood", "planned")]
    assert [*seen, statuses()] == [[("bm25", "done")], both, both]
    assert invoke(["compare", str(tmp_path / "out"), str(tmp_path / "out")]) == 0
    assert f"1 of 2 cells of {tmp_path / 'out'} have not been run" in " ".join(capsys.readouterr().out.split())


def test_texts_with_line_separators_are_replayed(run, tmp_path):
    marked = {doc_id: text.replace(" ", "\u2028", 1).replace(" ", "\x85", 1) for doc_id, text in DOCUMENTS.items()}
    write_tiny(tmp_path / "marked", marked)
    (tmp_path / "tiny").rename(tmp_path / "plain")
    (tmp_path / "marked").rename(tmp_path / "tiny")
    rest = "rankers: [bm25]\nattacks: [ATTACK]\ntasks: [{name: document-attack, targets: [last-2]}]\n"
    assert run(rest.replace("ATTACK", "keyword-stuffing")) == 0
    assert run(rest.replace("ATTACK", f"{{name: replay, path: '{tmp_path / 'out'}'}}"), "again") == 0
    values = [successes(tmp_path / out) for out in ("out", "again")]
    assert values[0] == values[1] != []


def successes(folder):
    with (folder / "rows.csv").open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if (row["measure"], row["condition"]) == ("success", "attacked")]
    return [(row["query_id"], row["doc_id"], row["value"]) for row in rows]
