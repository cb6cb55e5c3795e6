"""Collections in other languages than English are analysed as their script needs, and never read so in silence."""

from __future__ import annotations

import json

import pytest

from robustrank.cli.main import invoke
from robustrank.collections.beir import BeirReader
from robustrank.text.table import symmetric
from tests.result_rows import read_rows

QUERIES = ("hi", "th", "zh", "ja", "ko", "vi")


def test_the_relevant_document_is_first_in_every_script(case):
    run = case("03-scripts-without-latin-words")
    run.replace("exp.yaml", "[bm25]", "[bm25, query-likelihood, rm3]")
    run.run()
    rows = run.rows(measure="nDCG@10")
    assert {row["query_id"] for row in rows} == set(QUERIES)
    assert {(row["ranker"], row["value"]) for row in rows} == {("bm25", 1), ("query-likelihood", 1), ("rm3", 1)}


UNMATCHED = {"hi": "बर्फ", "th": "ไฟฟ้า", "zh": "火车", "ja": "猫", "ko": "냉장고", "vi": "xe hơi"}


def test_a_query_that_matches_nothing_has_no_value_above_0(case):
    run = case("03-scripts-without-latin-words")
    run.replace("exp.yaml", "[bm25]", "[bm25, query-likelihood, rm3]")
    queries = [json.dumps({"_id": name, "text": text}) for name, text in UNMATCHED.items()]
    (run.folder / "data" / "queries.jsonl").write_text("\n".join([*queries, '{"_id": "en", "text": "sông"}']))
    with (run.folder / "data" / "qrels" / "test.tsv").open("a") as judgements:
        judgements.write("en\tz6\t1\n")
    run.run()
    rows = [row for row in run.rows(measure="nDCG@10") if row["query_id"] in UNMATCHED]
    assert {(row["query_id"], row["value"]) for row in rows} == {(name, 0) for name in UNMATCHED}
    assert {row["value"] for row in run.rows(measure="nDCG@10") if row["query_id"] == "en"} == {1}


def test_another_script_than_that_of_the_language_is_noted(case):
    case("03-scripts-without-latin-words")
    (note,) = BeirReader("data").read().notes
    assert "71% of the letters are not Latin" in note
    assert "`language`" in note
    assert BeirReader("data", language="mul").read().notes == ()


TEXTS = {
    "hi": ("पुराना पुल", ["नदी पर पत्थर का पुराना पुल है।", "खेत में गेहूं उगता है।", "बाज़ार में लोग मिलते हैं।", "नदी में पानी बहता है।"]),
    "zh": ("石桥", ["河上有一座石桥。", "面包店早上开门。", "市场里有很多人。", "河里有水。"]),
    "vi": (
        "tiệm bánh",
        ["Tiệm bánh mở cửa buổi sáng.", "Cầu đá bắc qua sông.", "Người ta gặp nhau ở chợ.", "Nước chảy dưới sông."],
    ),
}
ATTACKS = """
attacks: [keyword-stuffing, passage-injection, word-substitution, character-typos, diacritics, query-words, naturality]
defenses: [none, canonical]
tasks: [{name: query-attack, variants: 1}, {name: document-attack, targets: [last-1]}]
"""
WORD_EDITS = {"character-typos", "query-words"}  # which need spaces between words
ENGLISH_ALONE = {"word-substitution", "naturality"}


@pytest.mark.parametrize("language", TEXTS)
def test_what_needs_another_language_is_skipped_at_planning(language, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "1000")
    write_collection(tmp_path / "data", *TEXTS[language])
    (tmp_path / "exp.yaml").write_text(
        f"name: case\ncollections: [{{name: beir, folder: data, language: {language}}}]\nrankers: [bm25]\n{ATTACKS}"
    )
    assert invoke(["run", "exp.yaml", "--out", "out", "--cache", "cache", "--workers", "0", "--no-report"]) == 0
    rows = read_rows(tmp_path / "out")
    told = "\n".join(row["note"] or "" for row in rows)
    cells = {}
    for row in rows:
        cells.setdefault((row["attack"], row["defense"]), []).append(row)
    skipped = {key for key, rows in cells.items() if {row["status"] for row in rows} == {"skipped"}}
    expected = ENGLISH_ALONE | (WORD_EDITS if language == "zh" else set())
    without = set() if language == "vi" else {"diacritics"}  # nothing to edit
    assert {attack for attack, defense in skipped if defense == "none"} == expected | without
    assert all(key in skipped for key in cells if key[1] == "canonical")
    assert f"language {language}: attack 'word-substitution' works on en alone" in told
    assert f"language {language}: defense 'canonical' works on en alone" in told
    assert ("the attack edited no query: the query has no diacritics" in told) == bool(without)
    assert not [row for row in read_rows(tmp_path / "out") if row["status"] == "error"]


def test_a_table_file_serves_any_language(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_collection(tmp_path / "data", *TEXTS["hi"])
    symmetric({"नदी": ["पुल", "सरिता"], "पानी": ["जल"]}, {}).save(tmp_path / "table.tsv")
    (tmp_path / "exp.yaml").write_text(
        "name: case\ncollections: [{name: beir, folder: data, language: hi}]\nrankers: [bm25]\n"
        "attacks: [{name: greedy-substitution, table: table.tsv}]\n"
        "defenses: [none, {name: certdr, table: table.tsv, samples: 8}, {name: canonical, table: table.tsv}]\n"
        "tasks: [{name: document-attack, targets: [last-3]}]\n"
    )
    assert invoke(["run", "exp.yaml", "--out", "out", "--cache", "cache", "--workers", "0", "--no-report"]) == 0
    rows = read_rows(tmp_path / "out")
    assert {row["status"] for row in rows} <= {"ok", "failed"}
    assert any(r["value"] > 0 for r in rows if r["measure"] == "boost" and r["defense"] == "none")
    assert any(row["measure"] == "certificate_check" for row in rows)


def write_collection(folder, query, texts):
    (folder / "qrels").mkdir(parents=True)
    lines = [json.dumps({"_id": f"d{number}", "text": text}) for number, text in enumerate(texts)]
    (folder / "corpus.jsonl").write_text("\n".join(lines))
    (folder / "queries.jsonl").write_text(json.dumps({"_id": "q", "text": query}))
    (folder / "qrels" / "test.tsv").write_text("query-id\tcorpus-id\tscore\nq\td0\t1\n")
