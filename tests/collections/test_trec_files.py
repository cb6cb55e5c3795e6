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
        ("documents.tsv", "d1\tx\nd1\ty\n", 2, "duplicate id 'd1'"),
        ("documents.tsv", "d1 x\n", 1, "1 columns"),
        ("documents.jsonl", '{"name": "d1", "text": "x"}\n', 1, "the record has no 'id'"),
        ("queries.tsv", "q1\twing\nq2\t\n", 2, "query 'q2' is empty"),
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


def test_a_document_file_of_an_unknown_kind_is_refused(folder: Path) -> None:
    with pytest.raises(DataError, match=r"documents in a \.xml file") as caught:
        reader(folder, "documents.xml").read()
    assert "jsonl" in str(caught.value.allowed)


def test_queries_and_judgements_of_two_collections_are_refused_with_an_id_of_each(folder: Path) -> None:
    (folder / "web.qrels").write_text("301 0 FT-1 1\n")
    with pytest.raises(DataError, match=r"e\.g\. '301', is one of the 1 query ids") as caught:
        reader(folder).read()
    assert caught.value.allowed == "ids like 'q1'"
