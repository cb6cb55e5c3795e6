"""Writes SciFact among passages of MS MARCO, in BEIR's layout: a corpus in which few documents are about its queries.

    python -m robustrank.experiments.scifact_msmarco DATA data/scifact-msmarco

DATA holds TREC Deep Learning 2019, 2021 and 2022 in BEIR's layout (dl19, dl21, dl22), whose corpora are pooled lists of
several first stages; each text is taken once. SciFact, with its training queries and judgements, is of ir_datasets. MS
MARCO's texts are for non-commercial research and may not be passed on, so the collection is not part of this package.
"""

from __future__ import annotations

from pathlib import Path

import click

from robustrank.json_lines import read_lines, write_lines
from robustrank.plugins import create
from robustrank.plugins.specification import parse

YEARS = ("dl19", "dl21", "dl22")


@click.command()
@click.argument("data", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.argument("out", type=click.Path(path_type=Path))
@click.option(
    "--scifact", default="ir-datasets:id=beir/scifact/train", show_default=True, help="SciFact's training split."
)
def main(data: Path, out: Path, scifact: str) -> None:
    """Write corpus.jsonl, queries.jsonl and qrels/train.tsv into OUT."""
    read = create("collection", parse(scifact)).read()
    documents = {f"scifact-{doc_id}": text for doc_id, text in read.documents.items()}
    seen = set(documents.values())
    for year in YEARS:
        for _, record in read_lines(data / year / "corpus.jsonl"):
            text = f"{record.get('title') or ''} {record.get('text') or ''}".strip()
            if text and text not in seen:
                documents[record["_id"]] = text
                seen.add(text)
    (out / "qrels").mkdir(parents=True, exist_ok=True)
    write_lines(
        out / "corpus.jsonl", ({"_id": doc_id, "title": "", "text": text} for doc_id, text in documents.items())
    )
    write_lines(out / "queries.jsonl", ({"_id": query_id, "text": text} for query_id, text in read.queries.items()))
    judged = [(q, f"scifact-{d}", gain) for q, gains in read.qrels.items() for d, gain in gains.items()]
    lines = ["query-id\tcorpus-id\tscore", *(f"{q}\t{d}\t{gain}" for q, d, gain in judged)]
    (out / "qrels" / "train.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    click.echo(f"{len(documents):,} documents, {len(read.queries):,} queries, {len(judged):,} judgements in {out}")


if __name__ == "__main__":
    main()
