"""Does a detector find an attack it was not taught? Leave one attack out, on files in DARA's layout.

    python benchmarks/detection.py dara/valid.idem.tsv dara/valid.pat.tsv dara/valid.prada.tsv

Each line trains the learned filter on all files but one and tests it on that one; ``all`` trains it on every file.
Predictions are out-of-fold by query and document. The threshold is set on 500 originals, at 5 % false positives.
"""

from __future__ import annotations

from collections.abc import Sequence
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
@click.option("--documents", default=400, show_default=True, help="Documents learned from.")
@click.option("--test", default=300, show_default=True, help="Documents of the tested file.")
@click.option("--sets", default=len(FEATURES), show_default=True, help="So many sets of features.")
def main(files: tuple[Path, ...], documents: int, test: int, sets: int) -> None:
    """Print the table."""
    if len(files) < 2:
        raise click.UsageError("one file is left out, so there have to be two at the least")
    records = {file: [one for one in read_adversarial(file) if one.before != one.after] for file in files}
    collection = collection_of([one for own in records.values() for one in own])
    ranker = create("ranker", parse("bm25"))
    ranker.prepare(collection)
    shown = Table(title=f"{documents} documents learned from, {test} tested")
    for column in ("tested on", "detector", "taught with"):
        shown.add_column(column)
    for column in ("AUC", "detected %", "false positives %", "x"):
        shown.add_column(column, justify="right")
    for file, own in records.items():
        chosen = [own[int(i)] for i in derive(0, "test", file.stem).permutation(len(own))[:test]]
        for spec, scorer_trained_on in contestants(files, file, documents, sets):
            filtered = create("defense", spec).wrap(ranker, collection, derive(0, "detection"))
            shown.add_row(file.stem, spec.label, scorer_trained_on, *figures(filtered, chosen))
    Console(width=140).print(shown)


def collection_of(records: Sequence[Attacked]) -> Collection:
    """Return the originals as a collection: a query's candidates are the documents that were attacked for it."""
    queries = {one.query_id: one.query for one in records}
    listed: dict[str, dict[str, None]] = {}
    for one in records:
        listed.setdefault(one.query_id, {})[one.doc_id] = None
    documents = {one.doc_id: one.before for one in records}
    return Collection("originals", queries, documents, {}, {query: tuple(own) for query, own in listed.items()})


def contestants(files: Sequence[Path], left_out: Path, documents: int, sets: int) -> list[tuple[Spec, str]]:
    """Return the detectors and what each is taught with."""
    found = [(spec, "–") for spec in BASELINES]
    for features in FEATURES[:sets]:
        for scorer_trained_on in ([file for file in files if file != left_out], files):
            parameters = {"attacks": [], "files": [str(file) for file in scorer_trained_on], "features": features}
            label = f"learned, {' + '.join(features)}"
            names = (
                "all" if len(scorer_trained_on) == len(files) else ", ".join(file.stem for file in scorer_trained_on)
            )
            found.append((Spec("learned-filter", {**parameters, "documents": documents}, label), names))
    return found


def figures(filtered, records: Sequence[Attacked]) -> list[str]:
    """Return the AUC, the shares flagged of attacked and of original documents, and the rate at 5 % of these."""
    before, after = ([(one.query, getattr(one, name)) for one in records] for name in ("before", "after"))
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
