"""Tables are read as the other files are: CSV and Parquet, with the same repairs and refusals."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from robustrank.collections.trec_files import TrecFilesReader
from robustrank.errors import DataError
from robustrank.plugins import create, parse

ROWS = {
    "documents": [
        {"doc_id": "d1", "title": "Wings", "text": 'in a "slip stream",\nand out', "vector": 1.5},
        {"doc_id": "2", "title": "", "text": "heat", "vector": 2.5},
    ],
    "queries": [{"qid": "q1", "query": "wing"}, {"qid": "q2", "query": "heat"}],
    "qrels": [
        {"query-id": "q1", "corpus-id": "d1", "score": 2},
        {"query-id": "q2", "corpus-id": "2", "score": 1},
    ],
}


def write_csv(folder: Path) -> dict[str, Path]:
    for name, rows in ROWS.items():
        with (folder / f"{name}.csv").open("w", newline="", encoding="utf-8-sig") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
    return {name: folder / f"{name}.csv" for name in ROWS}


def write_parquet(folder: Path) -> dict[str, Path]:
    pa, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    for name, rows in ROWS.items():
        (folder / name).mkdir()
        for number, row in enumerate(rows):  # a file each, as shards of a data set
            parquet.write_table(pa.Table.from_pylist([row]), folder / name / f"{number:05}.parquet")
    return {name: folder / name for name in ROWS}


@pytest.mark.parametrize("write", [write_csv, write_parquet])
def test_tables_are_read_by_the_usual_names_of_columns(write, tmp_path):
    collection = TrecFilesReader(**{name: str(path) for name, path in write(tmp_path).items()}).read()
    assert collection.documents == {"d1": 'Wings in a "slip stream",\nand out', "2": "heat"}
    assert collection.queries == {"q1": "wing", "q2": "heat"}
    assert collection.qrels == {"q1": {"d1": 2}, "q2": {"2": 1}}
    assert collection.candidates["q2"][0] == "2"


def test_a_specification_names_tables_and_other_files_together(tmp_path):
    tables = write_csv(tmp_path)
    (tmp_path / "qrels.txt").write_text("q1 0 d1 1\n")
    text = f"trec-files:documents={tables['documents']},queries={tables['queries']},qrels={tmp_path / 'qrels.txt'}"
    assert create("collection", parse(text)).read().qrels == {"q1": {"d1": 1}}


def test_nulls_and_numbers_of_parquet_are_repaired_and_counted(tmp_path):
    paths = write_parquet(tmp_path)
    pa, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    table = pa.table({"id": [7, 8], "text": ["seven", None], "title": [None, "Eight"]})
    parquet.write_table(table, tmp_path / "documents.parquet")
    parquet.write_table(pa.table({"qid": ["q1"], "doc_id": [7], "rel": [1.0]}), tmp_path / "qrels.parquet")
    paths |= {name: tmp_path / f"{name}.parquet" for name in ("documents", "qrels")}
    collection = TrecFilesReader(**{name: str(path) for name, path in paths.items()}).read()
    assert collection.documents == {"7": "seven", "8": "Eight "}
    assert collection.qrels == {"q1": {"7": 1}}
    notes = " ".join(collection.notes)
    assert f"null were read as empty: 2 (the first at {tmp_path / 'documents.parquet'}, row 1)" in notes
    assert "decimal point" in notes


@pytest.mark.parametrize(
    ("name", "content", "where", "message"),
    [
        ("documents", "doc_id,text\nd1,x\nd1,y\n", ":3", "two different texts under the id 'd1'"),
        ("documents", "doc_id,text\nd1\n", ":2", "1 column"),
        ("documents", "doc_id,text\nd1,x,y\n", ":2", "3 columns"),
        ("documents", "doc_id,text,text\nd1,x,y\n", ":1", "two columns have one name"),
        ("documents", "name,text\nd1,x\n", "", "the columns name, text"),
        ("documents", "id,doc_id,text\nd1,d2,x\n", "", "the columns id, doc_id, text"),
        ("documents", 'doc_id,text\nd1,"x\n', "", "cannot be read"),
        ("documents", "", "", "is empty"),
        ("queries", "qid,text\nq 1,x\n", ":2", "'q 1' is not a valid id"),
        ("qrels", "qid,doc_id,gain\nq1,d1,1.5\n", ":2", "the gain '1.5' is not an integer"),
        ("qrels", "qid,doc_id,gain\nq1,d1,1\nq1,d1,2\n", ":3", "two different gains"),
        ("qrels", "qid,doc_id\nq1,d1\n", "", "the columns qid, doc_id"),
    ],
)
def test_a_bad_table_is_refused_with_file_and_line(name, content, where, message, tmp_path):
    paths = write_csv(tmp_path)
    paths[name].write_text(content)
    with pytest.raises(DataError) as caught:
        TrecFilesReader(**{name: str(path) for name, path in paths.items()}).read()
    assert message in caught.value.what
    assert caught.value.where == f"{paths[name]}{where}"


def test_a_file_that_is_no_parquet_is_refused(tmp_path):
    pytest.importorskip("pyarrow")
    paths = write_csv(tmp_path)
    (tmp_path / "documents.parquet").write_text("doc_id,text\n")
    paths["documents"] = tmp_path / "documents.parquet"
    with pytest.raises(DataError, match="cannot be read"):
        TrecFilesReader(**{name: str(path) for name, path in paths.items()}).read()
