"""Cost and yield of certificates by bound, for a given ranker, substitution table and confidence.

    python benchmarks/certification.py
    python benchmarks/certification.py --ranker splade:max_length=64 --depth 12 --documents 12

Every bound certifies the same lists, from the same copies. The list that is served needs no more copies than rank it;
the exact ranker draws further ones on demand. The plain loop is that of the published evaluation: a document at a time,
a fixed number of copies, in batches of 8; it is timed on ``--plain`` documents, evenly spread over the lists. Times are
processor times, the ranking with its copies included, and every timed run starts with an empty score cache. The bounds
with a fixed number of samples share their scores, so their table has no times. The default rankers are the encoder of
splade-tiny as a bi-encoder, and BM25; lists are short and long, since few documents of a long one are near rank K.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import product
from pathlib import Path
from typing import Any

import click
import numpy as np
from rich.console import Console
from rich.table import Table

sys.path.insert(0, str(Path(__file__).parents[1]))
from benchmarks.records import Records, out_option
from robustrank.certification.certificate import EXACT_RANKER, SERVED, Certificate
from robustrank.collections.collection import Collection
from robustrank.plugins import create
from robustrank.plugins.specification import Spec, parse
from robustrank.randomness import derive
from robustrank.rankers.ranker import Pair, PointwiseRanker, Ranker, Scores
from robustrank.records import RankedList, Ranking

KS = (1, 3, 5, 10)
FIXED = {  # with a fixed number of samples
    "mean, Hoeffding, 1,000": ("certdr", {"samples": 1000, "bound": "hoeffding"}),
    "mean, betting, 1,000": ("certdr", {"samples": 1000, "bound": "betting"}),
    "mean, betting, 300": ("certdr", {"samples": 300, "bound": "betting"}),
    "median, 1,000": ("median-smoothing", {"samples": 1000}),
    "median, 300": ("median-smoothing", {"samples": 300}),
}
ON_DEMAND = {"samples": 16, "bound": "sequential", "most": 1000}


@dataclass
class CachedRanker(PointwiseRanker):
    """A ranker with a score cache."""

    inner: PointwiseRanker
    cache: dict[Pair, float] = field(default_factory=dict)

    def score(self, pairs: Sequence[Pair]) -> Scores:
        """Return float32[n]."""
        fresh = list(dict.fromkeys(pair for pair in pairs if pair not in self.cache))
        self.cache.update(zip(fresh, self.inner.score(fresh).tolist() if fresh else [], strict=True))
        return np.array([self.cache[pair] for pair in pairs], dtype=np.float32)


@click.command()
@click.option("--collection", default="lee", show_default=True, help="A specification.")
@click.option(
    "--ranker",
    "rankers",
    multiple=True,
    default=("bi-encoder:model=splade-tiny,max_length=64", "bm25"),
    show_default=True,
    help="A specification; one or more.",
)
@click.option("--depth", "depths", multiple=True, default=(20, 50), show_default=True, help="Documents of a list.")
@click.option("--documents", type=int, help="Documents of all lists; by default 1,000 for BM25, and 100.")
@click.option("--threshold", default=0.5, show_default=True, help="Minimum cosine of the table.")
@click.option("--size", default=100, show_default=True, help="Maximum number of words in a perturbation set.")
@click.option("--radius", default=1, show_default=True, help="Words that an attacker may replace.")
@click.option("--plain", default=60, show_default=True, help="Documents of the plain loop.")
@out_option
def main(
    collection: str,
    rankers: tuple[str, ...],
    depths: tuple[int, ...],
    documents: int | None,
    threshold: float,
    size: int,
    radius: int,
    plain: int,
    out: Path | None,
) -> None:
    """Print the tables."""
    records = Records(out, click.get_current_context().params)
    test_collection: Collection = create("collection", parse(collection)).read()
    shared = {"threshold": threshold, "size": size}
    for ranker, depth in product(rankers, depths):
        count = documents or (1000 if ranker == "bm25" else 100)
        lists = ranked_lists(test_collection, ranker, max(1, count // depth), depth)
        of = f"{len(lists)} lists of {depth} documents, R = {radius}, cosine {threshold}, sets of {size}, {ranker}"
        lines = list(timed(test_collection, ranker, lists, shared, radius, plain))
        for figures in lines:
            records.keep(**figures, ranker=ranker, depth=depth, lists=len(lists))
        Console(width=140).print(times_table(lines, of))
        table = Table("", *(f"certified@{k}" for k in KS), title="the same lists, fixed numbers of samples")
        cached = CachedRanker(prepared(ranker, test_collection))
        for name, (defense, parameters) in FIXED.items():
            of_lists = certified(defended(defense, {**shared, **parameters}, cached, test_collection), lists, radius)
            table.add_row(name, *map(str, counts(of_lists)))
            table.add_row(f"served list, {name}", *map(str, counts([of_list[len(KS) :] for of_list in of_lists])))
        Console(width=140).print(table)
    records.write()


def timed(
    collection: Collection, ranker: str, lists: Sequence[RankedList], shared: dict[str, float], radius: int, plain: int
) -> Iterator[dict[str, Any]]:
    """Yield for the served list, the mean on demand, and the plain loop: certified lists, copies, and the pace."""
    smoothed = defended("certdr", {**shared, **ON_DEMAND}, prepared(ranker, collection), collection)
    requests = [served.request for served in lists]
    documents = sum(map(len, requests))
    start = time.process_time()
    served_lists = [RankedList(*pair) for pair in zip(requests, smoothed.rank(requests), strict=True)]
    of_served = [smoothed.certify_served(served, KS, radius) for served in served_lists]
    pace = 60 * documents / (time.process_time() - start)
    yield line("served list", counts(of_served), ON_DEMAND["samples"], pace)
    of_exact = [smoothed.certify_exact(served, KS, radius) for served in served_lists]
    pace = 60 * documents / (time.process_time() - start)
    drawn = float(np.mean([document.samples for of_list in of_exact for document in of_list[0].documents]))
    yield line("and mean, on demand, at most 1,000", counts(of_exact), drawn, pace)
    fixed = defended("certdr", {**shared, "samples": 1000}, prepared(ranker, collection), collection)
    yield line("plain loop, 1,000", None, 1000, plain_loop(fixed, lists, plain))


def line(what: str, certified_lists: list[int] | None, copies: object, pace: float) -> dict[str, Any]:
    """Return a record."""
    return {"what": what, "certified": certified_lists, "copies": copies, "documents_per_minute": pace}


def times_table(lines: Sequence[Mapping[str, Any]], title: str) -> Table:
    """Return the table of the records of some lists."""
    columns = "copies per document", "documents per minute", "times the plain loop"
    table = Table("", *(f"certified@{k}" for k in KS), *columns, title=title)
    loop = lines[-1]["documents_per_minute"]
    for found in lines:
        pace = found["documents_per_minute"]
        numbers = f"{found['copies']:.0f}", f"{pace:.0f}", f"{pace / loop:.1f}"
        table.add_row(found["what"], *map(str, found["certified"] or [""] * len(KS)), *numbers)
    return table


def prepared(ranker: str, collection: Collection) -> PointwiseRanker:
    """Return the ranker with its weights loaded and an empty cache."""
    model: PointwiseRanker = create("ranker", parse(ranker))
    model.prepare(collection)
    model.score([("warm", "up")])
    return model


def defended(defense: str, parameters: dict[str, object], inner: Ranker, collection: Collection):
    """Return the defended ranker."""
    return create("defense", Spec(defense, parameters)).wrap(inner, collection, derive(0, "defense"))


def ranked_lists(collection: Collection, ranker: str, queries: int, depth: int) -> list[RankedList]:
    """Return for the first queries the top ``depth`` documents of the undefended ranker."""
    inner = prepared(ranker, collection)
    lists = []
    for query_id in list(collection.queries)[:queries]:
        request = collection.request(query_id)
        top = RankedList(request, inner.rank([request])[0]).candidates[:depth]
        lists.append(RankedList(replace(request, candidates=top), Ranking(tuple(range(len(top))))))
    return lists


def certified(smoothed, lists: Sequence[RankedList], radius: int) -> list[list[Certificate]]:
    """Return for each list its certificates of the exact ranker, one per K, then those of the served list."""
    requests = [served.request for served in lists]
    served_lists = [RankedList(*pair) for pair in zip(requests, smoothed.rank(requests), strict=True)]
    certificates = [smoothed.certify(served, KS, radius) for served in served_lists]
    return [
        [c for about in (EXACT_RANKER, SERVED) for c in of_list if c.about == about and c.holds]
        for of_list in certificates
    ]


def counts(certificates: Sequence[Sequence[Certificate]]) -> list[int]:
    """Return the number of certified lists for each K."""
    return [sum(of_list[i].certified for of_list in certificates) for i in range(len(KS))]


def plain_loop(smoothed, lists: Sequence[RankedList], count: int) -> float:
    """Return documents per minute, a document at a time, its copies in batches of 8."""
    pairs = [pair for served in lists for pair in served.request.pairs]
    sample = [pairs[i] for i in np.linspace(0, len(pairs) - 1, count).round().astype(int)]
    start = time.process_time()
    for query, text in sample:
        copies = smoothed.copies(text)
        for start_of_batch in range(0, len(copies), 8):
            smoothed.inner.score([(query, copy) for copy in copies[start_of_batch : start_of_batch + 8]])
    return 60 * count / (time.process_time() - start)


if __name__ == "__main__":
    main()
