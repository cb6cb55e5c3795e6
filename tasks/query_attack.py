"""Attacks on queries: how much effectiveness is lost when the query alone is perturbed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Literal

import numpy as np

from robustrank.attack import Perturbation
from robustrank.engine.batching_scheduler import AttackThread, run_batched
from robustrank.engine.context import Context
from robustrank.measures.ties import Ties, degenerate_note
from robustrank.plugins.constraints import Amount, Count
from robustrank.prepared_attack import BadPerturbation, PreparedAttack
from robustrank.records import RankedList
from robustrank.rows import Row
from robustrank.task import Task
from robustrank.victim import Access, AccessDenied, Budget, BudgetExhausted, Meter, QueryInterface, QueryVictim, Target

from .parts.bounds import list_lengths, query_attack_calls
from .parts.measures import Measures, pool_recall, with_recall
from .parts.targets import NO_CANDIDATES, beyond_grant, unattacked_queries, unsuited_ranker

if TYPE_CHECKING:
    from robustrank.tables import TaskReport

Values = dict[str, dict[str, float]]  # measure -> query id -> value


@dataclass(frozen=True)
class Variant:
    """A perturbed form of a query, and what it cost."""

    query: str
    perturbation: Perturbation
    meter: Meter
    error: str = ""  # why the attack broke

    @property
    def is_edited(self) -> bool:
        """Whether it differs from the query."""
        return self.perturbation.text != self.query


@dataclass(frozen=True)
class QueryAttack(Task):
    """Original, mean and worst-case effectiveness over several perturbed variants of each query.

    Behind a first stage that searches, each variant is searched for, and recall at its depth is measured (``pool:
    pipeline`` in the rows); otherwise each variant ranks the candidates of its query (``pool: fixed``). What an attack
    asks the victim is about the candidates of the query in both cases.
    """

    variants: Count = 5  # perturbed forms of each query
    queries: Count | None = None  # the first so many queries of the collection; null is all
    measures: Measures = ("nDCG@10", "AP", "RR@10")  # effectiveness measures, each in [0, 1]
    ties: Ties = "id"  # the order of equal scores in measures: by document id, or the worst for the ranker
    access: Literal["nothing", "ranks", "scores"] = "scores"  # the most an attacker is granted
    budget_queries: Amount | None = None  # queries to the victim a variant, a text each; null is no limit

    axes = ("defense", "query_attack")
    reference = (
        "Penha, Camara, Hauff: Evaluating the Robustness of Retrieval Pipelines with Query Variation Generators, "
        "ECIR 2022, arXiv 2111.13057"
    )
    headline = ("nDCG@10", "attacked")
    undivided = "a cell in which no query is edited is skipped"

    @staticmethod
    def report() -> TaskReport:
        """Its tables and figures."""
        from .reports.query_attack import REPORT

        return REPORT

    def skip_reason(self, context: Context) -> str:
        """An attack that needs more access than the task grants is not run."""
        return beyond_grant(context.attack.access, Access[self.access.upper()])

    def run(self, context: Context) -> Iterator[Row]:
        """Rank the candidates of every query for every variant of it, in one call."""
        query_ids = context.query_ids(self.queries)
        if not query_ids:
            return  # none of the first queries is in this fold
        clean_run = context.run(query_ids=query_ids)
        if refusal := unsuited_ranker(context, query_ids):
            measure = self.measures[0]
            yield context.row(measure, None, condition="attacked", status="skipped", note=refusal)
            return
        interface = QueryInterface(context.served, context.attack.access, checkpoint_dir=context.checkpoint_dir)
        attack = context.prepared_attack(interface, unattacked_queries(context, query_ids))
        variants = self._attack_all(context, attack, query_ids)
        yield from self._errors(context, variants)
        query_ids = [query_id for query_id in query_ids if not any(v.error for v in variants[query_id])]
        if not query_ids:
            return
        if not any(variant.is_edited for query_id in query_ids for variant in variants[query_id]):
            attacked_ids = [query_id for query_id in query_ids if context.ranked(query_id).candidates]
            reason = variants[attacked_ids[0]][0].perturbation.note if attacked_ids else NO_CANDIDATES
            note = f"the attack edited no query: {reason}"
            yield context.row(self.measures[0], None, condition="attacked", status="skipped", note=note)
            return  # and no other row: the cell counts as skipped
        yield context.row("queries", interface.meter.queries, group="prepare")
        clean = context.evaluate({query_id: clean_run[query_id] for query_id in query_ids}, self.measures, self.ties)
        clean = with_recall(context, clean, query_ids)
        attacked = self._evaluated(context, query_ids, variants)
        for query_id in query_ids:
            yield from self._rows(context, query_id, variants[query_id], clean_run[query_id], clean, attacked)

    def calls(self, context: Context) -> int | None:
        """Every candidate with the query, with each of its variants, and with each query that an attack puts."""
        query_ids = context.query_ids(self.queries)
        calls = query_attack_calls(context, query_ids, self.variants, self.budget_queries)
        if calls is None:
            return None
        return calls + sum(list_lengths(context, query_ids).values()) * (1 + self.variants)

    def _attack_all(
        self, context: Context, attack: PreparedAttack, query_ids: Sequence[str]
    ) -> dict[str, list[Variant]]:
        """Return the variants of each query; the attacks share their batches."""
        jobs = [
            partial(self._attack, context, attack, query_id, number)
            for query_id in query_ids
            for number in range(self.variants)
        ]
        variants: dict[int, Variant] = {}
        for number, variant in run_batched(jobs, context.served):
            variants[number] = variant
            context.advance(len(variants), len(jobs), "query variants")
        in_order = iter([variants[number] for number in range(len(jobs))])
        return {query_id: [next(in_order) for _ in range(self.variants)] for query_id in query_ids}

    def _attack(
        self, context: Context, attack: PreparedAttack, query_id: str, number: int, backend: AttackThread[Variant]
    ) -> Variant:
        """Let the attack make one variant of a query within its access and budget."""
        served = context.ranked(query_id)
        target = Target(
            query_id, served.request.query, "", "", 0, served.candidates, number, context.collection.language
        )
        victim = QueryVictim(backend, served, context.attack.access, Budget(self.budget_queries))
        if not served.candidates:
            return Variant(target.query, Perturbation(target.query), victim.meter)
        try:
            rng = context.rng("query-attack", context.attack_name, query_id, str(number))
            perturbation = attack.perturb(target, victim, rng)
        except BudgetExhausted as error:
            perturbation = Perturbation(target.query, note=str(error), exhausted=True)
        except (AccessDenied, BadPerturbation) as error:
            return Variant(target.query, Perturbation(target.query), victim.meter, str(error))
        context.keep(target, perturbation, {"variant": number, "queries": victim.meter.queries})
        return Variant(target.query, perturbation, victim.meter)

    def _errors(self, context: Context, variants: Mapping[str, Sequence[Variant]]) -> Iterator[Row]:
        """Yield a row for each query of which the attack broke, in place of its measures."""
        for query_id, variants_of in variants.items():
            errors = [variant.error for variant in variants_of if variant.error]
            for error in errors[:1]:
                yield context.row(self.measures[0], None, query_id, condition="attacked", status="error", note=error)

    def _evaluated(
        self, context: Context, query_ids: Sequence[str], variants: Mapping[str, Sequence[Variant]]
    ) -> list[Values]:
        """Return the measures for each variant number; the lists of all variants are ranked in one call."""
        requests = context.changed_requests(
            [
                (query_id, variants[query_id][number].perturbation.text)
                for number in range(self.variants)
                for query_id in query_ids
            ]
        )
        lists = map(RankedList, requests, context.served.rank(requests))
        by_number = [{query_id: next(lists) for query_id in query_ids} for _ in range(self.variants)]
        return [
            {
                **context.evaluate({q: context.measured(ranked) for q, ranked in of.items()}, self.measures, self.ties),
                **pool_recall(context, {q: ranked.request.doc_ids for q, ranked in of.items()}),
            }
            for of in by_number
        ]

    def _rows(
        self,
        context: Context,
        query_id: str,
        variants: Sequence[Variant],
        clean_scores: Mapping[str, float],
        clean: Values,
        attacked: Sequence[Values],
    ) -> Iterator[Row]:
        pool = context.pool
        for measure in clean:
            values = [by_measure[measure][query_id] for by_measure in attacked]
            note = degenerate_note(clean_scores.values())
            yield from context.rows(
                {measure: clean[measure][query_id]}, query_id, condition="clean", note=note, pool=pool
            )
            yield from context.rows({measure: float(np.mean(values))}, query_id, condition="attacked", pool=pool)
            yield from context.rows({measure: min(values)}, query_id, condition="worst", pool=pool)
        if not clean_scores:
            yield context.row("edited", None, query_id, status="skipped", note=NO_CANDIDATES)
            return
        means = {
            "edited": float(np.mean([variant.is_edited for variant in variants])),
            "queries": float(np.mean([variant.meter.queries for variant in variants])),
            "model_calls": float(np.mean([variant.meter.model_calls for variant in variants])),
        }
        yield from context.rows(means, query_id)
