"""Attacks on queries: how much effectiveness is lost when the query alone is perturbed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from robustrank.attack import Perturbation
from robustrank.engine.context import Context
from robustrank.measures.effectiveness import evaluate
from robustrank.rows import Row
from robustrank.task import Task
from robustrank.victim import Access, QueryInterface, Target, Victim

Variants = dict[str, list[Perturbation]]  # query id -> its perturbed forms


@dataclass(frozen=True)
class QueryAttack(Task):
    """Original, mean and worst-case effectiveness over several perturbed variants of each query."""

    variants: int = 5  # perturbed forms of each query
    queries: int | None = None  # the first so many queries of the collection; null is all
    measures: tuple[str, ...] = ("nDCG@10", "AP", "RR@10")  # effectiveness measures, each in [0, 1]

    axes = ("defense", "query_attack")
    reference = (
        "Penha, Camara, Hauff: Evaluating the Robustness of Retrieval Pipelines with Query Variation Generators, "
        "ECIR 2022, arXiv 2111.13057"
    )
    table = "query-attack"

    def run(self, context: Context) -> Iterator[Row]:
        """Rank with every variant, all in one call to the scoring engine."""
        if not self._query_ids(context):
            return  # none of the first queries is in this fold
        interface = QueryInterface(context.scorer, context.attack.access)
        context.attack.prepare(interface, context.collection, context.rng("prepare", self._name(context)))
        variants = {query_id: self._perturb(context, query_id) for query_id in self._query_ids(context)}
        qrels = {query_id: context.collection.qrels[query_id] for query_id in variants}
        clean = evaluate(qrels, context.run(query_ids=list(variants)), self.measures)
        attacked = [evaluate(qrels, run, self.measures) for run in self._runs(context, variants)]
        for query_id, perturbed in variants.items():
            for measure in self.measures:
                values = [one[measure][query_id] for one in attacked]
                before = clean[measure][query_id]
                yield from context.rows({measure: before}, query_id, condition="clean")
                yield from context.rows({measure: float(np.mean(values))}, query_id, condition="attacked")
                yield from context.rows({measure: min(values)}, query_id, condition="worst")
            edited = np.mean([p.text != context.collection.queries[query_id] for p in perturbed])
            yield context.row("edited", float(edited), query_id)

    def calls(self, context: Context) -> int:
        """Every candidate with the query and with each of its variants."""
        candidates = sum(len(context.collection.candidates[query_id]) for query_id in self._query_ids(context))
        return candidates * (1 + self.variants)

    def _query_ids(self, context: Context) -> list[str]:
        return context.query_ids(self.queries)

    def _perturb(self, context: Context, query_id: str) -> list[Perturbation]:
        plain = Target(query_id, context.collection.queries[query_id], "", "", 0)
        victim = Victim(context.scorer, plain, np.empty(0, np.float32), Access.NOTHING)
        made = []
        for index in range(self.variants):
            rng = context.rng("query-attack", self._name(context), query_id, str(index))
            made.append(context.attack.perturb(replace(plain, variant=index), victim, rng))
            context.keep(plain, made[-1], {"variant": index})
        return made

    def _name(self, context: Context) -> str:
        return context.cell.attack.text if context.cell.attack else ""

    def _runs(self, context: Context, variants: Variants) -> Iterator[dict[str, dict[str, float]]]:
        """Yield a run for each variant number; pairs of all variants are scored in one call."""
        collection = context.collection
        places = [
            (index, query_id, doc_id)
            for index in range(self.variants)
            for query_id in variants
            for doc_id in collection.candidates[query_id]
        ]
        scores = context.scorer.score(
            [(variants[query_id][index].text, collection.documents[doc_id]) for index, query_id, doc_id in places]
        )
        runs: list[dict[str, dict[str, float]]] = [{} for _ in range(self.variants)]
        for (index, query_id, doc_id), score in zip(places, scores.tolist(), strict=True):
            runs[index].setdefault(query_id, {})[doc_id] = score
        yield from runs
