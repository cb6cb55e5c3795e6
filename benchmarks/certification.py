"""What a certificate costs, and what its bound is worth: one ranker, one table, one confidence.

    python benchmarks/certification.py --queries 8 --depth 20

Every bound certifies the same lists. The plain loop is what the published evaluation does: one document at a time, a
fixed number of copies, in batches of 8; it is timed on ``--plain`` documents. Each contestant starts with a ranker that
remembers nothing.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

import click
import numpy as np
from rich.console import Console
from rich.table import Table

from robustrank.certification.certificate import Certificate
from robustrank.collections.collection import Collection
from robustrank.measures.ranking import ranking
from robustrank.plugins import create
from robustrank.randomness import derive
from robustrank.specification import Spec, parse
from robustrank.victim import Candidate

KS = (1, 3, 5, 10)
CONTESTANTS = {
    "mean, Hoeffding, 1,000": ("certdr", {"samples": 1000, "bound": "hoeffding"}),
    "mean, betting, 300": ("certdr", {"samples": 300, "bound": "betting"}),
    "mean, betting, 1,000": ("certdr", {"samples": 1000, "bound": "betting"}),
    "mean, on demand, 1,000 at most": ("certdr", {"samples": 16, "bound": "sequential", "most": 1000}),
    "median, 300": ("median-smoothing", {"samples": 300}),
    "median, 1,000": ("median-smoothing", {"samples": 1000}),
}


@click.command()
@click.option("--collection", default="lee", show_default=True, help="A specification.")
@click.option("--ranker", default="minilm:max_length=64", show_default=True, help="A specification.")
@click.option("--queries", default=8, show_default=True)
@click.option("--depth", default=20, show_default=True, help="Documents of a list.")
@click.option("--threshold", default=0.5, show_default=True, help="The table's least cosine.")
@click.option("--size", default=100, show_default=True, help="Words of a perturbation set at the most.")
@click.option("--radius", default=1, show_default=True, help="Words an attacker may replace.")
@click.option("--plain", default=4, show_default=True, help="Documents of the plain loop.")
def main(
    collection: str, ranker: str, queries: int, depth: int, threshold: float, size: int, radius: int, plain: int
) -> None:
    """Print the table."""
    read: Collection = create("collection", parse(collection)).read()
    shared = {"threshold": threshold, "size": size}
    lists = listed(read, ranker, queries, depth)
    shown = Table(title=f"{len(lists)} lists of {depth} documents, R = {radius}, cosine {threshold}, sets of {size}")
    for column in ("", *(f"CRQ@{k} %" for k in KS), "samples a document", "seconds", "documents a minute"):
        shown.add_column(column, justify="left" if not column else "right")
    for name, (defense, parameters) in CONTESTANTS.items():
        smoothed = hardened(defense, {**shared, **parameters}, ranker, read)
        start = time.perf_counter()
        found = [smoothed.certify(query_id, query, documents, KS, radius) for query_id, query, documents in lists]
        taken = time.perf_counter() - start
        shown.add_row(name, *rates(found), *costs(found, taken))
    pace = plain_loop(hardened("certdr", {**shared, "samples": 1000}, ranker, read), lists[0], plain)
    shown.add_row("plain loop, 1,000", *("" for _ in KS), "1000", "", f"{pace:.1f}")
    Console(width=140).print(shown)


def hardened(defense: str, parameters: dict[str, object], ranker: str, collection: Collection):
    """Return the ranker under the defense, with its weights read and nothing remembered."""
    inner = create("ranker", parse(ranker))
    inner.prepare(collection)
    made = create("defense", Spec(defense, parameters)).harden(inner, collection, derive(0, "defense"))
    inner.score([("warm", "up")])
    return made


def listed(collection: Collection, ranker: str, queries: int, depth: int) -> list[tuple[str, str, list[Candidate]]]:
    """Return for the first queries the ``depth`` best documents of the clean ranker."""
    inner = create("ranker", parse(ranker))
    inner.prepare(collection)
    lists = []
    for query_id in list(collection.queries)[:queries]:
        ids = list(collection.candidates[query_id])
        order = ranking(inner.score(collection.pairs(query_id)), ids)[:depth]
        documents = [Candidate(ids[i], collection.documents[ids[i]]) for i in order]
        lists.append((query_id, collection.queries[query_id], documents))
    return lists


def rates(found: Sequence[Sequence[Certificate]]) -> list[str]:
    """Return the share of certified lists for each K."""
    valid = [[one for one in own if one.holds] for own in found]
    return [f"{100 * np.mean([own[place].certified for own in valid]):.1f}" for place in range(len(KS))]


def costs(found: Sequence[Sequence[Certificate]], taken: float) -> list[str]:
    """Return the mean number of samples a document, seconds, and documents a minute."""
    samples = [document.samples for own in found for document in own[0].documents]
    return [f"{np.mean(samples):.0f}", f"{taken:.1f}", f"{60 * len(samples) / taken:.1f}"]


def plain_loop(smoothed, one: tuple[str, str, list[Candidate]], count: int) -> float:
    """Return documents a minute, one at a time, copy after copy in batches of 8."""
    _, query, documents = one
    start = time.perf_counter()
    for document in documents[:count]:
        copies = smoothed.copies(document.text)
        for place in range(0, len(copies), 8):
            smoothed.inner.score([(query, copy) for copy in copies[place : place + 8]])
    return 60 * min(count, len(documents)) / (time.perf_counter() - start)


if __name__ == "__main__":
    main()
