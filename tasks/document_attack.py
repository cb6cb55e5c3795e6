"""Attacks on documents: can a document be pushed up the list, what does it cost, and does it beat a random edit?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal

import numpy as np

from robustrank.attack import Control, Perturbation
from robustrank.collections.collection import Collection
from robustrank.engine.batching_scheduler import MAX_CONCURRENT, AttackThread, run_batched
from robustrank.engine.context import Context
from robustrank.measures.effectiveness import list_ndcg
from robustrank.measures.ranking import inserted_rank, published_script_rank, ranking
from robustrank.plugins import create, find, parameters
from robustrank.plugins.specification import Spec
from robustrank.rankers.bi_encoder import text_encoder
from robustrank.rankers.ranker import GradientRanker
from robustrank.rows import Condition, Fact, Row
from robustrank.task import Task
from robustrank.text.quality import edit_size
from robustrank.victim import Access, AccessDenied, Budget, BudgetExhausted, QueryInterface, Target, Victim

from .parts.attack_result import AttackResult, stealth_metrics
from .parts.defense_checks import check_certificates, detection_rows
from .parts.targets import rank_bands, sample_targets

CUTOFFS = (10, 50)


@dataclass(frozen=True)
class DocumentAttack(Task):
    """Success, boost, cost and size of an attack on documents, beside the random edit of the same size.

    Rank after: the document is taken out of the list and inserted by its new score, ties by document id. The
    published scripts leave the old score in; their figures have the condition ``published_script``.
    """

    targets: tuple[str, ...] = ("easy-5",)  # easy-5, hard-5, bands of ranks as 51-60, or last-5
    queries: int | None = None  # the first so many queries of the collection; null is all
    access: Literal["nothing", "ranks", "scores", "gradients"] = "gradients"  # the most an attacker is granted
    budget_queries: int | None = None  # victim calls a target, a text each; null is no limit
    budget_seconds: float | None = None  # wall-clock a target; a limit makes rows depend on the machine's speed
    replace: Literal["one", "together"] = "one"  # for nDCG/attacked: one attacked document at a time, or all at once
    noise: float = 1e-5  # a score gain no larger than this is numerical noise
    encoder: str | None = None  # a bi-encoder's specification, as minilm: the similarity of a text before and after
    language_model: str | None = None  # a causal language model, as smollm2: the perplexity of a text before and after

    axes = ("defense", "document_attack")
    reference = (
        "Wu, Zhang, Guo, Fan, Cheng: Are Neural Ranking Models Robust? ACM TOIS 41(2), 2023; "
        "protocol of Chen et al. (IDEM), Findings of ACL 2023"
    )
    deviations = "ranks are taken after the old document has left the list; targets are sampled by the run's seed"
    table = "document-attack"

    def __post_init__(self) -> None:
        if self.encoder is not None:
            text_encoder(self.encoder)  # and an encoder that embeds nothing
        rank_bands(self.targets)  # refuse an unknown set of targets before anything runs

    def run(self, context: Context) -> Iterator[Row]:
        """Attack every target, judge all texts in one call to the scoring engine."""
        refusal = self._refusal(context)
        if refusal:
            yield context.row("success", None, condition="attacked", status="skipped", note=refusal)
            return
        if not context.query_ids(self.queries):
            return  # none of the first queries is in this fold
        interface = QueryInterface(context.scorer, context.attack.access, checkpoint_dir=context.checkpoint_dir)
        context.attack.prepare(interface, self._train_collection(context), context.rng("prepare", self._name(context)))
        yield context.row("queries", interface.meter.queries, group="prepare")
        control = self._control(context)
        chosen = self._targets(context)
        for target, reason in chosen:
            if not target.doc_id:
                yield context.row("success", None, target.query_id, condition="attacked", status="skipped", note=reason)
        results = self._attempts(context, [target for target, _ in chosen if target.doc_id], control)
        self._judge(context, results)
        for result in results:
            yield from self._rows(context, result)
        yield from self._damage(context, results)
        yield from check_certificates(context, results)
        yield from detection_rows(context, results)

    def calls(self, context: Context) -> int:
        """Every candidate once; a target, the budget (or 1,000 calls where there is none), its text and its control."""
        query_ids = context.query_ids(self.queries)
        lists = sum(len(context.collection.candidates[query_id]) for query_id in query_ids)
        limit = 1000 if self.budget_queries is None else self.budget_queries
        return lists + sum(self._count(name) for name in rank_bands(self.targets)) * len(query_ids) * (limit + 2)

    def _count(self, band: str) -> int:
        return int(band.removeprefix("last-")) if band.startswith("last-") else 1

    def _name(self, context: Context) -> str:
        return context.cell.attack.text if context.cell.attack else ""

    def _refusal(self, context: Context) -> str:
        """Return why this attack cannot be made on this ranker, or nothing."""
        granted, needed = Access[self.access.upper()], context.attack.access
        if needed > granted:
            return f"the attack needs {needed.name.lower()}, and the task grants {granted.name.lower()} at the most"
        if needed == Access.GRADIENTS and not isinstance(context.scorer.ranker, GradientRanker):
            return "the attack needs gradients, and this ranker has none"
        return ""

    def _targets(self, context: Context) -> list[tuple[Target, str]]:
        """Return the targets; one without a document stands for a band its list is too short for."""
        query_ids = context.query_ids(self.queries)
        context.run(query_ids=query_ids)  # all lists in one call
        found: list[tuple[Target, str]] = []
        for query_id in query_ids:
            query = context.collection.queries[query_id]
            ranked, _ = context.ranked(query_id)
            own = context.attack.targets(query_id)
            ranks, missing = (
                sample_targets(ranked, self.targets, context.rng("targets", query_id)) if own is None else ([], [])
            )
            ranks = ranks if own is None else [n for n, c in enumerate(ranked, start=1) if c.doc_id in own]
            for rank in ranks:
                candidate = ranked[rank - 1]
                found.append((Target(query_id, query, candidate.doc_id, candidate.text, rank, ranked), ""))
            for band in missing:
                reason = f"ranks {band}: the list holds {len(ranked)} documents"
                found.append((Target(query_id, query, "", "", 0), reason))
        return found

    def _train_collection(self, context: Context) -> Collection:
        """Return the collection with the queries that are not attacked, from which an attack may learn.

        Where all are attacked it holds them all.
        """
        attacked = set(context.query_ids(self.queries))
        others = [query_id for query_id in context.whole.queries if query_id not in attacked]
        return context.whole.only(others or list(attacked))

    def _attempts(self, context: Context, targets: Sequence[Target], control: Control | None) -> list[AttackResult]:
        """Attack many targets at once; one at a time where each has a time limit of its own."""
        jobs = [partial(self._attempt, context, target, control) for target in targets]
        found: dict[int, AttackResult] = {}
        for number, result in run_batched(jobs, context.scorer, MAX_CONCURRENT if self.budget_seconds is None else 1):
            found[number] = result
            context.advance(len(found), len(jobs))
        return [found[number] for number in range(len(jobs))]

    def _attempt(
        self, context: Context, target: Target, control: Control | None, scorer: AttackThread[AttackResult]
    ) -> AttackResult:
        """Let the attack do its work within its access and budget."""
        attack, names = context.attack, (self._name(context), target.query_id, target.doc_id)
        budget = Budget(self.budget_queries, self.budget_seconds)
        victim = Victim(scorer, target, context.ranked(target.query_id)[1], attack.access, budget)
        unchanged = Perturbation(target.document)
        try:
            perturbation = attack.perturb(target, victim, context.rng("attack", *names))
            result = AttackResult(target, perturbation, "budget_exhausted" if perturbation.exhausted else "ok", "")
        except BudgetExhausted as error:
            result = AttackResult(target, unchanged, "budget_exhausted", str(error))
        except AccessDenied as error:
            result = AttackResult(target, unchanged, "error", str(error))
        result.note = result.note or result.perturbation.note
        result.costs = {Fact("queries"): victim.meter.queries, Fact("calls"): victim.meter.calls}
        if control is not None:  # a document that was not edited has the edit of the same size: none
            edited = bool(result.perturbation.edits)
            rng = context.rng("control", *names)
            result.control = control.match_size(target, result.perturbation, rng) if edited else unchanged
        return result

    def _control(self, context: Context) -> Control | None:
        """Return the attack's control, prepared, with the parameters the two share, as the substitution table."""
        attack = context.attack
        if not attack.control:
            return None
        shared = {
            parameter.name: getattr(attack, parameter.name)
            for parameter in parameters(find("attack", attack.control))
            if hasattr(attack, parameter.name)
        }
        control = create("attack", Spec(attack.control, shared))
        if not isinstance(control, Control):
            raise TypeError(f"{attack.control!r} is named as a control and is none")
        control.prepare(
            QueryInterface(context.scorer, Access.NOTHING), context.collection, context.rng("prepare control")
        )
        return control

    def _judge(self, context: Context, results: list[AttackResult]) -> None:
        """Score every attacked text and its control in one call; write down ranks, success and size."""
        texts = [
            (result.target.query, text)
            for result in results
            for text in (result.perturbation.text, (result.control or result.perturbation).text)
        ]
        scores = context.scorer.score(texts).tolist()
        for number, result in enumerate(results):
            result.metrics = self._clean(context, result) | result.costs
            result.metrics |= self._metrics(context, result, result.perturbation, scores[2 * number], "attacked")
            size = getattr(context.attack, context.attack.size_parameter, None)
            result.metrics |= {} if size is None else {Fact("budget"): float(size)}
            if result.control is not None:
                result.metrics |= self._metrics(context, result, result.control, scores[2 * number + 1], "control")
        stealth_metrics(results, context.whole.documents.values(), self.encoder, self.language_model)
        for result in results:
            metrics = [{**fact._asdict(), "value": value} for fact, value in result.metrics.items()]
            context.keep(result.target, result.perturbation, {"status": result.status, "metrics": metrics})

    def _clean(self, context: Context, result: AttackResult) -> dict[Fact, float]:
        _, scores = context.ranked(result.target.query_id)
        rank = result.target.rank
        return {Fact("score", "clean"): float(scores[rank - 1]), Fact("rank", "clean"): float(rank)}

    def _metrics(
        self, context: Context, result: AttackResult, perturbation: Perturbation, score: float, condition: Condition
    ) -> dict[Fact, float]:
        target = result.target
        ranked, scores = context.ranked(target.query_id)
        others = [i for i, candidate in enumerate(ranked) if candidate.doc_id != target.doc_id]
        other_ids = [ranked[i].doc_id for i in others]
        before = float(scores[target.rank - 1])
        after = inserted_rank(score, target.doc_id, scores[others], other_ids)
        success = after < target.rank
        metrics = {
            "score": score,
            "rank": after,
            "success": success,
            "success_above_noise": success and score - before > self.noise,
            "boost": target.rank - after,
            "edits": len(perturbation.edits),
            **edit_size(target.document, perturbation.text),
        }
        if target.rank > 1:
            metrics["normalised_boost"] = (target.rank - after) / (target.rank - 1)
        facts = {Fact(name, condition): float(value) for name, value in metrics.items()}
        facts |= {Fact("success", condition, c): float(after <= c) for c in CUTOFFS if target.rank > c}
        if condition == "attacked":
            published = published_script_rank(score, scores)
            facts[Fact("success", "published_script")] = float(published < target.rank)
            facts[Fact("boost", "published_script")] = float(target.rank - published)
        return facts

    def _rows(self, context: Context, result: AttackResult) -> Iterator[Row]:
        target = result.target
        if result.status == "error":
            names = (target.query_id, target.doc_id)
            yield context.row("success", None, *names, condition="attacked", status="error", note=result.note)
            return
        for fact, value in result.metrics.items():
            undefined = bool(np.isnan(value))  # the perplexity of an empty text
            yield Row(
                target.query_id,
                target.doc_id,
                *fact,
                value=None if undefined else value,
                status="failed" if undefined else result.status,
                note="undefined" if undefined else result.note,
            )

    def _damage(self, context: Context, results: list[AttackResult]) -> Iterator[Row]:
        """Yield nDCG@10 of each query's list, clean and with its attacked documents in it."""
        by_query: dict[str, list[AttackResult]] = {}
        for result in results:
            if result.status != "error":
                by_query.setdefault(result.target.query_id, []).append(result)
        for query_id, own in by_query.items():
            groups = [own] if self.replace == "together" else [[result] for result in own]
            attacked = np.mean([self._ndcg(context, query_id, _new_scores(group)) for group in groups])
            yield from context.rows({"nDCG@10": self._ndcg(context, query_id, {})}, query_id, condition="clean")
            yield from context.rows({"nDCG@10": float(attacked)}, query_id, condition="attacked")

    def _ndcg(self, context: Context, query_id: str, replaced: Mapping[str, float]) -> float:
        ranked, scores = context.ranked(query_id)
        doc_ids = [candidate.doc_id for candidate in ranked]
        new = np.array([replaced.get(d, s) for d, s in zip(doc_ids, scores, strict=True)], dtype=np.float32)
        gains = context.collection.qrels.get(query_id, {})
        in_order = np.array([gains.get(doc_ids[i], 0) for i in ranking(new, doc_ids)], dtype=np.float64)
        return list_ndcg(in_order, np.array(list(gains.values()), dtype=np.float64), 10)


def _new_scores(results: list[AttackResult]) -> dict[str, float]:
    return {result.target.doc_id: result.metrics[Fact("score", "attacked")] for result in results}
