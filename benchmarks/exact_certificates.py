"""Milliseconds that the exact certificates of an undefended lexical ranker take a list, by radius.

    OMP_NUM_THREADS=1 python benchmarks/exact_certificates.py
    OMP_NUM_THREADS=1 python benchmarks/exact_certificates.py --collection ir-datasets:id=cranfield --rounds 3

Each list is certified for every K with its witnesses, one radius in a process that has met no list before, then all
radii together, as the task ``certified-topk`` asks for them: the terms of a text and of its substitutes are then found
once. The ranking and the table, which is one of the collection's words, are made before. Times are processor times,
medians over rounds.
"""

from __future__ import annotations

import gc
import sys
import time
from dataclasses import replace
from pathlib import Path

import click
import numpy as np
from rich.console import Console
from rich.table import Table

sys.path.insert(0, str(Path(__file__).parents[1]))
from benchmarks.records import Records, out_option
from robustrank.collections.collection import Collection
from robustrank.plugins import create
from robustrank.plugins.specification import Spec, parse
from robustrank.randomness import derive
from robustrank.rankers.ranker import Ranker
from robustrank.records import RankedList

KS = (1, 3, 5, 10, 20)
RADII: tuple[int | None, ...] = (1, 2, 5, None)
THRESHOLDS = (0.5, 0.6)


@click.command()
@click.option("--collection", default="lee", show_default=True, help="A specification.")
@click.option("--ranker", default="bm25", show_default=True, help="A specification.")
@click.option("--depth", default=30, show_default=True, help="Documents per list.")
@click.option("--rounds", default=3, show_default=True, type=click.IntRange(1))
@out_option
def main(collection: str, ranker: str, depth: int, rounds: int, out: Path | None) -> None:
    """Print the table."""
    records = Records(out, click.get_current_context().params)
    gc.set_threshold(20_000)  # as in the workers of a run
    test_collection: Collection = create("collection", parse(collection)).read()
    inner: Ranker = create("ranker", parse(ranker))
    inner.prepare(test_collection)
    lists = []
    for query_id in test_collection.queries:
        request = test_collection.request(query_id)
        request = replace(request, candidates=request.candidates[:depth])
        lists.append(RankedList(request, inner.rank([request])[0]))
    title = f"ms a list, {len(lists)} lists of {depth} documents, K = {', '.join(map(str, KS))}, {ranker}"
    columns = (*("R = all" if radius is None else f"R = {radius}" for radius in RADII), "four radii together")
    table = Table("cosine", *columns, title=title)
    for threshold in THRESHOLDS:
        medians = [
            float(np.median([pace(lists, test_collection, inner, threshold, radii) for _ in range(rounds)]))
            for radii in (*((radius,) for radius in RADII), RADII)
        ]
        for radii, median in zip((*RADII, "together"), medians, strict=True):
            named = "all" if radii is None else radii
            records.keep("exact certificates", lists=len(lists), cosine=threshold, radius=named, ms_a_list=median)
        table.add_row(str(threshold), *(f"{median:.1f}" for median in medians))
    Console(width=140).print(table)
    records.write()


def pace(
    lists: list[RankedList], collection: Collection, inner: Ranker, threshold: float, radii: tuple[int | None, ...]
) -> float:
    """Return milliseconds a list."""
    defense = create("defense", Spec("exact-certificate", {"threshold": threshold}))
    certified = defense.wrap(inner, collection, derive(0, "defense"))
    for word in certified.table.neighbours:
        certified.table.substitutes(word)
    start = time.process_time()
    for ranked in lists:
        for radius in radii:
            certified.certify(ranked, KS, radius)
    return 1000 * (time.process_time() - start) / len(lists)


if __name__ == "__main__":
    main()
