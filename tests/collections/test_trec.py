from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from robustrank.collections.trec import read_qrels, read_queries, read_run, write_run
from robustrank.errors import DataError
from robustrank.repairs import Repairs
from tests.shared_data import shared_data


def test_both_forms_of_judgements_are_read(tmp_path: Path) -> None:
    (tmp_path / "trec").write_text("q1 0 d1 2\n\nq1 0  d2 -1\r\nq2\t0\td1\t0\n")
    (tmp_path / "beir").write_text("query-id\tcorpus-id\tscore\nq1\td1\t2\nq1\td2\t-1\nq2\td1\t0\n")
    expected = {"q1": {"d1": 2, "d2": -1}, "q2": {"d1": 0}}
    assert read_qrels(tmp_path / "trec", Repairs()) == read_qrels(tmp_path / "beir", Repairs()) == expected


def test_what_can_be_read_in_one_way_only_is_mended_and_counted(tmp_path: Path) -> None:
    repairs = Repairs()
    (tmp_path / "qrels").write_text("q1 0 d1 2.0\nq1 0 d1 2\nq1 0 d2 -1.\n")
    assert read_qrels(tmp_path / "qrels", repairs) == {"q1": {"d1": 2, "d2": -1}}
    (tmp_path / "three").write_text("q1 d1 2\nq1\td2\t0.00\n")
    assert read_qrels(tmp_path / "three", repairs) == {"q1": {"d1": 2, "d2": 0}}
    (tmp_path / "run").write_text("q Q0 d 1 0.5 t\nq Q0 d 2 .50 t\n")
    assert read_run(tmp_path / "run", repairs) == {"q": {"d": 0.5}}
    (tmp_path / "queries").write_bytes(b"\xef\xbb\xbf1\tone\r\n1\tone\r\n2\t\r\n")
    assert read_queries(tmp_path / "queries", repairs) == {"1": "one", "2": ""}
    assert repairs.notes() == (
        f"Judgements with a decimal point were read as integers: 3 (the first at {tmp_path / 'qrels'}:1).",
        f"Lines that repeat an earlier one were read once: 3 (the first at {tmp_path / 'qrels'}:2).",
        "Judgements in three columns were read as `query-id corpus-id score`, though that header line is missing: "
        f"1 ({tmp_path / 'three'}:1).",
    )


def test_queries_keep_their_order_and_characters(tmp_path: Path) -> None:
    (tmp_path / "queries").write_bytes("\ufeffb\tnaïve “quoted” query\na\t 日本 \n".encode())
    assert list(read_queries(tmp_path / "queries", Repairs()).items()) == [
        ("b", "naïve “quoted” query"),
        ("a", " 日本 "),
    ]


def test_a_run_is_ordered_by_score_then_id_not_by_its_ranks(tmp_path: Path) -> None:
    (tmp_path / "run").write_text("q Q0 d9 1 1.5 t\nq Q0 d10 2 1.5 t\nq Q0 d1 3 1e1 t\nq Q0 d2 4 -3 t\n")
    assert list(read_run(tmp_path / "run", Repairs())["q"].items()) == [
        ("d1", 10),
        ("d10", 1.5),
        ("d9", 1.5),
        ("d2", -3),
    ]


def test_a_header_of_ir_metadata_is_skipped_and_no_other_comment(tmp_path: Path) -> None:
    header = "# ir_metadata.start\n# platform:\n#   hardware:\n# tag: t\n# ir_metadata.end\n"
    (tmp_path / "run").write_text(f"{header}q Q0 d 1 0.5 t\n# Q0 d 1 0.5 t\n")
    assert read_run(tmp_path / "run", Repairs()) == {"q": {"d": 0.5}, "#": {"d": 0.5}}


def test_a_written_run_is_read_back_exactly(tmp_path: Path) -> None:
    run = {"q1": {"d2": 0.1 + 0.2, "d1": 0.1 + 0.2, "d3": 1e-300}, "q2": {"x": -0.0}}
    write_run(tmp_path / "run", run, "tag")
    assert (tmp_path / "run").read_text().splitlines()[:2] == [
        "q1 Q0 d1 1 0.30000000000000004 tag",
        "q1 Q0 d2 2 0.30000000000000004 tag",
    ]
    assert read_run(tmp_path / "run", Repairs()) == run


@pytest.mark.parametrize(
    ("query_id", "doc_id", "score", "tag"),
    [
        ("q", "d", float("nan"), "t"),
        ("q", "d", float("inf"), "t"),
        ("q 1", "d", 1, "t"),
        ("q", "d\n", 1, "my tag"),
        ("q", "", 1, "t"),
    ],
)
def test_an_invalid_run_is_not_written(tmp_path: Path, query_id: str, doc_id: str, score: float, tag: str) -> None:
    with pytest.raises(DataError, match="not a valid line of a run"):
        write_run(tmp_path / "run", {query_id: {doc_id: score}}, tag)


@pytest.mark.parametrize(
    ("read", "content", "line", "message"),
    [
        (read_qrels, b"q1 0 d1 1\nq1 d2 1\n", 2, "3 columns"),
        (read_qrels, b"q1 d2 1\nq1 0 d1 1\n", 2, "4 columns"),
        (read_qrels, b"q1 0 d1 1 5\n", 1, "5 columns"),
        (read_qrels, b"query-id\tcorpus-id\tscore\nq1 0 d1 1\n", 2, "4 columns"),
        (read_qrels, b"q1 0 d1 1\nquery-id\tcorpus-id\tscore\n", 2, "3 columns"),
        (read_qrels, b"qid\tdocid\trel\nq1\td1\t1\n", 1, "3 columns, which is neither a judgement nor the header"),
        (read_qrels, b"q1 0 d1 1.5\n", 1, "the gain '1.5' is not an integer"),
        (read_qrels, b"q1 0 d1 x\n", 1, "the gain 'x' is not an integer"),
        (read_qrels, b"q1 0 d1 nan\n", 1, "the gain 'nan' is not an integer"),
        (read_qrels, b"q1 0 d1 " + b"9" * 5000 + b"\n", 1, "is not an integer"),
        (read_qrels, b"q1 0 d1 9999999999\n", 1, "is not an integer"),
        (read_qrels, b"q1 0 d1 1\n\nq1 0 d1 2\n", 3, "two different gains of document 'd1' for query 'q1': 1 and 2"),
        (read_run, b"q Q0 d 1 0.5 tag\nq Q0 e 2 0.4\n", 2, "5 columns"),
        (read_run, b"q Q0 d 1 nan tag\n", 1, "the score is 'nan'"),
        (read_run, b"q Q0 d 1 -inf tag\n", 1, "the score is '-inf'"),
        (read_run, b"q Q0 d 1 1e999 tag\n", 1, "the score is '1e999'"),
        (read_run, b"q Q0 d 1 1_0 tag\n", 1, "the score is '1_0'"),
        (read_run, b"q Q0 d 1 high tag\n", 1, "the score is 'high'"),
        (read_run, b"# ir_metadata.start\n# tag: t\nq Q0 d 1 2 t\n", 1, "a header of metadata has no end"),
        (read_run, b"# tag: t\nq Q0 d 1 2 t\n", 1, "3 columns"),
        (read_run, b"q Q0 d 1 2 t\nq Q0 d 2 1 t\n", 2, "two different scores of document 'd' for query 'q'"),
        (read_run, b"q Q0 d 1 2 t\nq Q0 e 1 2 u\n", 2, "query 'q' has two lists of candidates, by 't' and 'u'"),
        (read_queries, b"1\tone\n2 two\n", 2, "1 column"),
        (read_queries, b"1\tone\ttwo\n", 1, "3 columns"),
        (read_queries, b"1\tone\n1\ttwo\n", 2, "two different texts under the id '1'"),
        (read_queries, b"\tone\n", 1, "'' is not a valid id"),
        (read_queries, b"a b\tone\n", 1, "'a b' is not a valid id"),
        (read_queries, b"1\tone\n2\tcost \xa33\n", 2, "byte 0xa3 at offset 13 is not UTF-8"),
        (read_queries, b"\x1f\x8b\x08\x00", 1, "byte 0x8b at offset 1 is not UTF-8"),
    ],
)
def test_a_bad_line_is_refused_with_file_and_line(
    tmp_path: Path, read: Callable[[Path, Repairs], object], content: bytes, line: int, message: str
) -> None:
    path = tmp_path / "bad"
    path.write_bytes(content)
    with pytest.raises(DataError) as caught:
        read(path, Repairs())
    assert message in caught.value.what
    assert caught.value.where == f"{path}:{line}"


@pytest.mark.parametrize("read", [read_qrels, read_run, read_queries])
def test_a_missing_file_is_named(tmp_path: Path, read: Callable[[Path, Repairs], object]) -> None:
    with pytest.raises(DataError, match="No such file"):
        read(tmp_path / "absent", Repairs())


def test_a_published_run_is_read_whole() -> None:
    run = read_run(shared_data("dl19", "runs", "bm25.trec"), Repairs())
    assert (len(run), {len(scores) for scores in run.values()}) == (43, {100})
    assert list(run["264014"])[:2] == ["5611210", "6641238"]
