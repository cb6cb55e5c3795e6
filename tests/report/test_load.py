"""Rows come back as they were written, bit by bit; whatever is broken is named with its file and line."""

from __future__ import annotations

import csv
import json
import math

import pytest

from robustrank.errors import DataError
from robustrank.report.load import load_rows
from robustrank.rows import COLUMNS, Row

VALUES = [0.1 + 0.2, 1 / 3, 5e-324, 1.7976931348623157e308, -0.0, 2.0**53 + 2]


def row(value=0.5, **changed):
    facts = {"task": "iid-variance", "collection": "lee", "ranker": "bm25", "family": "traditional", "defense": "none"}
    facts |= {"attack": "", "seed": 3, "query_id": "q1", "doc_id": "", "measure": "AP", "value": value}
    return Row(**{**facts, **changed})


def write_csv(folder, rows):
    folder.mkdir(exist_ok=True)
    with (folder / "rows.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows(one.as_dict().values() for one in rows)
    return folder


def test_every_bit_of_a_value_comes_back(write, tmp_path):
    rows = [row(value, query_id=f"q{number}") for number, value in enumerate(VALUES)]
    for loaded in (load_rows(write(rows)), load_rows(write_csv(tmp_path / "flat", rows))):
        assert [value.hex() for value in loaded["value"]] == [value.hex() for value in VALUES]
        assert list(loaded.columns) == list(COLUMNS)
        assert loaded["seed"].tolist() == [3] * len(VALUES)


def test_text_comes_back_whatever_it_holds(write, tmp_path):
    odd = ["NA", "nan", "", "1e3", 'a "quoted", b', "two\nlines", "three\u2028lines\x85", "Zürich 北京 🙂"]
    rows = [row(note=text, query_id=f"q{number}") for number, text in enumerate(odd)]
    rows += [row(query_id=text, ranker="other") for text in odd]
    for loaded in (load_rows(write(rows)), load_rows(write_csv(tmp_path / "flat", rows))):
        assert loaded["note"].tolist()[: len(odd)] == odd
        assert loaded["query_id"].tolist()[len(odd) :] == odd


def test_what_was_not_measured_is_nan(write):
    loaded = load_rows(write([row(None, status="failed", note="undefined"), row(0.0, query_id="q2")]))
    assert math.isnan(loaded["value"][0])
    assert loaded["value"][1] == 0


def test_cells_go_before_the_csv_and_unfinished_cells_are_left_out(write):
    folder = write([row()])
    (folder / "cells" / ".half").mkdir()
    write_csv(folder, [row(), row(query_id="stale")])
    assert load_rows(folder)["query_id"].tolist() == ["q1"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"task": "iid', "torn"),
        ("[1]", "list"),
        (json.dumps({**row().as_dict(), "value": "high"}), "'high'"),
        (json.dumps({**row().as_dict(), "value": True}), "True"),
        (json.dumps({**row().as_dict(), "value": math.inf}), "inf"),
        (json.dumps({**row().as_dict(), "status": "fine"}), "'fine'"),
        (json.dumps({**row().as_dict(), "seed": "x"}), "seed"),
        (json.dumps({key: value for key, value in row().as_dict().items() if key != "measure"}), "lacks measure"),
    ],
)
def test_a_broken_row_is_named_with_file_and_line(write, text, said):
    folder = write([row()])
    (path,) = folder.glob("cells/*/rows.jsonl")
    path.write_text(path.read_text() + text + "\n")
    with pytest.raises(DataError, match=said) as raised:
        load_rows(folder)
    assert raised.value.where == f"{path}:2"


def test_a_torn_csv_is_named_with_its_line(tmp_path):
    path = write_csv(tmp_path, [row(), row(query_id="q2")]) / "rows.csv"
    path.write_text(path.read_text()[:-20])
    with pytest.raises(DataError, match="torn") as raised:
        load_rows(tmp_path)
    assert raised.value.where == f"{path}:3"


def test_a_run_without_rows_is_an_error(write, tmp_path):
    with pytest.raises(DataError, match=r"rows\.csv"):
        load_rows(tmp_path / "nowhere")
    with pytest.raises(DataError, match="no rows"):
        load_rows(write_csv(tmp_path / "flat", []))
    folder = write([row()])
    next(folder.glob("cells/*/rows.jsonl")).write_text("")
    with pytest.raises(DataError, match="no rows"):
        load_rows(folder)
    next(folder.glob("cells/*/rows.jsonl")).unlink()
    with pytest.raises(DataError, match="No such file"):
        load_rows(folder)


def test_a_fact_that_stands_twice_is_an_error_but_two_reasons_for_a_gap_are_none(write, tmp_path):
    gaps = [row(None, status="skipped", note=f"ranks {band}") for band in ("51-60", "61-70")]
    assert len(load_rows(write([row(measure="RR"), *gaps]))) == 3
    with pytest.raises(DataError, match="'q1'"):
        load_rows(write_csv(tmp_path / "twice", [row(0.5), row(0.6)]))
