from __future__ import annotations

from collections import Counter, namedtuple
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import pytest

from robustrank.collections.collection import Collection
from robustrank.collections.irds import IrDatasetsReader
from robustrank.errors import DataError

Figures = Callable[[Collection], dict[str, float]]


@pytest.fixture(scope="module")
def cranfield(ir_datasets_home: Path) -> Collection:
    return IrDatasetsReader("cranfield", depth=1000).read()


def test_cranfield_is_pinned(cranfield: Collection) -> None:
    assert (len(cranfield.queries), len(cranfield.documents)) == (225, 1400)
    assert sum(map(len, cranfield.qrels.values())) == 1837
    queries, documents = list(cranfield.queries.items()), list(cranfield.documents.items())
    assert queries[0][0] == "1"
    assert queries[0][1].startswith("what similarity laws must be obeyed when constructing aeroelastic models")
    assert [query_id for query_id, _ in (queries[9], queries[-1])] == ["10", "225"]
    assert documents[0][1].startswith("experimental investigation of the aerodynamics of a\nwing in a slipstream")
    assert [doc_id for doc_id, _ in (documents[0], documents[9], documents[-1])] == ["1", "10", "1400"]
    assert cranfield.notes == (
        "Judgement codes were mapped to gains: -1 -> 4, 1 -> 4, 2 -> 3, 3 -> 2, 4 -> 1.",
        "For 157 of 225 queries the document with the query's id is kept in the list: ignore_identical_ids leaves it "
        "out; 1 of them are judged relevant.",
        "2 of 1,400 documents are empty: '471', '995'.",
    )


def test_bm25_reaches_the_reference_on_cranfield(cranfield: Collection, figures: Figures) -> None:
    assert figures(cranfield) == pytest.approx({"ndcg_cut_10": 0.497, "map": 0.396}, abs=0.003)


def test_the_reversed_codes_of_cranfield_are_mapped_to_gains(cranfield: Collection) -> None:
    counts = Counter(gain for gains in cranfield.qrels.values() for gain in gains.values())
    assert counts == {4: 225 + 128, 3: 387, 2: 734, 1: 363}


def test_gains_are_a_parameter(ir_datasets_home: Path, figures: Figures) -> None:
    raw = IrDatasetsReader("cranfield", gains={}).read()
    assert {gain for gains in raw.qrels.values() for gain in gains.values()} == {-1, 1, 2, 3, 4}
    assert figures(raw)["ndcg_cut_10"] == pytest.approx(0.323, abs=0.003)
    binary = IrDatasetsReader("cranfield", gains={-1: 1, 2: 1, 3: 0, 4: 0}).read()
    assert {gain for gains in binary.qrels.values() for gain in gains.values()} == {0, 1}


def test_fields_are_a_parameter(ir_datasets_home: Path) -> None:
    collection = IrDatasetsReader("cranfield", fields=("author", "title")).read()
    assert (
        collection.documents["1"]
        == "brenckman,m. experimental investigation of the aerodynamics of a\nwing in a slipstream ."
    )
    with pytest.raises(DataError, match="no field 'body'") as caught:
        IrDatasetsReader("cranfield", fields=("title", "body")).read()
    assert caught.value.allowed == "doc_id, title, text, author, bib"


def test_scifact_is_pinned_and_reaches_the_reference(ir_datasets_home: Path, figures: Figures) -> None:
    scifact = IrDatasetsReader("beir/scifact/test").read()
    queries, documents = list(scifact.queries.items()), list(scifact.documents.items())
    assert (len(queries), len(documents), sum(map(len, scifact.qrels.values()))) == (300, 5183, 339)
    assert queries[0] == ("1", "0-dimensional biomaterials show inductive properties.")
    assert [query_id for query_id, _ in (queries[9], queries[-1])] == ["51", "1395"]
    assert [doc_id for doc_id, _ in (documents[0], documents[9], documents[-1])] == [
        "4983",
        "70490",
        "198309074",
    ]
    assert documents[0][1].startswith("Microstructural development of human newborn cerebral white matter assessed")
    lengths = [len(doc_ids) for doc_ids in scifact.candidates.values()]
    assert (max(lengths), sum(lengths)) == (100, 29966), "some claims share a word with fewer than 100 abstracts"
    assert figures(scifact)["ndcg_cut_10"] == pytest.approx(0.676, abs=0.003)


def test_beside_a_run_all_documents_are_read_or_it_is_said(ir_datasets_home: Path, tmp_path: Path) -> None:
    run = tmp_path / "run.trec"
    run.write_text("1 Q0 184 1 9 t\n1 Q0 13 2 8 t\n1 Q0 486 3 7 t\n2 Q0 12 1 1 t\nx Q0 nowhere 1 1 t\n")
    collection = IrDatasetsReader("cranfield", run=str(run), depth=2, max_documents=1).read()
    assert set(collection.candidates) == set(collection.queries)
    answered = {query_id: doc_ids for query_id, doc_ids in collection.candidates.items() if doc_ids}
    assert answered == {"1": ("184", "13"), "2": ("12",)}
    assert list(collection.documents) == ["12", "13", "184"]
    said = (
        "Only the 3 candidates were read, of more than max_documents=1: the statistics of lexical rankers are those of "
    )
    assert f"{said}the candidates." in collection.notes
    assert any(note.startswith("223 of 225 queries without candidates, 0 in every") for note in collection.notes)
    whole = IrDatasetsReader("cranfield", run=str(run), depth=2, unanswered="leave-out").read()
    assert (list(whole.queries), len(whole.documents)) == (["1", "2"], 1400)
    assert whole.candidates == answered


def test_a_run_of_unknown_documents_is_refused(ir_datasets_home: Path, tmp_path: Path) -> None:
    run = tmp_path / "run.trec"
    run.write_text("1 Q0 184 1 9 t\n1 Q0 nowhere 2 8 t\n")
    with pytest.raises(DataError, match="1 of 2 candidates have no document: 'nowhere'"):
        IrDatasetsReader("cranfield", run=str(run)).read()


def test_too_many_documents_for_bm25_are_refused_before_they_are_read(ir_datasets_home: Path) -> None:
    with pytest.raises(DataError, match="1,400 documents exceed the limit") as caught:
        IrDatasetsReader("cranfield", max_documents=1399).read()
    assert "run=PATH" in str(caught.value.hint)


def test_an_unknown_id_is_refused_with_the_nearest(ir_datasets_home: Path) -> None:
    with pytest.raises(DataError, match="'cranfeild' is not an id") as caught:
        IrDatasetsReader("cranfeild").read()
    assert "'cranfield'" in str(caught.value.hint)


def test_an_id_without_judgements_is_refused(ir_datasets_home: Path) -> None:
    with pytest.raises(DataError, match="the dataset has no judgements") as caught:
        IrDatasetsReader("beir/scifact").read()
    assert caught.value.where == "ir_datasets id 'beir/scifact'"


def test_a_failed_download_is_an_error_of_a_single_line(
    ir_datasets_home: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def unreachable(*args: object, **kwargs: object) -> None:
        raise OSError("Name or service not known")

    import requests

    monkeypatch.setattr(requests, "get", unreachable)
    with pytest.raises(DataError, match="ir_datasets cannot read the dataset") as caught:
        IrDatasetsReader("vaswani").read()
    assert "network" in str(caught.value.hint)
    assert "\n" not in caught.value.what
    assert capfd.readouterr() == ("", "")


Document = namedtuple("Document", "doc_id body")
Document.default_text = lambda self: self.body
Query = namedtuple("Query", "query_id text type")
Query.default_text = lambda self: self.text
Judgement = namedtuple("Judgement", "query_id doc_id relevance")
Scored = namedtuple("Scored", "query_id doc_id score")


class SmallDataset:
    """A dataset with typed queries, scored documents and repeated judgements, as ir_datasets returns it."""

    documents: ClassVar = {
        "d1": Document("d1", "a wing"),
        "d2": Document("d2", "a slipstream"),
        "d3": Document("d3", "x"),
    }

    def has_docs(self) -> bool:
        return True

    has_queries = has_qrels = has_scoreddocs = has_docs

    def docs_cls(self) -> Any:
        return Document

    def docs_store(self) -> Any:
        return self

    def get_many(self, ids: list[str]) -> dict[str, Document]:
        return {doc_id: self.documents[doc_id] for doc_id in ids}

    def docs_iter(self) -> list[Document]:
        return list(self.documents.values())

    def docs_count(self) -> int:
        return len(self.documents)

    def queries_iter(self) -> list[Query]:
        return [Query("q1", "wing", "typo"), Query("q2", "slipstream", None)]

    def qrels_iter(self) -> list[Judgement]:
        return [
            Judgement("q1", "d1", 2.0),
            Judgement("q1", "d1", 2),
            Judgement("q2", "d2", 1),
        ]

    def scoreddocs_iter(self) -> list[Scored]:
        return [
            Scored("q1", "d2", 1.0),
            Scored("q1", "d1", 1.0),
            Scored("q1", "d3", 0.5),
            Scored("q9", "d3", 1.0),
        ]


def test_scored_documents_types_and_repeated_judgements(monkeypatch: pytest.MonkeyPatch) -> None:
    import ir_datasets

    monkeypatch.setattr(ir_datasets, "load", lambda name: SmallDataset())
    collection = IrDatasetsReader("small", depth=2).read()
    assert collection.candidates == {"q1": ("d1", "d2"), "q2": ()}  # a tie, by id
    assert list(collection.documents) == ["d1", "d2", "d3"], "all, for statistics"
    assert collection.query_types == {"q1": "typo"}
    assert collection.qrels == {"q1": {"d1": 2}, "q2": {"d2": 1}}
    document = "ir_datasets id 'small', judgement of document 'd1' for query 'q1'"
    assert collection.notes[:2] == (
        f"Judgements with a decimal point were read as integers: 1 ({document}).",
        f"Lines that repeat an earlier one were read once: 1 ({document}).",
    )


@pytest.mark.parametrize(
    ("documents", "queries", "option", "language", "note"),
    [
        ("zh", "zh", None, "zh", ""),
        ("zh", "en", None, "zh", "Queries are in 'en', documents in 'zh'"),
        ("dt", "dt", None, "und", "No analyser knows the language 'dt'"),
        (None, None, None, "en", "ir_datasets names no language: read as 'en'"),
        ("zh", "zh", "ja", "ja", ""),
    ],
)
def test_the_language_is_the_option_or_that_of_the_data_set(
    documents: str | None,
    queries: str | None,
    option: str | None,
    language: str,
    note: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import ir_datasets

    monkeypatch.setattr(SmallDataset, "docs_lang", lambda self: documents, raising=False)
    monkeypatch.setattr(SmallDataset, "queries_lang", lambda self: queries, raising=False)
    monkeypatch.setattr(ir_datasets, "load", lambda name: SmallDataset())
    collection = IrDatasetsReader("small", language=option).read()
    assert collection.language == language
    about = [text for text in collection.notes if "language" in text or "Queries are in" in text]
    assert [text for text in about if "letters are not" not in text] == ([about[0]] if note else [])
    assert not note or about[0].startswith(note)


@pytest.mark.parametrize(
    ("name", "records", "message"),
    [
        ("queries_iter", [Query("q1", "wing", None), Query("q1", "slipstream", None)], "two different texts under"),
        ("qrels_iter", [Judgement("q1", "d1", 1), Judgement("q1", "d1", 2)], "two different gains: 1 and 2"),
        ("qrels_iter", [Judgement("q1", "d1", 1.5)], "the gain 1.5 is not an integer"),
        ("scoreddocs_iter", [Scored("q1", "d1", 1.0), Scored("q1", "d1", 2.0)], "two different scores: 1.0 and 2.0"),
        ("scoreddocs_iter", [Scored("q1", "d1", float("nan"))], "the score is nan"),
    ],
)
def test_conflicts_are_refused(monkeypatch: pytest.MonkeyPatch, name: str, records: list[Any], message: str) -> None:
    import ir_datasets

    monkeypatch.setattr(SmallDataset, name, lambda self: records)
    monkeypatch.setattr(ir_datasets, "load", lambda name: SmallDataset())
    with pytest.raises(DataError, match=message) as caught:
        IrDatasetsReader("small").read()
    assert "ir_datasets id 'small'" in str(caught.value.where)
    assert "q1" in str(caught.value)


@pytest.mark.parametrize("fields", [(), ("title", "body")])
def test_nulls_are_empty_texts(monkeypatch: pytest.MonkeyPatch, fields: tuple[str, ...]) -> None:
    import ir_datasets

    titled = namedtuple("titled", "doc_id title body url")
    titled.default_text = lambda self: f"{self.title} {self.body}"
    documents = {"d1": titled("d1", "Wings", None, None), "d2": titled("d2", "\ud800", "x", None)}
    monkeypatch.setattr(SmallDataset, "documents", documents)
    monkeypatch.setattr(SmallDataset, "docs_cls", lambda self: titled)
    monkeypatch.setattr(SmallDataset, "scoreddocs_iter", lambda self: [Scored("q1", "d1", 1.0), Scored("q2", "d2", 1)])
    monkeypatch.setattr(ir_datasets, "load", lambda name: SmallDataset())
    collection = IrDatasetsReader("small", fields=fields).read()
    assert collection.documents == {"d1": "Wings", "d2": "\ufffd x"}
    assert [note for note in collection.notes if "null" in note or "surrogate" in note] == [
        "Texts or titles that are null were read as empty: 1 (ir_datasets id 'small', document 'd1').",
        "Texts with half of a surrogate pair were read with U+FFFD in its place: 1 "
        "(ir_datasets id 'small', document 'd2').",
    ]
