from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from robustrank.collections.beir import BeirReader
from robustrank.collections.collection import Collection
from robustrank.errors import DataError
from tests.shared_data import shared_data

CORPUS = '{"_id": "d1", "title": "Wings", "text": "in a slipstream"}\n{"_id": "d2", "title": "", "text": "heat"}\n'
QUERIES = '{"_id": "q1", "text": "wing"}\n{"_id": "q2", "text": "unjudged"}\n'
QRELS = "query-id\tcorpus-id\tscore\nq1\td1\t1\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "small"
    (folder / "qrels").mkdir(parents=True)
    (folder / "corpus.jsonl").write_text(CORPUS)
    (folder / "queries.jsonl").write_text(QUERIES)
    (folder / "qrels" / "test.tsv").write_text(QRELS)
    return folder


def test_a_folder_is_read(folder: Path) -> None:
    collection = BeirReader(str(folder)).read()
    assert collection.name == "small/test"
    assert collection.queries == {"q1": "wing"}
    assert collection.documents == {"d1": "Wings in a slipstream", "d2": "heat"}
    assert collection.candidates == {"q1": ("d1", "d2")}
    assert collection.notes == ("1 of 2 queries excluded, with no judgements: 'q2'.",)


def test_dl19_with_a_run_is_pinned(figures: Callable[[Collection], dict[str, float]]) -> None:
    folder = shared_data("dl19")
    collection = BeirReader(str(folder), run=str(folder / "runs" / "bm25.trec")).read()
    queries, documents = list(collection.queries.items()), list(collection.documents.items())
    assert (len(queries), len(documents), sum(map(len, collection.qrels.values()))) == (43, 11843, 9260)
    assert queries[0] == ("19335", "anthropological definition of environment")
    assert [query_id for query_id, _ in (queries[9], queries[-1])] == ["156493", "1133167"]
    assert [doc_id for doc_id, _ in (documents[0], documents[9], documents[-1])] == ["421", "5022", "8839920"]
    assert documents[0][1].startswith("Wi-Fi or WiFi")
    assert collection.notes == ("5,156 of 9,139 judged documents have no text and count for ideal rankings alone.",)
    assert figures(collection)["ndcg_cut_10"] == pytest.approx(0.5058, abs=0.003)


@pytest.mark.parametrize(
    ("name", "content", "line", "message"),
    [
        ("corpus.jsonl", CORPUS + '{"_id": "d3", "text": "cut', 3, "the line is not valid JSON"),
        ("corpus.jsonl", CORPUS + "[1]\n", 3, "the line is a list"),
        ("corpus.jsonl", CORPUS + '{"id": "d3", "text": "x"}\n', 3, "the record has no '_id'"),
        ("corpus.jsonl", CORPUS + '{"_id": "d3", "text": [null]}\n', 3, "the text is [None]"),
        ("corpus.jsonl", CORPUS + '{"_id": true, "text": "x"}\n', 3, "True is not a valid id"),
        ("corpus.jsonl", CORPUS + '{"_id": "d3", "title": 7.5, "text": "x"}\n', 3, "the text is 7.5"),
        ("corpus.jsonl", CORPUS + '{"_id": "d3", "title": [], "text": "x"}\n', 3, "the text is []"),
        ("corpus.jsonl", CORPUS + '{"_id": "d1", "text": "x"}\n', 3, "two different texts under the id 'd1'"),
        ("queries.jsonl", '{"_id": "q1"}\n', 1, "the record has no 'text'"),
        ("queries.jsonl", QUERIES + '{"_id": "q1", "text": "x"}\n', 3, "two different texts under the id 'q1'"),
        ("qrels/test.tsv", QRELS + "q1 d2\n", 3, "2 columns"),
    ],
)
def test_a_bad_line_is_refused_with_file_and_line(
    folder: Path, name: str, content: str, line: int, message: str
) -> None:
    (folder / name).write_text(content)
    with pytest.raises(DataError) as caught:
        BeirReader(str(folder)).read()
    assert message in caught.value.what
    assert caught.value.where == f"{folder / name}:{line}"


def test_an_unknown_split_is_refused_with_the_available_ones(folder: Path) -> None:
    with pytest.raises(DataError, match="split 'tests' not found") as caught:
        BeirReader(str(folder), split="tests").read()
    assert (caught.value.allowed, caught.value.hint) == ("test", "did you mean 'test'?")


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="No such file") as caught:
        BeirReader(str(tmp_path / "absent")).read()
    assert str(tmp_path / "absent") in str(caught.value.where)


def test_too_many_documents_for_bm25_need_a_run(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="2 documents exceed the limit"):
        BeirReader(str(folder), max_documents=1).read()
    (tmp_path / "run").write_text("q1 Q0 d2 1 1 t\n")
    collection = BeirReader(str(folder), run=str(tmp_path / "run"), max_documents=1).read()
    assert collection.candidates == {"q1": ("d2",)}
