"""Every query with one typo: the worst case of effectiveness, exact, and the top-K sets that no typo changes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from robustrank.engine.context import Context
from robustrank.measures.effectiveness import evaluate
from robustrank.measures.ties import Ties
from robustrank.plugins.constraints import Count, Several
from robustrank.rankers.ranker import Ranker, TermRanker
from robustrank.records import RankedList, Request
from robustrank.rows import Row
from robustrank.task import Task
from robustrank.text.languages import ENGLISH
from robustrank.text.typos import single_edits

from .parts.measures import Measures

if TYPE_CHECKING:
    from robustrank.tables import TaskReport

PAIRS_PER_CALL = 100_000  # of misspelt queries and candidates, ranked in one call


@dataclass(frozen=True)
class QueryTypos(Task):
    """The worst of all queries with one typo: a letter is deleted, inserted, substituted, or swapped with the next.

    Nothing is sampled: about 53 variants of each letter are ranked, those that a ranker of terms reads alike once, and
    their scores are not cached. The candidates are those of the clean query; they are not retrieved again. Worst-case
    values are exact, and a top-K set that no variant changes is certified against one typo.
    """

    ks: Several[Count] = (1, 3, 5, 10)  # the K of top-K
    long_words: bool = False  # whether words of four letters or more that are no stop words alone are misspelt
    queries: Count | None = None  # the first so many queries of the collection; null is all
    measures: Measures = ("nDCG@10",)  # effectiveness measures
    ties: Ties = "id"  # the order of equal scores in measures: by document id, or the worst for the ranker

    languages = (ENGLISH,)
    reference = "Zhuang, Zuccon: Dealing with Typos for BERT-based Passage Retrieval and Ranking, EMNLP 2021"
    deviations = "all typos of one edit are enumerated, where the paper samples them"
    undivided = ""
    headline = ("nDCG@10", "worst")

    @staticmethod
    def report() -> TaskReport:
        """Its tables."""
        from .reports.query_typos import REPORT

        return REPORT

    def run(self, context: Context) -> Iterator[Row]:
        """Rank every query with every typo."""
        query_ids = context.query_ids(self.queries)
        clean = context.evaluate(context.run(query_ids=query_ids), self.measures, self.ties)
        for number, query_id in enumerate(query_ids):
            context.advance(number, len(query_ids), "queries")
            yield from self._measure(
                context, query_id, {measure: clean[measure][query_id] for measure in self.measures}
            )

    def calls(self, context: Context) -> int:
        """Every candidate for every variant of its query."""
        return sum(
            (1 + len(self._variants(context, query_id))) * len(context.collection.candidates[query_id])
            for query_id in context.query_ids(self.queries)
        )

    def _measure(self, context: Context, query_id: str, clean: dict[str, float]) -> Iterator[Row]:
        request, variants = context.request(query_id), self._variants(context, query_id)
        readings = _readings(context.served.ranker, request, variants)
        lists = {request.query: context.ranked(query_id)}
        distinct = [name for name in dict.fromkeys(readings) if name not in lists]
        at_once = max(1, PAIRS_PER_CALL // max(1, len(request)))
        for start in range(0, len(distinct), at_once):
            requests = [replace(request, query=name) for name in distinct[start : start + at_once]]
            rankings = context.served.rank_anew(requests)
            lists |= {r.query: RankedList(r, ranking) for r, ranking in zip(requests, rankings, strict=True)}
        run = {name: context.measured(ranked) for name, ranked in lists.items()}
        values = evaluate(dict.fromkeys(run, context.collection.qrels[query_id]), run, self.measures, "zero", self.ties)
        for measure in self.measures:
            of_variants = [values[measure][name] for name in readings] or [clean[measure]]
            yield from context.rows({measure: clean[measure]}, query_id)
            worst = min(clean[measure], *of_variants)
            yield from context.rows({measure: worst}, query_id, condition="worst")
            yield from context.rows({measure: float(np.mean(of_variants))}, query_id, condition="attacked")
        yield from context.rows({"variants": len(variants)}, query_id)
        for k in (k for k in self.ks if k < len(request)):
            sets = {frozenset(ranked.doc_ids[:k]) for ranked in lists.values()}
            yield context.row("same_set", len(sets) == 1, query_id, k=k)

    def _variants(self, context: Context, query_id: str) -> list[str]:
        return single_edits(context.collection.queries[query_id], context.collection.language, self.long_words)


def _readings(ranker: Ranker, request: Request, variants: Sequence[str]) -> list[str]:
    """Return for each variant one that the ranker reads alike: the first of them.

    A ranker of terms reads variants alike that have the same terms, those left out that are in no candidate: where they
    add nothing to any score.
    """
    if not isinstance(ranker, TermRanker):
        return list(variants)
    known = {term for candidate in request.candidates for term in ranker.terms(candidate.text)}
    first, names = dict[tuple[str, ...], str](), []
    for variant in [request.query, *variants]:
        terms = [
            t for t in ranker.terms(variant) if t in known or any(ranker.terms_score([t], {t: 0}, n) for n in (1, 100))
        ]
        names.append(first.setdefault(tuple(sorted(terms)), variant))
    return names[1:]
