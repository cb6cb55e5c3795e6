"""Detection of unseen attacks: leave-one-attack-out evaluation of detectors, on files in DARA's layout.

    python benchmarks/detection.py dara/valid.idem.tsv dara/valid.pat.tsv dara/valid.prada.tsv --out results/detection

The learned filter is trained on all files but the tested one, and, ``all``, on every file; its predictions are
out-of-fold by query and document. The other filters are not trained. The threshold is set on 500 originals, at 5 %
false positives. The folder has the anomaly scores of each pair (rows.csv.gz), without a text, and provenance.json.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import sys
from collections.abc import Iterator, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

import click
import numpy as np
from rich.console import Console
from rich.table import Table

from robustrank.adversarial import Attacked, read_adversarial
from robustrank.collections.collection import Collection
from robustrank.defense import FlaggingRanker
from robustrank.engine.provenance import environment
from robustrank.measures.detection import detection_rate
from robustrank.plugins import create
from robustrank.plugins.specification import Spec, parse
from robustrank.randomness import derive

BASELINES = (Spec("spamicity-filter"), Spec("outlier-filter"), Spec("window-filter"))
FEATURES = (["ngrams", "style"], ["ngrams"], ["style"], ["ngrams", "style", "overlap"])
COLUMNS = ("tested_on", "detector", "trained_on", "query_id", "doc_id", "condition", "anomaly_score", "flagged")


Record = dict[str, Any]  # a row, by COLUMNS


@click.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--documents", default=400, show_default=True, help="Training documents.")
@click.option("--test", default=300, show_default=True, help="Test documents per file.")
@click.option("--sets", default=len(FEATURES), show_default=True, help="Number of feature sets.")
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), help="Folder of rows and provenance.")
def main(files: tuple[Path, ...], documents: int, test: int, sets: int, out: Path | None) -> None:
    """Print the table, and write the rows."""
    if len(files) < 2:
        raise click.UsageError("at least 2 files are needed, since one is left out of training")
    records = {file: [record for record in read_adversarial(file) if record.before != record.after] for file in files}
    collection = originals([record for file_records in records.values() for record in file_records])
    ranker = create("ranker", parse("bm25"))
    ranker.prepare(collection)
    table = Table(title=f"{documents} training documents, {test} test documents")
    for column in ("tested on", "detector", "trained on"):
        table.add_column(column)
    for column in ("AUC", "detected %", "false positives %", "detected % at FPR 5 %"):
        table.add_column(column, justify="right")
    rows: list[Record] = []
    for file, file_records in records.items():
        order = derive(0, "test", file.stem).permutation(len(file_records))
        sample = [file_records[int(i)] for i in order[:test]]
        for spec, trained_on in detectors(files, file, documents, sets):
            filtered = create("defense", spec).wrap(ranker, collection, derive(0, "detection"))
            names = (file.stem, spec.label, trained_on)
            tested = rows_of(filtered, sample, names)
            table.add_row(*names, *detection_figures(tested))
            rows += tested
    Console(width=140).print(table)
    if out is not None:
        write(out, rows, files)


def originals(records: Sequence[Attacked]) -> Collection:
    """Return the clean documents as a collection: the candidates of a query are its attacked documents."""
    queries = {record.query_id: record.query for record in records}
    candidates: dict[str, dict[str, None]] = {}
    for record in records:
        candidates.setdefault(record.query_id, {})[record.doc_id] = None
    documents = {record.doc_id: record.before for record in records}
    ids = {query_id: tuple(doc_ids) for query_id, doc_ids in candidates.items()}
    return Collection("originals", queries, documents, {}, ids)


def detectors(files: Sequence[Path], left_out: Path, documents: int, sets: int) -> Iterator[tuple[Spec, str]]:
    """Yield the detectors, each with the names of its training files."""
    for baseline in BASELINES:
        yield baseline, "–"
    for features in FEATURES[:sets]:
        for training_files in ([file for file in files if file != left_out], files):
            paths = [str(file) for file in training_files]
            parameters = {"attacks": [], "files": paths, "features": features, "documents": documents}
            names = "all" if len(paths) == len(files) else ", ".join(file.stem for file in training_files)
            yield Spec("learned-filter", parameters, f"learned, {' + '.join(features)}"), names


def rows_of(filtered: FlaggingRanker, records: Sequence[Attacked], names: tuple[str, str, str]) -> list[Record]:
    """Return a row for each document as it was, and one for each as attacked."""
    rows = []
    for condition, text in (("clean", "before"), ("attacked", "after")):
        pairs = [(record.query, getattr(record, text)) for record in records]
        found = zip(records, filtered.anomaly_scores(pairs).tolist(), filtered.is_flagged(pairs).tolist(), strict=True)
        for record, score, flag in found:
            values = (*names, record.query_id, record.doc_id, condition, score, int(flag))
            rows.append(dict(zip(COLUMNS, values, strict=True)))
    return rows


def detection_figures(rows: Sequence[Record]) -> list[str]:
    """Return AUC, shares of flagged attacked and clean documents (%), and the detection rate (%) at 5 % FPR."""
    clean, attacked = (
        np.array([[row["anomaly_score"], row["flagged"]] for row in rows if row["condition"] == condition]).T
        for condition in ("clean", "attacked")
    )
    area = np.mean((attacked[0][:, None] > clean[0]) + 0.5 * (attacked[0][:, None] == clean[0]))
    shares = (attacked[1].mean(), clean[1].mean(), detection_rate(attacked[0], clean[0], 0.05))
    return [f"{area:.3f}", *(f"{100 * share:.1f}" for share in shares)]


def write(out: Path, rows: Sequence[Record], files: Sequence[Path]) -> None:
    """Write rows.csv.gz, the same bytes for the same rows, and provenance.json."""
    out.mkdir(parents=True, exist_ok=True)
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    (out / "rows.csv.gz").write_bytes(gzip.compress(text.getvalue().encode(), mtime=0))
    provenance = {
        **environment(),
        "command": " ".join(["python", "benchmarks/detection.py", *sys.argv[1:]]),
        "files": {file.name: f"sha256:{sha256(file.read_bytes()).hexdigest()}" for file in files},
    }
    (out / "provenance.json").write_text(f"{json.dumps(provenance, indent=2)}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
