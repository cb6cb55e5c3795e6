"""What a task sees of its cell: the collection, the ranker behind a scoring engine, the attack, the randomness."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from robustrank.attack import Attack, Perturbation
from robustrank.collections.collection import Collection
from robustrank.defense import Defense
from robustrank.engine.cell import Cell
from robustrank.engine.resources import Resources
from robustrank.engine.training_split import TrainingSplit, fold_of
from robustrank.errors import PluginError
from robustrank.measures.effectiveness import evaluate
from robustrank.measures.ties import Ties
from robustrank.plugins import canonical_name, create, digest_of, identity
from robustrank.plugins.specification import Spec
from robustrank.prepared_attack import PreparedAttack, prepare
from robustrank.randomness import derive
from robustrank.rankers.llm.backend import CallFailed
from robustrank.rankers.ranker import PointwiseRanker, Ranker
from robustrank.rankers.runtime import runtime_parts
from robustrank.rankers.serving import ServedRanker
from robustrank.records import Candidate, Document, RankedList, Request
from robustrank.retrieval.first_stage import FirstStage
from robustrank.retrieval.overlay import Overlay
from robustrank.retrieval.pipeline import Retrieval
from robustrank.rows import Condition, Pool, Radius, Row, Status, cutoff_of
from robustrank.steps import Tell
from robustrank.task import Task
from robustrank.victim import Access, QueryInterface, Target

FAILED = 3  # queries of a cell that may fail before it ends as a whole; or a tenth, if that is more
Run = dict[str, dict[str, float]]  # query id -> document id -> score


@dataclass
class Context:
    """One cell at work. Everything is made when it is first used, so that planning loads no model.

    Attributes:
        cell, resources: What the cell is, and what it shares with others.
        advance: Called with (done, total, unit) as the work proceeds, as (3, 20, "queries"), for the progress bar.
        adversarial: Attacked texts with what happened to them, saved beside the rows.
        certificates, evidence: Certificates to save beside the rows, and what they were computed from.
        runs: Rankings to save as TREC runs, by tag.
        failed: Queries that are not tested, since calls of a language model failed; and why, by id.
    """

    cell: Cell
    resources: Resources
    advance: Tell = lambda done, total, unit: None
    adversarial: list[dict[str, Any]] = field(default_factory=list)
    certificates: list[dict[str, Any]] = field(default_factory=list)
    evidence: list[dict[str, Any]] = field(default_factory=list)
    runs: dict[str, Run] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    _lists: dict[str, RankedList] = field(default_factory=dict)
    _counts_before: tuple[int, int] = (0, 0)  # of the ranker, which serves other cells, too

    @cached_property
    def whole(self) -> Collection:
        """The collection with all its queries; the candidates are those of the cell's first stage, if it has one."""
        if self.retrieval is None:
            return self.resources.collection(self.cell.collection)
        return self.retrieval.candidates(self._searched_query)

    @property
    def first_stage(self) -> FirstStage | None:
        """The first stage of the cell's ranker; None where it ranks the collection's candidates."""
        return self.resources.experiment.first_stage(self.cell.ranker.label)

    @property
    def pool(self) -> Pool:
        """Which documents the list of a changed query has."""
        return "pipeline" if self.first_stage is not None and self.first_stage.searches else "fixed"

    @cached_property
    def retrieval(self) -> Retrieval | None:
        """The cell's first stage over its collection; see :meth:`Retrieval.with_documents` for attacks on a corpus."""
        stage = self.first_stage
        return None if stage is None else self.resources.retrieval(stage, self.cell.collection)

    @cached_property
    def collection(self) -> Collection:
        """The collection that is searched, with the queries this cell tests: all, or those of its fold."""
        if self.cell.folds == 1:
            return self.whole
        numbers = fold_of(list(self.whole.queries), self.cell.folds, self.cell.seed)
        return self.whole.only([query_id for query_id, fold in numbers.items() if fold == self.cell.fold])

    def query_ids(self, limit: int | None = None) -> list[str]:
        """Return the queries to test now: those of the cell, or its unit's share of them."""
        every, unit, units = self._every_query_id(limit), self.cell.unit, self.cell.units
        share = every[len(every) * unit // units : len(every) * (unit + 1) // units]
        return [query_id for query_id in share if query_id not in self.failed]

    def cell_query_ids(self, limit: int | None = None) -> list[str]:
        """Return the queries this cell tests, in all its units, among the first ``limit`` of the whole collection."""
        return [query_id for query_id in self._every_query_id(limit) if query_id not in self.failed]

    def _every_query_id(self, limit: int | None) -> list[str]:
        first = list(self.whole.queries)[:limit]
        return [query_id for query_id in first if query_id in self.collection.queries]

    def leave_out(self, error: CallFailed) -> None:
        """Leave out the query of a call that failed, and forget what the task has saved: it starts again.

        Raises:
            CallFailed: Its query is not known, or was left out already; or more fail than ``FAILED`` allows.
        """
        texts = self.collection.queries
        named = [error.query_id] if error.query_id else [q for q, text in texts.items() if text == error.query]
        new = [query_id for query_id in named if query_id in texts and query_id not in self.failed]
        if not new or len(self.failed) >= max(FAILED, len(texts) // 10):
            raise error
        self.failed |= dict.fromkeys(new, error.what)
        for saved in (self.adversarial, self.certificates, self.evidence, self.runs):
            saved.clear()

    @cached_property
    def training_split(self) -> TrainingSplit | None:
        """What the cell's ranker learns from; None where it is not trained."""
        return self.resources.training_split(self.cell.ranker, self.cell.collection, self.cell.fold, self.cell.seed)

    @property
    def train_collection(self) -> Collection:
        """The collection the ranker learns from, with the queries it learns from.

        For an untrained ranker it is what a trained one could learn from: the training split, or the collection.
        """
        if self.training_split is not None:
            return self.training_split.of(self.resources.collection(self.training_split.collection))
        split = self.resources.experiment.training_split(self.cell.collection.label)
        return (self.whole if split is None else self.resources.collection(split)).answered

    @cached_property
    def other_domains(self) -> dict[str, TrainingSplit]:
        """What the cell's ranker can learn from in the experiment's other collections, by their labels."""
        return self.resources.other_domains(self.cell.ranker, self.cell.collection)

    def domain_identity(self, label: str) -> str:
        """Return what identifies the experiment's collection of that label: the ``group`` of rows about it."""
        return self.resources.domain_identity(label)

    @cached_property
    def served(self) -> ServedRanker:
        """The ranker under the cell's defense, whose lists the user gets."""
        served = self.served_trained_on(self.training_split)
        self._counts_before = served.scored, served.cached
        return served

    @property
    def pairs(self) -> dict[str, int]:
        """How many pairs the ranker has scored for this cell, and the cache known; empty if it was not asked."""
        if "served" not in vars(self):  # made when it was first asked for
            return {}
        scored, cached = self._counts_before
        return {"pairs_scored": self.served.scored - scored, "pairs_cached": self.served.cached - cached}

    @cached_property
    def undefended(self) -> ServedRanker:
        """The ranker without a defense."""
        cell = self.cell
        return self.resources.served(cell.ranker, cell.collection, Spec("none"), self.training_split, cell.seed)

    def served_trained_on(self, training_split: TrainingSplit | None) -> ServedRanker:
        """Return the cell's ranker, trained on another split, under its defense."""
        cell = self.cell
        return self.resources.served(cell.ranker, cell.collection, cell.defense, training_split, cell.seed)

    @cached_property
    def task(self) -> Task:
        """The cell's task."""
        task: Task = create("task", self.cell.task)
        return task

    @cached_property
    def attack(self) -> Attack:
        """The cell's attack."""
        attack: Attack = create("attack", self.cell.attack or Spec(""))
        return attack

    def prepared_attack(self, interface: QueryInterface, collection: Collection) -> PreparedAttack:
        """Return the cell's attack, prepared on a collection: each target gets a copy of its state.

        What a parameter only prolongs has the same draws for all of its values, and one file; so has an attack that
        asks nothing of its victim, for all victims.
        """
        spec, prolonged_by = self.cell.attack or Spec(""), self.attack.prolonged_by
        if prolonged_by:
            spec = Spec(spec.name, {name: value for name, value in spec.parameters.items() if name != prolonged_by})
            victim = self.served.identity if self.attack.access > Access.NOTHING else ""
            decides = identity("attack", spec), victim, collection.fingerprint, self.cell.seed
            file = f"{digest_of([*decides, runtime_parts()])}.json"
            interface.search_file = self.resources.cache / "searches" / file
        return prepare(self.attack, interface, collection, self.rng("prepare", canonical_name("attack", spec)))

    @property
    def attack_name(self) -> str:
        """The canonical name of the cell's attack, which names its draws; nothing where there is none."""
        return canonical_name("attack", self.cell.attack) if self.cell.attack else ""

    @property
    def is_pointwise_ranker(self) -> bool:
        """Whether the cell's ranker scores pairs, told without its weights, so that planning loads no model."""
        return isinstance(self.plain_ranker, PointwiseRanker)

    @cached_property
    def plain_ranker(self) -> Ranker:
        """The cell's ranker as its constructor leaves it: neither prepared nor trained, and no defense wraps it yet."""
        ranker: Ranker = create("ranker", self.cell.ranker)
        return ranker

    @cached_property
    def defense(self) -> Defense:
        """The cell's defense."""
        defense: Defense = create("defense", self.cell.defense)
        return defense

    @property
    def checkpoint_dir(self) -> Path:
        """The folder where attacks keep what they learned of victims."""
        return self.resources.cache / "imitations"

    def rng(self, *names: str) -> np.random.Generator:
        """Return the generator of whatever is named, under the cell's seed."""
        return derive(self.cell.seed, *names)

    def request(self, query_id: str) -> Request:
        """Return what the ranker is wanted for a query: its text and candidates, in first-stage order."""
        return self.collection.request(query_id)

    def listed(self, query_id: str) -> int:
        """Return how many candidates a query has, or, of a pipeline, may have: nothing is searched for that."""
        return len(self.collection.candidates[query_id]) if self.first_stage is None else self.first_stage.depth

    def changed_requests(self, queries: Sequence[tuple[str, str]]) -> list[Request]:
        """Return what the ranker is wanted for other texts of queries: (query id, text) each.

        A first stage that searches finds their candidates; otherwise those of the unchanged query stay.
        """
        requests = [replace(self.request(query_id), query=text) for query_id, text in queries]
        if self.retrieval is None or self.pool == "fixed":
            return requests
        return self._searched(self.retrieval, requests, {})

    def requests_with(self, documents: Mapping[str, str], query_ids: Sequence[str]) -> list[Request]:
        """Return what the ranker is wanted for queries after documents, by id, were added to the corpus.

        Raises:
            PluginError: The cell has no first stage, or one that does not search.
        """
        if self.retrieval is None:
            raise PluginError("documents are added, and no first stage searches for them", allowed="a first_stage")
        return self._searched(self.retrieval.with_documents(documents), list(map(self.request, query_ids)), documents)

    def _searched(self, retrieval: Retrieval, requests: Sequence[Request], added: Mapping[str, str]) -> list[Request]:
        """Return requests with the candidates that a first stage finds for their queries."""
        lists = retrieval.lists([(request.query_id, self._searched_query(request.query)) for request in requests])
        documents = Overlay(self.collection.documents, added)
        return [
            replace(request, candidates=tuple(Candidate(Document(doc_id, documents[doc_id])) for doc_id in doc_ids))
            for request, doc_ids in zip(requests, lists, strict=True)
        ]

    def ranked(self, query_id: str) -> RankedList:
        """Return the list that is served for a query."""
        if query_id not in self._lists:
            self._lists.update(self._rank([query_id], self.served))
        return self._lists[query_id]

    def run(self, served: ServedRanker | None = None, query_ids: Sequence[str] | None = None) -> Run:
        """Return the lists of queries as a run, as :meth:`measured`; what is not ranked yet is ranked in one call.

        Args:
            served: Who ranks; the cell's own ranker under its defense by default.
            query_ids: Which queries; all by default.
        """
        wanted = list(self.collection.queries) if query_ids is None else list(query_ids)
        if served is None:
            self._lists.update(self._rank([q for q in wanted if q not in self._lists], self.served))
        lists = self._lists if served is None else self._rank(wanted, served)
        return {query_id: self.measured(lists[query_id], served) for query_id in wanted}

    def evaluate(self, run: Run, measures: Sequence[str], ties: Ties = "id") -> dict[str, dict[str, float]]:
        """Return every measure of each query of a run: 0 without a relevant document, or without a ranked one.

        Args:
            run: The lists of queries of the collection, as :meth:`run` and :meth:`measured` return them.
            measures: Names of effectiveness measures.
            ties: The order of equal scores.
        """
        qrels = {query_id: self.collection.qrels[query_id] for query_id in run}
        return evaluate(qrels, run, measures, "zero", ties)

    def measured(self, ranked: RankedList, served: ServedRanker | None = None) -> dict[str, float]:
        """Return what measures see of a list: the documents with which the ranker has matched anything.

        Args:
            ranked: The list.
            served: Who has ranked it; by default the cell's ranker under its defense.
        """
        no_match = (served or self.served).ranker.no_match
        # A defended ranker that says nothing serves the scores of the undefended one.
        return ranked.run(self.plain_ranker.no_match if no_match is None else no_match)

    def row(
        self,
        measure: str,
        value: float | None,
        query_id: str = "",
        doc_id: str = "",
        *,
        condition: Condition = "",
        cutoff: int | None = None,
        k: int | None = None,
        radius: Radius = None,
        group: str = "",
        status: Status = "ok",
        note: str = "",
        pool: Pool = "",
    ) -> Row:
        """Return a row of this cell; the cutoff of a measure as nDCG@10 is told from its name."""
        depth = cutoff or cutoff_of(measure)
        number = None if value is None else float(value)
        return Row(query_id, doc_id, measure, condition, depth, k, radius, group, number, status, note, pool)

    def rows(
        self,
        values: Mapping[str, float | None],
        query_id: str,
        doc_id: str = "",
        *,
        condition: Condition = "",
        cutoff: int | None = None,
        k: int | None = None,
        radius: Radius = None,
        group: str = "",
        note: str = "",
        pool: Pool = "",
    ) -> Iterator[Row]:
        """Yield a row for each measure; a value that is None or nan is recorded as failed, never as zero."""
        for measure, value in values.items():
            missing = value is None or bool(np.isnan(value))
            yield self.row(
                measure,
                None if missing else value,
                query_id,
                doc_id,
                condition=condition,
                cutoff=cutoff,
                k=k,
                radius=radius,
                group=group,
                status="failed" if missing else "ok",
                note="undefined" if missing else note,
                pool=pool,
            )

    def keep(self, target: Target, perturbation: Perturbation, facts: Mapping[str, Any]) -> None:
        """Save an attacked text: before, after, what was changed, and what happened to it."""
        before = target.query if self.attack.edits == "query" else target.document
        self.adversarial.append(
            {
                "query_id": target.query_id,
                "query": target.query,
                "doc_id": target.doc_id,
                "attack": self.cell.attack.label if self.cell.attack else "",
                "before": before,
                "after": perturbation.text,
                "note": perturbation.note,
                **facts,
                "edits": [asdict(edit) for edit in perturbation.edits],
            }
        )

    def _searched_query(self, query: str) -> str:
        """Return what the first stage reads of a query: a defense may rewrite it."""
        if self.cell.defense.name == "none" or self.pool == "fixed":
            return query
        return self.served.ranker.first_stage_query(query)

    def _rank(self, query_ids: Sequence[str], served: ServedRanker) -> dict[str, RankedList]:
        requests = [self.request(query_id) for query_id in query_ids]
        rankings = served.rank(requests)
        return {r.query_id: RankedList(r, ranking) for r, ranking in zip(requests, rankings, strict=True)}
