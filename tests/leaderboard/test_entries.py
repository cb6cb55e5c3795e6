"""Entries: what a stranger hands in is checked, computed again, and refused or flagged where it is not what it says."""

from __future__ import annotations

import csv
import json
import re
import shutil
import zipfile

import jsonschema
import pytest

from robustrank.analysis.load import load_run
from robustrank.cli.main import invoke
from robustrank.engine import provenance
from robustrank.errors import DataError
from robustrank.json_lines import write_lines
from robustrank.leaderboard.entry import read_entry, schema
from robustrank.leaderboard.packing import pack
from robustrank.leaderboard.repetition import draw_cells
from robustrank.storage import seal
from robustrank.suites import suite as suite_module
from robustrank.suites.suite import load_suite
from tests.leaderboard.conftest import Board

RUN_FILES = ("experiment.yaml", "provenance.json", "cells.jsonl", "rows.csv")


def lines(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n") if line]


def edit_rows(run, change, also_cells=False):
    """Change rows of a run as a forger would: with the digests made anew."""
    with (run / "rows.csv").open(newline="", encoding="utf-8") as file:
        header, *records = list(csv.reader(file))
    named = [dict(zip(header, record, strict=True)) for record in records]
    changed = change(named)
    with (run / "rows.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n", quoting=csv.QUOTE_ALL)
        writer.writerow(header)
        writer.writerows([row[column] for column in header] for row in named)
    for key in {row["cell"] for row in changed} if also_cells else ():
        cell = run / "cells" / key
        rows = lines(cell / "rows.jsonl")
        for row in changed:
            for record in rows:
                fact = ("query_id", "doc_id", "measure", "condition")
                if all(record[name] == row[name] for name in fact) and str(record["cutoff"] or "") == row["cutoff"]:
                    record["value"] = float(row["value"])
        write_lines(cell / "rows.jsonl", rows)
        seal(cell)
    seal(run, RUN_FILES)


def flip_success(rows):
    row = next(r for r in rows if r["measure"] == "success" and r["condition"] == "attacked" and r["cutoff"] == "")
    row["value"] = str(1.0 - float(row["value"]))
    return [row]


def test_a_strangers_entry_passes_and_is_computed_again(board, capsys):
    assert board.submit(board.folder / "run") == 0
    assert "git checkout -b" in capsys.readouterr().out
    path = next(board.entries.glob("*/*.json"))
    entry = board.entry(path)
    assert entry["status"] == "submitted"
    assert [figure["measure"] for figure in entry["measured"]] == ["success", "CRQ"]
    assert entry["measured"][0]["n"] == 10
    share = {"k": 3, "radius": 1, "value": entry["measured"][1]["value"], "n": 5, "alpha": 0.0}
    assert entry["certificates"] == [{**share, "verifiable_without_model": True}]
    assert board.verify(path) == 0
    assert invoke(["leaderboard", "check", str(board.entries)]) == 0
    validator = jsonschema.Draft202012Validator(schema())
    validator.check_schema(schema())
    validator.validate(entry)
    assert list(validator.iter_errors({**entry, "score": 1}))
    assert list(validator.iter_errors({**entry, "runs": []}))  # submitted, without a run


def test_what_is_computed_cannot_be_typed(submitted, capsys):
    board, path = submitted
    entry = board.entry(path)
    entry["measured"][0]["value"], entry["status"] = 0.5, "verified"
    path.write_text(json.dumps(entry), encoding="utf-8")
    assert board.verify(path) == 4
    assert "says otherwise than its runs in: measured, status" in capsys.readouterr().err


def model(**fields):
    return lambda e: e["system"].update(kind="pointwise", model={"hub": "a/b", **fields} if fields else None)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda e: e.update(score=1), "score: Extra inputs are not permitted"),
        (lambda e: e["system"]["training"].update(more=1), "training.more: Extra inputs are not permitted"),
        (lambda e: e.update(flags=["robust"]), "flags.0: String should match"),
        (lambda e: e.update(status="reported"), "reported figures alone"),
        (lambda e: e.update(runs=[]), "runs and measured are needed"),
        (model(), "kind pointwise: model is missing"),
        (model(open_weights=True), "open weights need a revision"),
        (model(open_weights=True, revision="main"), "model.revision: String should match"),
        (model(open_weights=False), "closed weights need backend.version"),
    ],
)
def test_an_entry_keeps_the_schema(submitted, change, message):
    board, path = submitted
    entry = board.entry(path)
    change(entry)
    path.write_text(json.dumps(entry), encoding="utf-8")
    with pytest.raises(DataError, match=re.escape(message)):
        read_entry(path)


def test_a_run_of_another_system_or_with_other_bytes_is_refused(submitted, capsys):
    board, path = submitted
    entry = board.entry(path)
    entry["runs"][0]["sha256"] = "0" * 64
    path.write_text(json.dumps(entry), encoding="utf-8")
    assert board.verify(path) == 4
    assert "the file has the SHA-256" in capsys.readouterr().err


def test_rows_that_differ_from_their_cells_are_refused(board, capsys):
    edit_rows(board.folder / "run", flip_success)
    assert board.submit(board.folder / "run") == 4
    assert "rows.csv differs from the cell" in capsys.readouterr().err


def test_a_success_that_does_not_follow_from_the_ranks_is_refused(board, capsys):
    run = board.folder / "run"
    edit_rows(run, flip_success, also_cells=True)
    for cell in (run / "cells").iterdir():  # and the texts beside them tell nothing
        if (cell / "adversarial.jsonl").exists():
            write_lines(cell / "adversarial.jsonl", [{**r, "metrics": []} for r in lines(cell / "adversarial.jsonl")])
            seal(cell)
    assert board.submit(run) == 4
    assert "and its rank went from" in capsys.readouterr().err


def test_a_rank_that_differs_from_the_one_beside_its_text_is_refused(board, capsys):
    edit_rows(board.folder / "run", flip_success, also_cells=True)
    assert board.submit(board.folder / "run") == 4
    assert "beside its text" in capsys.readouterr().err


CORPUS = """\
description: Documents are added.
minutes: 0.1
minimum_version: 0.2.0
access: nothing
searches: true
collections: {lee: 40d86d961140016a375ebdf4168b81e5}
measures:
  - {name: success, direction: lower, task: corpus, measure: success, condition: attacked, cutoff: 1, over: worst case}
headline: success
tolerance: 0.01
reference: []
experiment:
  collections: lee
  attacks: [keyword-stuffing]
  tasks: [{name: corpus-attack, label: corpus, queries: 3, cutoffs: [1, 10]}]
"""


def test_a_run_of_added_documents_is_submitted_and_its_success_follows_from_their_share(tmp_path, monkeypatch, capsys):
    (tmp_path / "corpus-v1.yaml").write_text(CORPUS, encoding="utf-8")
    monkeypatch.setattr(suite_module, "suites", lambda: {"corpus-v1": tmp_path / "corpus-v1.yaml"})
    monkeypatch.setattr(provenance, "_commit", lambda _: "0" * 40)
    provenance._machine.cache_clear()
    board = Board(tmp_path, tmp_path / "cache")
    line = "run suite:corpus-v1 --ranker bm25:first_stage=bm25,depth=20 --workers 0 --quiet --no-report"
    assert invoke([*line.split(), "--out", f"{tmp_path}/run", "--cache", str(board.cache)]) == 0
    assert board.submit(tmp_path / "run") == 0
    entry = board.entry(next(board.entries.glob("*/*.json")))
    assert '"first_stage": "bm25"' in entry["system"]["ranker"]
    assert entry["measured"][0]["unit"] == "query"

    def flip(rows):
        row = next(r for r in rows if (r["measure"], r["condition"], r["cutoff"]) == ("success", "attacked", "10"))
        row["value"] = str(1.0 - float(row["value"]))
        return [row]

    edit_rows(tmp_path / "run", flip, also_cells=True)
    assert board.submit(tmp_path / "run") == 4
    assert "were added is" in capsys.readouterr().err


def _drop_cell(run):
    cells = lines(run / "cells.jsonl")
    dropped = next(cell for cell in cells if cell["attack"] and cell["attack"]["label"] == "greedy")
    write_lines(run / "cells.jsonl", [cell for cell in cells if cell is not dropped])
    text = (run / "rows.csv").read_text(encoding="utf-8").split("\n")
    (run / "rows.csv").write_text("\n".join(line for line in text if dropped["key"] not in line), encoding="utf-8")
    shutil.rmtree(run / "cells" / dropped["key"])


def _other_digest(run):
    write_lines(run / "cells.jsonl", [{**cell, "suite_sha256": "1" * 64} for cell in lines(run / "cells.jsonl")])


def _other_parameter(run):
    path = run / "experiment.yaml"
    path.write_text(
        path.read_text(encoding="utf-8").replace("budget_queries: 4", "budget_queries: 3"), encoding="utf-8"
    )


def _uncommitted(run):
    content = json.loads((run / "provenance.json").read_text(encoding="utf-8"))
    content["environments"][0]["commit"] += "-dirty"
    (run / "provenance.json").write_text(json.dumps(content), encoding="utf-8")


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (_drop_cell, "missing"),
        (_other_digest, "the run is of seconds-v1 111111111111"),
        (_other_parameter, "differs from the suite's in: tasks"),
        (_uncommitted, "was changed after commit"),
    ],
)
def test_a_run_that_is_not_the_suites_is_refused(board, damage, message, capsys):
    run = board.folder / "run"
    damage(run)
    seal(run, RUN_FILES)
    assert board.submit(run) == 4
    assert message in capsys.readouterr().err


def test_a_target_without_a_result_is_refused(board, capsys):
    run = board.folder / "run"
    cell = next(c for c in lines(run / "cells.jsonl") if c["attack"] and c["attack"]["label"] == "greedy")
    rows = lines(run / "cells" / cell["key"] / "rows.jsonl")
    target = next((r["query_id"], r["doc_id"]) for r in rows if r["doc_id"])
    write_lines(run / "cells" / cell["key"] / "rows.jsonl", [r for r in rows if (r["query_id"], r["doc_id"]) != target])
    seal(run / "cells" / cell["key"])
    text = (run / "rows.csv").read_text(encoding="utf-8").split("\n")
    kept = [line for line in text if not (cell["key"] in line and all(f'"{name}"' in line for name in target))]
    (run / "rows.csv").write_text("\n".join(kept), encoding="utf-8")
    seal(run, RUN_FILES)
    assert board.submit(run) == 4
    assert "attack 'greedy' has no result for 1 of 10 targets" in capsys.readouterr().err


def adversarial(board, change, name="adversarial.jsonl"):
    """Write adversarial documents for two targets that no attack of the run has broken."""
    run = board.folder / "run"
    broken, records = set(), {}
    for cell in sorted((run / "cells").iterdir()):
        for record in lines(cell / "adversarial.jsonl") if (cell / "adversarial.jsonl").exists() else ():
            records[record["query_id"], record["doc_id"]] = record
        for row in lines(cell / "rows.jsonl"):
            if row["measure"] == "success" and row["condition"] == "attacked" and row["value"]:
                broken.add((row["query_id"], row["doc_id"]))
    chosen = [record for target, record in sorted(records.items()) if target not in broken][:2]
    keys = ("query_id", "query", "doc_id", "before")
    path = board.folder / name
    write_lines(path, [change({key: record[key] for key in keys}) for record in chosen])
    return path


def prepend(words):
    def change(record):
        text = " ".join(record["query"].split()[:words]) + " "
        return {**record, "after": text + record["before"], "edits": [{"start": 0, "end": 0, "text": text}]}

    return change


def test_external_documents_are_replayed_and_lower_what_is_known(submitted):
    board, path = submitted
    before = board.entry(path)["measured"][0]
    assert before["known"] == before["value"]
    file = adversarial(board, prepend(12))
    assert board.verify(path, "--external", str(file), "--by", "somebody", "--link", "https://example.org/how") == 0
    entry = board.entry(path)
    assert entry["external"][0] | {"packed": None} == {
        "by": "somebody", "link": "https://example.org/how", "attack": "external 1, by somebody", "packed": None,
        "targets": 2, "broken": 2, "verified": True,
    }  # fmt: skip
    after = entry["measured"][0]
    assert (after["value"], after["known"]) == (before["value"], pytest.approx(before["value"] + 0.2))
    assert board.verify(path) == 0
    entry["external"] = []  # an evaluation that is taken out again
    path.write_text(json.dumps(entry), encoding="utf-8")
    assert board.verify(path) == 4


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (prepend(13), "13 words of document"),
        (lambda r: {**prepend(3)(r), "doc_id": "lee-99"}, "is not one of the entry's 10 targets"),
        (lambda r: prepend(3)({**r, "before": f"{r['before']} More."}), "is not that of the collection"),
    ],
)
def test_external_documents_over_the_budget_or_of_other_texts_are_refused(submitted, change, message, capsys):
    board, path = submitted
    before = path.read_bytes()
    assert board.verify(path, "--external", str(adversarial(board, change)), "--by", "somebody") == 4
    assert message in capsys.readouterr().err
    assert path.read_bytes() == before


@pytest.mark.slow
def test_repeated_cells_raise_the_status(submitted, monkeypatch):
    board, path = submitted
    monkeypatch.setattr(provenance, "_commit", lambda _: "1" * 40)
    provenance._machine.cache_clear()
    options = ("--repeat", "drawn", "--seed", "f" * 40, "--by", "the maintainers", "--role", "maintainers")
    assert board.verify(path, *options) == 0
    assert board.entry(path)["status"] == "re-measured"
    assert board.verify(path, "--repeat", "all", "--by", "somebody else") == 0
    assert board.entry(path)["status"] == "verified"
    assert board.verify(path) == 0


def flip_verdict(rows):
    row = next(r for r in rows if r["measure"] == "certified" and r["group"] == "")
    row["value"] = str(1.0 - float(row["value"]))
    return [row]


def _with_other_run(board, path):
    """Put the run of the board's folder beside the entry as the maintainers' repetition, and compute the entry."""
    seal(board.folder / "run", RUN_FILES)
    digest = pack(board.folder / "run", path.with_name("other.zip"))
    entry = board.entry(path)
    other = {**entry["runs"][0], "file": "other.zip", "sha256": digest, "role": "maintainers", "by": "us"}
    path.write_text(json.dumps({**entry, "runs": [entry["runs"][0], other]}), encoding="utf-8")
    return board.verify(path, "--write")


def test_repeated_cells_that_differ_keep_the_status_and_say_so(submitted):
    board, path = submitted
    edit_rows(board.folder / "run", flip_verdict, also_cells=True)
    assert _with_other_run(board, path) == 0
    entry = board.entry(path)
    assert entry["status"] == "submitted"
    assert "us measured figures that differ by up to 1" in entry["footnote"]


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (_other_digest, "the run is of seconds-v1 111111111111"),
        (_uncommitted, "was changed after commit"),
        (lambda run: edit_rows(run, flip_success), "rows.csv differs from the cell"),
    ],
)
def test_a_repetition_is_of_the_suite_and_of_committed_code(submitted, damage, message, capsys):
    board, path = submitted
    damage(board.folder / "run")
    assert _with_other_run(board, path) == 4
    assert message in capsys.readouterr().err


def test_cells_are_drawn_until_the_suites_measures_have_ten_targets(submitted):
    board, _ = submitted
    suite, run = load_suite("seconds-v1"), load_run(board.folder / "run")
    drawn = [draw_cells(suite, run, seed, every=False) for seed in map(str, range(8))]
    tasks = {frozenset(task for task, *_ in draw.drawn) for draw in drawn}
    assert {"certificates"} not in tasks, "five queries are not ten targets"
    assert len(tasks) > 1


def test_an_attack_of_another_entry_that_enters_a_certified_list_turns_the_entry_red(submitted):
    board, path = submitted
    other = board.entries / "seconds-v1" / "the-same-again.json"
    entry = board.entry(path)
    run = board.folder / "run"
    certified = {
        c["query_id"]
        for cell in (run / "cells").iterdir()
        if (cell / "certificates.jsonl").exists()
        for c in lines(cell / "certificates.jsonl")
        if c["certified"]
    }
    forged = 0
    for cell in (run / "cells").iterdir():
        if (cell / "adversarial.jsonl").exists():
            records = lines(cell / "adversarial.jsonl")
            for record in records:
                for fact in record["metrics"]:
                    if (fact["measure"], fact["condition"]) == ("rank", "attacked") and record["query_id"] in certified:
                        fact["value"], forged = 1.0, forged + 1
            write_lines(cell / "adversarial.jsonl", records)
            seal(cell)
    assert forged
    digest = pack(run, other.with_suffix(".zip"))
    other.write_text(
        json.dumps({**entry, "runs": [{**entry["runs"][0], "file": other.with_suffix(".zip").name, "sha256": digest}]}),
        encoding="utf-8",
    )
    assert board.verify(path, "--write") == 0
    assert "certificate-contradicted" in board.entry(path)["flags"]


def test_a_packed_run_is_the_same_bytes_and_leads_out_of_no_folder(submitted, tmp_path):
    board, path = submitted
    entry = read_entry(path)
    assert pack(board.folder / "run", tmp_path / "again.zip") == entry.runs[0].sha256
    with zipfile.ZipFile(path.with_suffix(".zip")) as archive:
        assert not [name for name in archive.namelist() if name.startswith(("report", "/", ".."))]
