"""Files as data frame libraries and published collections write them are read, and each repair is counted."""

from __future__ import annotations

import json

import pytest

VALUES = {"q1": 1.0}


def values_and_notes(run):
    """Return nDCG@10 by query, and the notes of the collection."""
    provenance = json.loads((run.folder / "out" / "provenance.json").read_text())
    return {query: value for (query, _), value in run.values("nDCG@10").items()}, provenance["collections"]["data"][
        "notes"
    ]


@pytest.mark.parametrize(
    ("name", "values", "note"),
    [
        ("04-grades-written-as-floats", VALUES, "a decimal point were read as integers: 1 (data/qrels/test.tsv:2)."),
        ("05-null-text", VALUES, "are null were read as empty: 1 (data/corpus.jsonl:1)."),
        ("06-judgements-without-header", {"q1": 1.0, "q2": 1.0}, "line is missing: 1 (data/qrels/test.tsv:1)."),
        ("07-identical-duplicate-documents", VALUES, "an earlier one were read once: 1 (data/corpus.jsonl:2)."),
    ],
)
def test_a_repair_is_made_and_noted(case, name, values, note):
    run = case(name)
    said = run.run()
    assert said.code == 0, said.text
    measured, notes = values_and_notes(run)
    assert measured == values
    assert [text for text in notes if text.endswith(note)]


@pytest.mark.parametrize(
    ("name", "file", "old", "new", "where"),
    [
        ("04-grades-written-as-floats", "data/qrels/test.tsv", "1.0", "1.5", "data/qrels/test.tsv:2"),
        ("05-null-text", "data/corpus.jsonl", "null", "[]", "data/corpus.jsonl:1"),
        ("06-judgements-without-header", "data/qrels/test.tsv", "q1\ta\t1", "q1\ta\tx", "data/qrels/test.tsv:1"),
        (
            "07-identical-duplicate-documents",
            "data/corpus.jsonl",
            'fruit"}\n{"_id": "b"',
            'pie"}\n{"_id": "b"',
            "data/corpus.jsonl:2",
        ),
    ],
)
def test_what_can_be_read_in_two_ways_is_refused_by_file_and_line(case, name, file, old, new, where):
    run = case(name)
    run.replace(file, old, new)
    said = run.run()
    assert said.is_refusal, said.text
    assert where in said.text
