"""What a certificate costs, and what its bound is worth: one ranker, one table, one confidence.

    python benchmarks/certification.py
    python benchmarks/certification.py --ranker splade:max_length=64 --queries 1 --depth 12

Every bound certifies the same lists, from the same copies. The plain loop is what the published evaluation does: one
document at a time, a fixed number of copies, in batches of 8; it is timed on ``--plain`` documents, evenly spread over
the lists. Whoever is timed starts with a ranker that remembers nothing. The bounds of a fixed number of samples share
their scores, so that their table has no times. The default ranker is the body of splade-tiny as a bi-encoder.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import click
import numpy as np
from rich.console import Console
from rich.table import Table

from robustrank.certification.certificate import Certificate
from robustrank.collections.collection import Collection
from robustrank.measures.ranking import ranking
from robustrank.plugins import create
from robustrank.plugins.specification import Spec, parse
from robustrank.randomness import derive
from robustrank.rankers.ranker import Pair, PointwiseRanker, Ranker, Scores
from robustrank.records import Candidate

KS = (1, 3, 5, 10)
FIXED = {  # of as many samples each
    "mean, Hoeffding, 1,000": ("certdr", {"samples": 1000, "bound": "hoeffding"}),
    "mean, betting, 1,000": ("certdr", {"samples": 1000, "bound": "betting"}),
    "mean, betting, 300": ("certdr", {"samples": 300, "bound": "betting"}),
    "median, 1,000": ("median-smoothing", {"samples": 1000}),
    "median, 300": ("median-smoothing", {"samples": 300}),
}
ON_DEMAND = {"samples": 16, "bound": "sequential", "most": 1000}
List = tuple[str, str, list[Candidate]]  # query id, query, documents


@dataclass
class Remembering(PointwiseRanker):
    """A ranker that scores no pair twice."""

    inner: Ranker
    known: dict[Pair, float] = field(default_factory=dict)

    @property
    def fingerprint(self) -> str:
        """The ranker's."""
        return self.inner.fingerprint

    def score(self, pairs: Sequence[Pair]) -> Scores:
        """Return float32[n]."""
        fresh = list(dict.fromkeys(pair for pair in pairs if pair not in self.known))
        self.known.update(zip(fresh, self.inner.score(fresh).tolist() if fresh else [], strict=True))
        return np.array([self.known[pair] for pair in pairs], dtype=np.float32)


@click.command()
@click.option("--collection", default="lee", show_default=True, help="A specification.")
@click.option(
    "--ranker", default="bi-encoder:model=splade-tiny,max_length=64", show_default=True, help="A specification."
)
@click.option("--queries", default=6, show_default=True)
@click.option("--depth", default=20, show_default=True, help="Documents of a list.")
@click.option("--threshold", default=0.5, show_default=True, help="The table's least cosine.")
@click.option("--size", default=100, show_default=True, help="Words of a perturbation set at the most.")
@click.option("--radius", default=1, show_default=True, help="Words an attacker may replace.")
@click.option("--plain", default=6, show_default=True, help="Documents of the plain loop.")
def main(
    collection: str, ranker: str, queries: int, depth: int, threshold: float, size: int, radius: int, plain: int
) -> None:
    """Print the table."""
    read: Collection = create("collection", parse(collection)).read()
    shared = {"threshold": threshold, "size": size}
    lists = listed(read, ranker, queries, depth)
    title = f"{len(lists)} lists of {depth} documents, R = {radius}, cosine {threshold}, sets of {size}, {ranker}"
    shown = Table("", *(f"certified@{k}" for k in KS), "samples a document", "documents a minute", title=title)
    smoothed = hardened("certdr", {**shared, **ON_DEMAND}, prepared(ranker, read), read)
    start = time.perf_counter()
    found = certified(smoothed, lists, radius)
    pace = 60 * len(lists) * depth / (time.perf_counter() - start)
    drawn = float(np.mean([document.samples for own in found for document in own[0].documents]))
    shown.add_row("mean, on demand, 1,000 at most", *counts(found), f"{drawn:.0f}", f"{pace:.1f}")
    loop = plain_loop(hardened("certdr", {**shared, "samples": 1000}, prepared(ranker, read), read), lists, plain)
    shown.add_row("plain loop, 1,000", *("" for _ in KS), "1000", f"{loop:.1f}")
    shown.add_row("ratio", *("" for _ in KS), f"{1000 / drawn:.1f}", f"{pace / loop:.1f}")
    Console(width=140).print(shown)
    shown = Table("", *(f"certified@{k}" for k in KS), title="the same lists, fixed numbers of samples")
    once = Remembering(prepared(ranker, read))
    for name, (defense, parameters) in FIXED.items():
        found = certified(hardened(defense, {**shared, **parameters}, once, read), lists, radius)
        shown.add_row(name, *counts(found))
    Console(width=140).print(shown)


def prepared(ranker: str, collection: Collection) -> Ranker:
    """Return the ranker with its weights read and nothing remembered."""
    made: Ranker = create("ranker", parse(ranker))
    made.prepare(collection)
    made.score([("warm", "up")])
    return made


def hardened(defense: str, parameters: dict[str, object], inner: Ranker, collection: Collection):
    """Return the ranker under the defense."""
    return create("defense", Spec(defense, parameters)).wrap(inner, collection, derive(0, "defense"))


def listed(collection: Collection, ranker: str, queries: int, depth: int) -> list[List]:
    """Return for the first queries the ``depth`` best documents of the clean ranker."""
    inner = prepared(ranker, collection)
    lists = []
    for query_id in list(collection.queries)[:queries]:
        ids = list(collection.candidates[query_id])
        order = ranking(inner.score(collection.pairs(query_id)), ids)[:depth]
        documents = [Candidate(ids[i], collection.documents[ids[i]]) for i in order]
        lists.append((query_id, collection.queries[query_id], documents))
    return lists


def certified(smoothed, lists: Sequence[List], radius: int) -> list[list[Certificate]]:
    """Return for each list its certificates that hold, one a K."""
    found = [smoothed.certify(query_id, query, documents, KS, radius) for query_id, query, documents in lists]
    return [[one for one in own if one.holds] for own in found]


def counts(found: Sequence[Sequence[Certificate]]) -> list[str]:
    """Return the number of certified lists for each K."""
    return [str(sum(own[place].certified for own in found)) for place in range(len(KS))]


def plain_loop(smoothed, lists: Sequence[List], count: int) -> float:
    """Return documents a minute, one at a time, copy after copy in batches of 8."""
    every = [(query, document.text) for _, query, documents in lists for document in documents]
    chosen = [every[i] for i in np.linspace(0, len(every) - 1, count).round().astype(int)]
    start = time.perf_counter()
    for query, text in chosen:
        copies = smoothed.copies(text)
        for place in range(0, len(copies), 8):
            smoothed.inner.score([(query, copy) for copy in copies[place : place + 8]])
    return 60 * count / (time.perf_counter() - start)


if __name__ == "__main__":
    main()
