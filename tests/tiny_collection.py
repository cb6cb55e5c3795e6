"""A collection of eight documents and three queries, and an experiment on it that is run in half a second."""

from __future__ import annotations

import json
from pathlib import Path

DOCUMENTS = {
    "d1": "The bakery sells rye bread and warm rolls every morning.",
    "d2": "A rye field needs little rain and cool nights.",
    "d3": "The ferry crosses the lake twice a day in summer.",
    "d4": "Warm rain fell on the lake and the ferry stayed in port.",
    "d5": "Stone bridges outlast wooden bridges over fast rivers.",
    "d6": "The old mill grinds rye and wheat into coarse flour.",
    "d7": "Fresh bread needs flour, water, salt and patience.",
    "d8": "Night trains cross the stone bridge near the mill.",
}
QUERIES = {"q1": "rye bread flour", "q2": "ferry on the lake", "q3": "stone bridge"}
RELEVANT = {"q1": ["d1", "d6"], "q2": ["d3", "d4"], "q3": ["d5", "d8"]}


def write_tiny(folder: Path, documents: dict[str, str] | None = None) -> Path:
    """Write the collection as a BEIR folder."""
    (folder / "qrels").mkdir(parents=True)
    corpus = [{"_id": d, "title": "", "text": text} for d, text in (documents or DOCUMENTS).items()]
    queries = [{"_id": q, "text": text} for q, text in QUERIES.items()]
    for name, records in (("corpus", corpus), ("queries", queries)):
        text = "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records)
        (folder / f"{name}.jsonl").write_text(text, encoding="utf-8")
    judged = [f"{q}\t{d}\t{int(d in RELEVANT[q])}\n" for q in QUERIES for d in DOCUMENTS]
    (folder / "qrels" / "test.tsv").write_text("query-id\tcorpus-id\tscore\n" + "".join(judged))
    return folder


def write_experiment(path: Path, collection: Path, rest: str) -> Path:
    """Write an experiment on the collection; ``rest`` names rankers, tasks and so on."""
    path.write_text(f"name: tiny\ncollections: [{{name: beir, folder: '{collection}', label: tiny}}]\n{rest}")
    return path
