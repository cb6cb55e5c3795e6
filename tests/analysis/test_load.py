"""Rows come back as they were written, bit by bit; whatever is broken is named with its file and line."""

from __future__ import annotations

import csv
import gzip
import math

import pandas as pd
import pytest

from robustrank.analysis.load import FRAME_COLUMNS, load_rows
from robustrank.errors import DataError
from tests.report_rows import row

VALUES = [0.1 + 0.2, 1 / 3, 5e-324, 1.7976931348623157e308, -0.0, 2.0**53 + 2]


def test_every_bit_of_a_value_comes_back(write):
    folder = write([row("AP", value, f"q{number}", seed=3) for number, value in enumerate(VALUES)])
    loaded = load_rows(folder)
    assert [value.hex() for value in loaded["value"]] == [value.hex() for value in VALUES]
    assert list(loaded.columns) == list(FRAME_COLUMNS)
    assert loaded["seed"].tolist() == [3] * len(VALUES)
    text = (folder / "rows.csv").read_bytes()
    (folder / "rows.csv").unlink()
    (folder / "rows.csv.gz").write_bytes(gzip.compress(text))
    pd.testing.assert_frame_equal(load_rows(folder), loaded)


def test_text_comes_back_whatever_it_holds(write):
    odd = ["NA", "nan", "", "1e3", 'a "quoted", b', "two\nlines", "one\rtwo", "three\u2028lines\x85", "Zürich 北京 🙂"]
    rows = [row("AP", 0.5, f"q{number}", note=text) for number, text in enumerate(odd)]
    rows += [row("AP", 0.5, text, ranker="minilm", group=text) for text in odd]
    loaded = load_rows(write(rows))
    assert loaded["note"].tolist()[: len(odd)] == odd
    assert loaded["query_id"].tolist()[len(odd) :] == loaded["group"].tolist()[len(odd) :] == odd


def test_a_row_knows_the_names_and_parameters_of_its_cell(write):
    attacked = {"attack": "a:size=3", "task": "document-attack", "doc_id": "d", "groups": {"identity": "their label"}}
    rows = [
        row("success", 1, condition="attacked", cutoff=10, k=5, radius="all", group="identity", **attacked),
        row("rho", 0.5, radius=7),
    ]
    first, second = load_rows(write(rows)).to_dict("records")
    assert (first["attack"], first["attack_name"], first["attack_parameters"]) == ("a:size=3", "a", '{"size": 3}')
    assert (first["ranker_name"], first["ranker_parameters"], first["family"]) == ("bm25", "{}", "traditional")
    assert (first["cutoff"], first["k"], first["radius"], first["group_label"]) == (10, 5, "all", "their label")
    assert (second["attack"], second["attack_name"], second["attack_parameters"]) == ("", "", "")
    assert (second["radius"], pd.isna(second["cutoff"]), second["group_label"]) == (7, True, "")


def test_what_was_not_measured_is_nan(write):
    loaded = load_rows(write([row("AP", None, status="failed", note="undefined"), row("AP", 0.0, "q2")]))
    assert math.isnan(loaded["value"][0])
    assert loaded["value"][1] == 0


@pytest.mark.parametrize(
    ("column", "text", "said"),
    [
        ("value", "high", "'high'"),
        ("value", "inf", "inf"),
        ("status", "fine", "'fine'"),
        ("condition", "after", "'after'"),
        ("cutoff", "0", "0"),
        ("k", "1.5", "1.5"),
        ("radius", "most", "most"),
        ("measure", "", "no name"),
        ("cell", "another", "not in cells.jsonl"),
    ],
)
def test_a_broken_row_is_named_with_file_and_line(write, column, text, said):
    path = write([row("AP", 0.5), row("AP", 0.5, "q2")]) / "rows.csv"
    with path.open(newline="") as file:
        records = list(csv.DictReader(file))
    records[1][column] = text
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, records[0], lineterminator="\n")
        writer.writeheader()
        writer.writerows(records)
    with pytest.raises(DataError, match=said) as raised:
        load_rows(path.parent)
    assert raised.value.where == f"{path}:3"


def test_a_torn_csv_is_named_with_its_line(write):
    path = write([row("AP", 0.5), row("AP", 0.5, "q2")]) / "rows.csv"
    path.write_text(path.read_text()[:-20])
    with pytest.raises(DataError, match="torn") as raised:
        load_rows(path.parent)
    assert raised.value.where == f"{path}:3"


def test_rows_of_schema_2_have_no_pool(write):
    folder = write([row("AP", 0.5)])
    cells, rows = folder / "cells.jsonl", folder / "rows.csv"
    cells.write_text(cells.read_text().replace('"schema": 3', '"schema": 2'))
    head, line = rows.read_text().splitlines()
    rows.write_text(head.removesuffix(',"pool"') + "\n" + line.removesuffix(',""') + "\n")
    assert "pool" not in rows.read_text()
    assert load_rows(folder)["pool"].tolist() == [""]


def test_rows_of_an_older_schema_are_refused_with_what_makes_them_anew(write, tmp_path):
    folder = write([row("AP", 0.5)])
    cells = (folder / "cells.jsonl").read_text()
    (folder / "cells.jsonl").write_text(cells.replace('"schema": 3', '"schema": 1'))
    with pytest.raises(DataError, match=r"schema is 1, not 2 or 3[^$]*robustrank run"):
        load_rows(folder)
    (folder / "cells.jsonl").unlink()
    with pytest.raises(DataError, match=r"older schema[^$]*robustrank run"):
        load_rows(folder)


@pytest.mark.parametrize(
    "broken", ['{"schema": 2', "[1]", '{"schema": 2}', '{"schema": 2, "task": {"name": 1, "x": 2}}']
)
def test_a_broken_cell_is_named_with_its_line(write, broken):
    path = write([row("AP", 0.5)]) / "cells.jsonl"
    path.write_text(f"{path.read_text()}{broken}\n")
    with pytest.raises(DataError, match="cannot be read") as raised:
        load_rows(path.parent)
    assert raised.value.where == f"{path}:2"


def test_a_run_without_rows_is_an_error(write, tmp_path):
    with pytest.raises(DataError, match=r"rows\.csv"):
        load_rows(tmp_path / "nowhere")
    folder = write([row("AP", 0.5)])
    header = (folder / "rows.csv").read_text().splitlines(keepends=True)[0]
    (folder / "rows.csv").write_text(header)
    with pytest.raises(DataError, match="no rows"):
        load_rows(folder)
    (folder / "rows.csv").write_bytes(b"\xff\xfe")
    with pytest.raises(DataError, match="cannot be read"):
        load_rows(folder)
    (folder / "rows.csv").unlink()
    (folder / "rows.csv.gz").write_bytes(gzip.compress(header.encode())[:-9])
    with pytest.raises(DataError, match="cannot be read"):
        load_rows(folder)


def test_duplicate_rows_are_an_error_but_two_reasons_for_a_gap_are_none(write):
    gaps = [row("AP", None, status="skipped", note=f"ranks {band}") for band in ("51-60", "61-70")]
    assert len(load_rows(write([row("RR", 0.5), *gaps]))) == 3
    assert len(load_rows(write([row("RR", 0.5), row("RR", 0.5, fold=1), row("RR", 0.5, k=1)]))) == 3
    with pytest.raises(DataError, match=r"duplicate rows[^$]*'q1'"):
        load_rows(write([row("AP", 0.5), row("AP", 0.6)]))
