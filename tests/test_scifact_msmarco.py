"""The collection of the experiment `corpus`: every text once, with the judgements of the documents that are judged."""

from __future__ import annotations

import json

from click.testing import CliRunner

from experiments.scifact_msmarco import YEARS, main
from robustrank.plugins import create, parse
from tests.tiny_collection import write_tiny


def test_the_passages_are_added_each_once_behind_the_judged_documents(tmp_path):
    write_tiny(tmp_path / "judged")
    specification = f"beir:folder={tmp_path / 'judged'}"
    judged = create("collection", parse(specification)).read()
    known, *_ = judged.documents.values()
    passages = {"dl19": ["one", known], "dl21": ["two", "one"], "dl22": ["\u2028three"]}
    for year in YEARS:
        (tmp_path / year).mkdir()
        records = [{"_id": f"{year}-{i}", "title": "", "text": text} for i, text in enumerate(passages[year])]
        lines = "\n".join(json.dumps(record, ensure_ascii=False) for record in records)
        (tmp_path / year / "corpus.jsonl").write_text(lines, encoding="utf-8")
    out = tmp_path / "out"
    result = CliRunner().invoke(main, [str(tmp_path), str(out), "--scifact", specification])
    assert result.exit_code == 0, result.output
    written = create("collection", parse(f"beir:folder={out},split=train")).read()
    assert written.queries == judged.queries
    assert {q: {f"scifact-{d}": g for d, g in of.items()} for q, of in judged.qrels.items()} == written.qrels
    assert set(written.documents.values()) == {*judged.documents.values(), "one", "two", "three"}
    assert len(written.documents) == len(judged.documents) + 3
