"""Attacks on documents: can a document be pushed up the list, what does it cost, and does it beat a random edit?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Literal

from robustrank.attack import Perturbation
from robustrank.engine.batching_scheduler import MAX_CONCURRENT, AttackThread, run_batched
from robustrank.engine.context import Context
from robustrank.language_model import language_model_digest, language_model_languages
from robustrank.measures.ties import Ties
from robustrank.plugins import RankerSpec
from robustrank.plugins.constraints import Amount, Count, Positive, Several, Weight
from robustrank.prepared_attack import BadPerturbation, PreparedAttack
from robustrank.rankers.text_encoder import text_encoder
from robustrank.rows import Fact, Row
from robustrank.task import Task
from robustrank.text.languages import unsupported
from robustrank.victim import Access, AccessDenied, Budget, BudgetExhausted, DocumentVictim, QueryInterface, Target

from .parts.attack_metrics import costs, damage_rows, error_row, noise_floor, rank_attacked, rank_metrics, result_rows
from .parts.attack_result import AttackResult, stealth_metrics
from .parts.bounds import document_attack_calls, list_lengths
from .parts.control import prepared_control
from .parts.defense_checks import check_certificates, detection_rows
from .parts.targets import (
    NO_CANDIDATES,
    beyond_grant,
    rank_bands,
    sample_targets,
    target_count,
    unattacked_queries,
    unsuited_ranker,
)
from .parts.unseen_edits import count_unseen_edits

if TYPE_CHECKING:
    from robustrank.tables import TaskReport


@dataclass(frozen=True)
class DocumentAttack(Task):
    """Success, boost, cost and size of an attack on documents, beside the random edit of the same size.

    The rank after is that of the list with the attacked text in the document's place: a list ranker ranks it again; a
    pointwise ranker's new score is inserted, the old one gone, ties by document id. The published scripts leave the old
    score in the list; their figures have the condition ``published_script``.
    """

    targets: Several[str] = ("easy-5",)  # easy-5, hard-5, bands of ranks as 51-60, or last-5
    queries: Count | None = None  # the first so many queries of the collection; null is all
    access: Literal["nothing", "ranks", "scores", "gradients"] = "gradients"  # the most an attacker is granted
    budget_queries: Amount | None = None  # queries to the victim a target, a text each; null is no limit
    budget_model_calls: Amount | None = None  # pairs or prompts the ranker reads for a target; null is no limit
    budget_seconds: Positive | None = None  # wall-clock a target; a limit makes rows depend on the machine's speed
    ties: Ties = "id"  # the order of equal scores in nDCG: by document id, or the worst for the ranker
    replace: Literal["one", "together"] = "one"  # for nDCG/attacked: one attacked document at a time, or all at once
    noise: Weight = 1e-5  # a score gain no larger than this is numerical noise
    neutral_edits: Amount = 5  # random edits of the attack's size a target, for list rankers: their noise floor
    encoder: RankerSpec | None = None  # a bi-encoder, as minilm: the similarity of a text before and after
    language_model: str | None = None  # a causal language model, as smollm2: the perplexity of a text before and after

    axes = ("defense", "document_attack")
    reference = (
        "Wu, Zhang, Guo, Fan, Cheng: Are Neural Ranking Models Robust? ACM TOIS 41(2), 2023; "
        "protocol of Chen et al. (IDEM), Findings of ACL 2023"
    )
    deviations = "ranks are taken after the old document has left the list; targets are sampled by the run's seed"
    undivided = ""
    headline = ("success", "attacked")

    @staticmethod
    def report() -> TaskReport:
        """Its tables and figures."""
        from .reports.document_attack import REPORT

        return REPORT

    @property
    def fingerprint(self) -> str:
        """The language model's files, where one is named."""
        return "" if self.language_model is None else language_model_digest(self.language_model)

    def __post_init__(self) -> None:
        if self.encoder is not None:
            text_encoder(self.encoder)  # and an encoder that embeds nothing
        rank_bands(self.targets)  # refuse an unknown set of targets before anything runs

    def skip_reason(self, context: Context) -> str:
        """An attack that needs more access than the task grants is not run, nor one without a target in any list."""
        return beyond_grant(context.attack.access, Access[self.access.upper()]) or self._without_targets(context)

    def _without_targets(self, context: Context) -> str:
        lengths = list_lengths(context, context.cell_query_ids(self.queries)).values()
        if not lengths or context.attack.targets("") is not None or any(target_count(self.targets, n) for n in lengths):
            return ""
        return f"no list has targets {', '.join(self.targets)}: the longest holds {max(lengths)} documents"

    def divisible(self, context: Context) -> list[str]:
        """Return none behind a detector, whose ROC curve is of all targets, or if an attack learns one edit for all."""
        is_whole = context.defense.flags or context.attack.cost == "once"
        return [] if is_whole else super().divisible(context)

    def run(self, context: Context) -> Iterator[Row]:
        """Attack every target; rank the lists with the attacked texts, and with those of the control, in one call."""
        query_ids = context.query_ids(self.queries)
        if not query_ids:
            return  # none of the first queries is in this fold
        context.run(query_ids=query_ids)  # all lists in one call
        every = context.cell_query_ids(self.queries)
        if refusal := unsuited_ranker(context, every):
            yield context.row("success", None, condition="attacked", status="skipped", note=refusal)
            return
        interface = QueryInterface(context.served, context.attack.access, checkpoint_dir=context.checkpoint_dir)
        attack = context.prepared_attack(interface, unattacked_queries(context, every))
        yield context.row("queries", interface.meter.queries, group="prepare")
        control = prepared_control(context)
        yield from self._unsupported(context, control)
        targets, missing = self._targets(context, query_ids)
        for query_id, reason in missing:
            yield context.row("success", None, query_id, condition="attacked", status="skipped", note=reason)
        results = []
        for result in self._attack_all(context, attack, targets, control):
            if result.status == "error":
                yield error_row(context, result)
            else:
                results.append(result)
        yield from self._judged(context, results)
        yield from check_certificates(context, results)
        yield from detection_rows(context, results)

    def calls(self, context: Context) -> int | None:
        """Every list once; for each target what the attack asks, its text, and its control's.

        A text costs a list ranker the whole list.
        """
        query_ids = context.query_ids(self.queries)
        lengths = list_lengths(context, query_ids)
        targets = {query_id: self._possible_targets(context, query_id) for query_id in query_ids}
        counts = {query_id: self._target_count(context, targets[query_id], lengths[query_id]) for query_id in query_ids}
        by_attack = document_attack_calls(context, targets, counts, self.budget_queries, self.budget_model_calls)
        if by_attack is None:
            return None
        neutral = 0 if context.is_pointwise_ranker else self.neutral_edits
        texts = 1 + bool(context.attack.control) * (1 + neutral) + (self.replace == "together")
        one_text = {q: 1 if context.is_pointwise_ranker else n for q, n in lengths.items()}
        return by_attack + sum(n + counts[q] * texts * one_text[q] for q, n in lengths.items())

    def _possible_targets(self, context: Context, query_id: str) -> list[str]:
        named, candidates = context.attack.targets(query_id), context.collection.candidates[query_id]
        return [doc_id for doc_id in candidates if named is None or doc_id in named]

    def _target_count(self, context: Context, possible: Sequence[str], listed: int) -> int:
        is_named = context.attack.targets("") is not None
        return len(possible) if is_named else min(len(possible), target_count(self.targets, listed))

    def _targets(self, context: Context, query_ids: Sequence[str]) -> tuple[list[Target], list[tuple[str, str]]]:
        """Return the targets, and the query and the reason of each that a list does not have."""
        targets: list[Target] = []
        missing: list[tuple[str, str]] = []
        for query_id in query_ids:
            candidates = context.ranked(query_id).candidates
            if not candidates:
                missing.append((query_id, NO_CANDIDATES))
                continue
            named = context.attack.targets(query_id)
            if named is None:
                ranks, bands = sample_targets(candidates, self.targets, context.rng("targets", query_id))
                missing += [(query_id, f"ranks {band}: the list holds {len(candidates)} documents") for band in bands]
            else:
                ranks = [rank for rank, candidate in enumerate(candidates, start=1) if candidate.doc_id in named]
                absent = len(set(named)) - len(ranks)
                reason = f"{absent} of {len(set(named))} documents that the attack names are not in the list"
                missing += [(query_id, reason)] if absent else []
            query = context.collection.queries[query_id]
            for rank in ranks:
                document = candidates[rank - 1].document
                texts = query_id, query, document.doc_id, document.text
                position = 1 + context.ranked(query_id).request.doc_ids.index(document.doc_id)
                language = context.collection.language
                targets.append(Target(*texts, rank, candidates, language=language, position=position))
        return targets, missing

    def _attack_all(
        self, context: Context, attack: PreparedAttack, targets: Sequence[Target], control: PreparedAttack | None
    ) -> list[AttackResult]:
        """Attack many targets at once; one at a time if targets have a time limit."""
        jobs = [partial(self._attack, context, attack, target, control) for target in targets]
        results: dict[int, AttackResult] = {}
        width = MAX_CONCURRENT if self.budget_seconds is None else 1
        for number, result in run_batched(jobs, context.served, width):
            results[number] = result
            context.advance(len(results), len(jobs), "targets")
        return [results[number] for number in range(len(jobs))]

    def _attack(
        self,
        context: Context,
        attack: PreparedAttack,
        target: Target,
        control: PreparedAttack | None,
        backend: AttackThread[AttackResult],
    ) -> AttackResult:
        """Let the attack do its work within its access and budget."""
        names = context.attack_name, target.query_id, target.doc_id
        budget = Budget(self.budget_queries, self.budget_model_calls, self.budget_seconds)
        victim = DocumentVictim(backend, context.ranked(target.query_id), target.doc_id, context.attack.access, budget)
        unchanged = Perturbation(target.document)
        try:
            perturbation = attack.perturb(target, victim, context.rng("attack", *names))
            result = AttackResult(target, perturbation, "budget_exhausted" if perturbation.exhausted else "ok", "")
        except BudgetExhausted as error:
            result = AttackResult(target, unchanged, "budget_exhausted", str(error))
        except (AccessDenied, BadPerturbation) as error:
            return AttackResult(target, unchanged, "error", str(error))
        result.note = result.note or result.perturbation.note
        result.costs = costs(victim.meter)
        if control is not None:  # a document that was not edited has the edit of the same size: none
            rng = context.rng("control", *names)
            is_edited = bool(result.perturbation.edits)
            result.control = control.match_size(target, result.perturbation, rng) if is_edited else unchanged
            if is_edited and not context.served.is_pointwise:
                rngs = [context.rng("neutral", str(number), *names) for number in range(self.neutral_edits)]
                result.neutral = [control.match_size(target, result.perturbation, rng) for rng in rngs]
        return result

    def _unsupported(self, context: Context, control: PreparedAttack | None) -> Iterator[Row]:
        """Yield a row for each part that does not work on the collection's language."""
        language = context.collection.language
        if context.attack.control and control is None:
            note = f"language {language}: control {context.attack.control!r} does not work on it"
            yield context.row("success", None, condition="control", status="skipped", note=note)
        if self.language_model is not None and self._causal(context) is None:
            note = f"language {language}: language model {self.language_model!r} does not work on it"
            yield context.row("perplexity", None, condition="attacked", status="skipped", note=note)

    def _causal(self, context: Context) -> str | None:
        """Return the language model, if one is named and works on the collection's language."""
        name = self.language_model
        return None if name and unsupported("", language_model_languages(name), context.collection.language) else name

    def _judged(self, context: Context, results: Sequence[AttackResult]) -> Iterator[Row]:
        """Rank the lists with the attacked texts in them; yield ranks, success, size, look and the damage done."""
        rank_attacked(context, results)
        size = getattr(context.attack, context.attack.size_parameter, None)
        for result in results:
            result.metrics |= rank_metrics(context.ranked(result.target.query_id), result, self.noise)
            result.metrics |= noise_floor(context, result)
            result.metrics |= {} if size is None else {Fact("budget"): float(size)}
        stealth_metrics(results, context.whole, self.encoder, self._causal(context))
        yield from count_unseen_edits(context, results)
        for result in results:
            metrics = [{**fact._asdict(), "value": value} for fact, value in result.metrics.items()]
            context.keep(result.target, result.perturbation, {"status": result.status, "metrics": metrics})
            yield from result_rows(result)
        yield from damage_rows(context, results, self.replace, self.ties)
