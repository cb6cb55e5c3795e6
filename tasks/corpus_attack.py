"""Attacks on the corpus: documents are added to it; how often does a query's list hold one of them?"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Literal

import numpy as np

from robustrank.attack import Perturbation
from robustrank.defense import DemotingRanker
from robustrank.engine.batching_scheduler import AttackThread, run_batched
from robustrank.engine.context import Context
from robustrank.errors import DataError
from robustrank.measures.ties import Ties
from robustrank.plugins.constraints import Amount, Count, Several
from robustrank.prepared_attack import BadPerturbation, PreparedAttack
from robustrank.records import Candidate, Document, RankedList, Request
from robustrank.rows import Condition, Row
from robustrank.task import Task
from robustrank.victim import Access, AccessDenied, Budget, BudgetExhausted, DocumentVictim, QueryInterface, Target

from .parts.control import prepared_control
from .parts.defense_checks import flagged_candidates
from .parts.measures import Measures
from .parts.targets import beyond_grant, unattacked_queries, unsuited_ranker

if TYPE_CHECKING:
    from robustrank.tables import TaskReport


@dataclass(frozen=True)
class Added:
    """What an attack adds for one query.

    Attributes:
        target: The query, and the text that the attack began with.
        perturbation, control: The text, and a random one of the same size; None where the attack has no control.
        queries: What it cost.
        error: Why the attack broke.
    """

    target: Target
    perturbation: Perturbation
    control: Perturbation | None
    queries: int
    error: str = ""


@dataclass(frozen=True)
class Passages:
    """The documents of a corpus that have a text, of which an attacker's passages are drawn.

    Attributes:
        ids: Their ids.
        index: The index of each id.
    """

    ids: Sequence[str]
    index: Mapping[str, int]

    @classmethod
    def of(cls, documents: Mapping[str, str], _: str) -> Passages:
        """Return those of a corpus."""
        ids = [doc_id for doc_id, text in documents.items() if text.strip()]
        return cls(ids, {doc_id: i for i, doc_id in enumerate(ids)})

    def draw(self, left_out: Iterable[str], rng: np.random.Generator) -> str:
        """Return the id of one that is not left out; all others are equally likely."""
        skipped = sorted(self.index[doc_id] for doc_id in left_out if doc_id in self.index)
        drawn = int(rng.integers(len(self.ids) - len(skipped)))
        for i in skipped:
            drawn += i <= drawn
        return self.ids[drawn]


@dataclass(frozen=True)
class CorpusAttack(Task):
    """Success of documents that an attack adds to the corpus, beside random documents of the same size.

    Any attack on documents can be run: it begins with a text of the attacker, and what it makes of it is added. All
    documents of all queries are added together, each text once, and first stage and ranker meet the changed corpus.
    An attack that learns from queries, as corpus poisoning, learns from those that are not attacked.
    """

    queries: Count | None = (
        None  # the first so many queries are attacked, others are known to the attacker; null is all
    )
    documents: Count = 1  # documents added for each query; PoisonedRAG takes 5
    begin: Literal["nothing", "passage"] = "nothing"  # the attacker's text: none, or a document of no judged relevance
    cutoffs: Several[Count] = (1, 10, 20, 100)  # success at k: a document that was added is among the first k
    measures: Measures = ("nDCG@10",)  # effectiveness measures of the lists, each in [0, 1]
    ties: Ties = "id"  # the order of equal scores in measures: by document id, or the worst for the ranker
    access: Literal["nothing", "ranks", "scores", "gradients"] = "gradients"  # the most an attacker is granted
    budget_queries: Amount | None = None  # queries to the victim a document, a text each; null is no limit

    axes = ("defense", "document_attack")
    reference = (
        "Zhong, Huang, Wettig, Chen: Poisoning Retrieval Corpora by Injecting Adversarial Passages, EMNLP 2023; Zou, "
        "Geng, Wang, Jia: PoisonedRAG, USENIX Security 2025 (retrieval half)"
    )
    deviations = (
        "success counts any document that was added, whichever query it is for, and precision, recall and F1 those for "
        "the query; nothing is generated from the lists; the text that an attack begins with is a passage of the "
        "collection, not one with a wrong answer"
    )
    headline = ("success", "attacked")
    undivided = "documents of all queries are added together"

    @staticmethod
    def report() -> TaskReport:
        """Its tables and figures."""
        from .reports.corpus_attack import REPORT

        return REPORT

    def skip_reason(self, context: Context) -> str:
        """Rankers without a first stage that searches are not attacked, nor by attacks beyond the grant."""
        if context.pool == "fixed":
            return "no first stage searches: documents that are added are in no list"
        return beyond_grant(context.attack.access, Access[self.access.upper()])

    def calls(self, context: Context) -> int | None:
        """Not known: what is added is searched for."""
        return None

    def run(self, context: Context) -> Iterator[Row]:
        """Make the documents of every query; rank every list of the corpus that has them, and of its control."""
        query_ids = context.query_ids(self.queries)
        if not query_ids:
            return  # none of the first queries is in this fold
        clean_run = context.run(query_ids=query_ids)
        if refusal := unsuited_ranker(context, query_ids):
            yield context.row("success", None, condition="attacked", status="skipped", note=refusal)
            return
        interface = QueryInterface(context.served, context.attack.access, checkpoint_dir=context.checkpoint_dir)
        known = unattacked_queries(context, query_ids)
        attack = context.prepared_attack(interface, known)
        yield context.row("queries", interface.meter.queries, group="prepare")
        control = prepared_control(context)
        added = self._make_all(context, attack, control, query_ids)
        if errors := [entry for entry in added if entry.error]:
            for entry in errors:
                yield context.row(
                    "success", None, entry.target.query_id, condition="attacked", status="error", note=entry.error
                )
            return  # the corpus would lack their documents
        yield context.row("documents", len(_texts(added, "attacked")), condition="attacked")
        clean = context.evaluate(clean_run, self.measures, self.ties)
        for query_id in query_ids:
            values = {measure: clean[measure][query_id] for measure in clean}
            yield from context.rows(values, query_id, condition="clean", pool="pipeline")
        yield from flagged_candidates(context, query_ids)
        for condition in ("attacked", "control"):
            if condition == "attacked" or control is not None:
                yield from self._measured(context, query_ids, condition, added)
        for entry in added:
            target = entry.target
            context.keep(target, entry.perturbation, {"queries": entry.queries})
            yield context.row("queries", entry.queries, target.query_id, target.doc_id, note=entry.perturbation.note)

    def _measured(
        self, context: Context, query_ids: Sequence[str], condition: Condition, added: Sequence[Added]
    ) -> Iterator[Row]:
        """Yield what the lists of the corpus with the texts of a condition hold."""
        texts, of_queries = _texts(added, condition), _added_for(added)
        requests = context.requests_with({doc_id: text for text, doc_id in texts.items()}, query_ids)
        lists = {
            r.query_id: RankedList(r, list_) for r, list_ in zip(requests, context.served.rank(requests), strict=True)
        }
        run = {query_id: context.measured(ranked) for query_id, ranked in lists.items()}
        values = context.evaluate(run, self.measures, self.ties)
        new = frozenset(texts.values())
        for query_id, ranked in lists.items():
            relevant = {d for d, gain in context.collection.qrels[query_id].items() if gain > 0}
            for k in self.cutoffs:
                first = [candidate.doc_id for candidate in ranked.candidates[:k]]
                before = {candidate.doc_id for candidate in context.ranked(query_id).candidates[:k]}
                among = new.intersection(first)
                facts = {
                    "success": float(bool(among)),
                    "added_share": len(among) / k,
                    "displaced": float(len(relevant & before - set(first))),
                    **_retrieved(of_queries[query_id], first, k),
                }
                for measure, value in facts.items():
                    yield context.row(measure, value, query_id, condition=condition, cutoff=k, pool="pipeline")
            of_query = {measure: values[measure][query_id] for measure in values}
            yield from context.rows(of_query, query_id, condition=condition, pool="pipeline")
        yield from _flagged(context, requests, new, condition)

    def _make_all(
        self, context: Context, attack: PreparedAttack, control: PreparedAttack | None, query_ids: Sequence[str]
    ) -> list[Added]:
        """Return what is added for each query; the attacks share their batches."""
        targets = [(query_id, number) for query_id in query_ids for number in range(self.documents)]
        requests = [self._request(context, *target) for target in targets]
        lists = list(map(RankedList, requests, context.served.rank(requests)))
        jobs = [partial(self._make, context, attack, control, ranked) for ranked in lists]
        added: dict[int, Added] = {}
        for number, entry in run_batched(jobs, context.served):
            added[number] = entry
            context.advance(len(added), len(jobs), "documents")
        return [added[number] for number in range(len(jobs))]

    def _request(self, context: Context, query_id: str, number: int) -> Request:
        """Return the request of a query with the attacker's text behind its candidates."""
        request, documents = context.request(query_id), context.collection.documents
        doc_id = f"added-{query_id}-{number}"
        if doc_id in documents:
            raise DataError(f"the collection has a document {doc_id!r}, as those that attacks add are named")
        text = ""
        if self.begin == "passage":
            relevant = (d for d, gain in context.collection.qrels[query_id].items() if gain > 0)
            rng = context.rng("corpus-attack", "passage", query_id, str(number))
            text = documents[context.collection.of_documents(Passages.of).draw(relevant, rng)]
        return replace(request, candidates=(*request.candidates, Candidate(Document(doc_id, text))))

    def _make(
        self,
        context: Context,
        attack: PreparedAttack,
        control: PreparedAttack | None,
        ranked: RankedList,
        backend: AttackThread[Added],
    ) -> Added:
        """Let the attack make one document within its access and budget."""
        document, request = ranked.request.candidates[-1].document, ranked.request
        rank = 1 + [candidate.doc_id for candidate in ranked.candidates].index(document.doc_id)
        target = Target(
            request.query_id, request.query, document.doc_id, document.text, rank, ranked.candidates,
            language=context.collection.language,
        )  # fmt: skip
        victim = DocumentVictim(backend, ranked, document.doc_id, context.attack.access, Budget(self.budget_queries))
        names = context.attack_name, target.query_id, target.doc_id
        try:
            perturbation = attack.perturb(target, victim, context.rng("corpus-attack", *names))
        except BudgetExhausted as error:
            perturbation = Perturbation(target.document, note=str(error), exhausted=True)
        except (AccessDenied, BadPerturbation) as error:
            return Added(target, Perturbation(target.document), None, victim.meter.queries, str(error))
        random = None
        if control is not None:
            random = control.match_size(target, perturbation, context.rng("corpus-attack", "control", *names))
        return Added(target, perturbation, random, victim.meter.queries)


def _texts(added: Sequence[Added], condition: Condition) -> dict[str, str]:
    """Return the texts that are added, each with the id of the first document that has it; empty ones are not added.

    A text that several queries share has one control: that of the first.
    """
    first = {entry.perturbation.text: entry for entry in reversed(added) if entry.perturbation.text.strip()}
    texts: dict[str, str] = {}
    for entry in first.values():
        new = entry.perturbation if condition == "attacked" else entry.control
        if new is not None:
            texts[new.text] = entry.target.doc_id
    return texts


def _added_for(added: Sequence[Added]) -> dict[str, frozenset[str]]:
    """Return for each query the ids of the documents that were added for it, shared ones among them."""
    ids = _texts(added, "attacked")
    of_queries: dict[str, set[str]] = {entry.target.query_id: set() for entry in added}
    for entry in added:
        if entry.perturbation.text in ids:
            of_queries[entry.target.query_id].add(ids[entry.perturbation.text])
    return {query_id: frozenset(doc_ids) for query_id, doc_ids in of_queries.items()}


def _flagged(context: Context, requests: Sequence[Request], new: frozenset[str], condition: Condition) -> Iterator[Row]:
    """Yield the share of the added documents among a query's candidates that a defense ranks last, if there is any."""
    ranker = context.served.ranker
    if not isinstance(ranker, DemotingRanker):
        return
    for request, flags in zip(requests, ranker.flagged(requests), strict=True):
        is_new = np.array([doc_id in new for doc_id in request.doc_ids], dtype=np.bool_)
        if is_new.any():
            yield context.row("flagged", float(flags[is_new].mean()), request.query_id, condition=condition)


def _retrieved(wanted: frozenset[str], first: Sequence[str], k: int) -> dict[str, float]:
    """Return precision, recall and F1 of the documents that were added for a query, among the first k of its list.

    Recall and F1 are undefined, and left out, for a query without one. The PoisonedRAG paper's definitions.
    """
    hits = len(wanted.intersection(first))
    precision = {"added_precision": hits / k}
    if not wanted:
        return precision
    return {**precision, "added_recall": hits / len(wanted), "added_f1": 2 * hits / (k + len(wanted))}
