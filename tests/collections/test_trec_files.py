from __future__ import annotations

from pathlib import Path

import pytest

from robustrank.collections.trec_files import TrecFilesReader
from robustrank.errors import DataError


def reader(folder: Path, documents: str = "documents.tsv", run: bool = False) -> TrecFilesReader:
    names = (documents, "queries.tsv", "web.qrels")
    paths = [str(folder / name) for name in names]
    return TrecFilesReader(*paths, run=str(folder / "bm25.run") if run else None)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "documents.tsv").write_text("d1\twings in a slipstream\nd2\theat\n")
    (tmp_path / "queries.tsv").write_text("q1\twing\n")
    (tmp_path / "web.qrels").write_text("q1 0 d1 1\n")
    (tmp_path / "bm25.run").write_text("q1 Q0 d2 1 2.5 t\nq1 Q0 d1 2 1.5 t\n")
    return tmp_path


def test_files_are_read_with_bm25_or_a_run(folder: Path) -> None:
    collection = reader(folder).read()
    assert (collection.name, collection.queries, collection.qrels) == ("web", {"q1": "wing"}, {"q1": {"d1": 1}})
    assert collection.documents == {"d1": "wings in a slipstream", "d2": "heat"}
    assert collection.candidates == {"q1": ("d1", "d2")}
    assert reader(folder, run=True).read().candidates == {"q1": ("d2", "d1")}


def test_json_documents_go_by_the_usual_names(folder: Path) -> None:
    (folder / "documents.jsonl").write_text(
        '{"id": "d1", "contents": "wings"}\n{"docno": "d2", "text": "x", "title": "Heat"}\n{"_id": 3, "body": "y"}\n'
    )
    collection = reader(folder, "documents.jsonl").read()
    assert collection.documents == {"d1": "wings", "d2": "Heat x", "3": "y"}


@pytest.mark.parametrize(
    ("name", "content", "line", "message"),
    [
        ("documents.tsv", "d1\tx\nd1\ty\n", 2, "two different texts under the id 'd1'"),
        ("documents.tsv", "d1 x\n", 1, "1 column"),
        ("documents.jsonl", '{"name": "d1", "text": "x"}\n', 1, "the record has no 'id'"),
        ("documents.jsonl", '{"id": "d1", "text": "x", "text": "y"}\n', 1, "duplicate key 'text'"),
        ("documents.jsonl", '{"id": "d\\ud800", "text": "x"}\n', 1, "is not a valid id"),
        ("documents.jsonl", '{"id": null, "text": "x"}\n', 1, "None is not a valid id"),
        ("documents.jsonl", '{"id": "d1", "text": ' + "[" * 9999 + "\n", 1, "the line is not valid JSON"),
        ("web.qrels", "q1 0 d1\n", 1, "3 columns"),
        ("bm25.run", "q1 Q0 d1 1 NaN t\n", 1, "the score is 'NaN'"),
    ],
)
def test_a_bad_line_is_refused_with_file_and_line(
    folder: Path, name: str, content: str, line: int, message: str
) -> None:
    (folder / name).write_text(content)
    documents = name if name.startswith("documents") else "documents.tsv"
    with pytest.raises(DataError) as caught:
        reader(folder, documents, run=True).read()
    assert message in caught.value.what
    assert caught.value.where == f"{folder / name}:{line}"


def test_repairs_are_notes_of_the_collection(folder: Path) -> None:
    (folder / "documents.jsonl").write_text(
        '{"id": "d1", "text": null, "contents": "wings"}\n{"id": "d2", "text": null, "title": "Heat"}\n'
        '{"id": "d3", "text": 7, "title": null}\n{"id": "d3", "text": 7, "title": null}\n'
        '{"id": "d4", "text": "a \\ud800 b \\ud83d\\ude00"}\n'
    )
    (folder / "queries.tsv").write_text("q1\twing\nq2\t\n")
    collection = reader(folder, "documents.jsonl").read()
    assert collection.documents == {"d1": "wings", "d2": "Heat ", "d3": "7", "d4": "a \ufffd b \U0001f600"}
    path = folder / "documents.jsonl"
    assert set(collection.notes) >= {
        f"Texts or titles that are null were read as empty: 3 (the first at {path}:2).",
        f"Texts or titles that are numbers were read as their digits: 2 (the first at {path}:3).",
        f"Lines that repeat an earlier one were read once: 1 ({path}:4).",
        f"Texts with half of a surrogate pair were read with U+FFFD in its place: 1 ({path}:5).",
        "1 query without text and without judgements: 'q2'.",
    }


def test_a_judged_query_without_text_is_refused(folder: Path) -> None:
    (folder / "queries.tsv").write_text("q1\t \n")
    with pytest.raises(DataError, match="1 query without text, though judged: 'q1'"):
        reader(folder).read()


def test_a_document_file_of_an_unknown_kind_is_refused(folder: Path) -> None:
    with pytest.raises(DataError, match=r"documents in a \.xml file") as caught:
        reader(folder, "documents.xml").read()
    assert "jsonl" in str(caught.value.allowed)


def test_queries_and_judgements_of_two_collections_are_refused_with_an_id_of_each(folder: Path) -> None:
    (folder / "web.qrels").write_text("301 0 FT-1 1\n")
    with pytest.raises(DataError, match=r"e\.g\. '301', is one of the 1 query ids") as caught:
        reader(folder).read()
    assert caught.value.allowed == "ids like 'q1'"
