"""Detection of unseen attacks: leave-one-attack-out evaluation of the learned filter, on files in DARA's layout.

    python benchmarks/detection.py dara/valid.idem.tsv dara/valid.pat.tsv dara/valid.prada.tsv

Each row trains the learned filter on all files but the tested one; ``all`` trains it on every file. Predictions are
out-of-fold by query and document. The threshold is set on 500 originals, at 5 % false positives.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import click
import numpy as np
from rich.console import Console
from rich.table import Table

from robustrank.adversarial import Attacked, read_adversarial
from robustrank.collections.collection import Collection
from robustrank.measures.detection import detection_rate
from robustrank.plugins import create
from robustrank.plugins.specification import Spec, parse
from robustrank.randomness import derive

BASELINES = (Spec("spamicity-filter"), Spec("outlier-filter"))
FEATURES = (["ngrams", "style"], ["ngrams"], ["style"], ["ngrams", "style", "overlap"])


@click.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--documents", default=400, show_default=True, help="Training documents.")
@click.option("--test", default=300, show_default=True, help="Test documents per file.")
@click.option("--sets", default=len(FEATURES), show_default=True, help="Number of feature sets.")
def main(files: tuple[Path, ...], documents: int, test: int, sets: int) -> None:
    """Print the table."""
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
    for file, file_records in records.items():
        order = derive(0, "test", file.stem).permutation(len(file_records))
        sample = [file_records[int(i)] for i in order[:test]]
        for spec, trained_on in detectors(files, file, documents, sets):
            filtered = create("defense", spec).wrap(ranker, collection, derive(0, "detection"))
            table.add_row(file.stem, spec.label, trained_on, *detection_figures(filtered, sample))
    Console(width=140).print(table)


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


def detection_figures(filtered, records: Sequence[Attacked]) -> list[str]:
    """Return AUC, shares of flagged attacked and clean documents (%), and the detection rate (%) at 5 % FPR."""
    before, after = ([(record.query, getattr(record, name)) for record in records] for name in ("before", "after"))
    clean, attacked = filtered.anomaly_scores(before), filtered.anomaly_scores(after)
    area = np.mean((attacked[:, None] > clean) + 0.5 * (attacked[:, None] == clean))
    shares = (
        filtered.is_flagged(after).mean(),
        filtered.is_flagged(before).mean(),
        detection_rate(attacked, clean, 0.05),
    )
    return [f"{area:.3f}", *(f"{100 * share:.1f}" for share in shares)]


if __name__ == "__main__":
    main()
