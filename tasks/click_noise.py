"""Click noise: rankers learned from simulated clicks on the lists of a production ranker, against the labels."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from robustrank.collections.collection import Collection
from robustrank.engine.context import Context
from robustrank.measures.ranking import ranking
from robustrank.plugins.constraints import Amount, Count, Positive, Several, Share, Weight
from robustrank.rankers.features import FeatureExtractor
from robustrank.rows import Row
from robustrank.task import Task

from .parts.click_learning import Learned, ShownLists, learn_by_em, learn_dual, learn_weighted
from .parts.click_models import ClickModel, attractiveness, draw_clicks, examination, rank_examination
from .parts.measures import Measures
from .parts.targets import unattacked_queries

if TYPE_CHECKING:
    from robustrank.tables import TaskReport

Method = Literal["labels", "naive", "ipw-true", "ipw-wrong", "dla", "regression-em"]
Array = NDArray[np.float64]


@dataclass(frozen=True)
class ClickNoise(Task):
    """Effectiveness of rankers learned from clicks on the lists of the cell's ranker, by eta, noise and sessions.

    The cell's ranker is the production ranker: it shows its first documents to simulated users. A linear ranker on the
    features of docs/features.md learns from their clicks by each method, and from the labels of the same documents; all
    rank the candidates of test queries. With ``spam``, bots click the last document shown for some training queries.
    """

    click_model: ClickModel = "pbm"  # position-based, or cascade: a user stops after the first click
    eta: Weight = 1.0  # severity of position bias: 0 none, 2 severe
    noise: Share = 0.1  # probability of a click on an examined document that is not relevant
    sessions: Count = 100  # of each training query
    shown: Count = 10  # documents of a list that users see
    tested: Count = 50  # test queries: the first queries of the collection; clicks are on the lists of the others
    methods: Several[Method] = ("labels", "naive", "ipw-true", "ipw-wrong", "dla", "regression-em")  # how rankers learn
    wrong: Weight = 0.5  # factor of eta that ipw-wrong assumes
    clip: Positive = 100.0  # maximum weight of a click
    steps: Count = 300  # steps of training over all lists
    spam: Share = 0.0  # share of the training queries that bots click on
    spam_sessions: Amount = 100  # sessions of bots for each of them
    measures: Measures = ("nDCG@10",)  # effectiveness measures, by the labels

    axes = ()
    reference = "Tran et al.: ULTRA, CIKM 2021, arXiv 2108.05073 (simulation, DLA, regression EM, losses)"
    deviations = (
        "rankers are linear, and learn from the counts of all sessions in each step; the largest grade is the "
        "collection's; regret, propensity error and spam are ours"
    )
    undivided = "rankers are trained in the cell"
    headline = ("regret", "clean")

    @staticmethod
    def report() -> TaskReport:
        """Its tables and figures."""
        from .reports.click_noise import REPORT

        return REPORT

    def run(self, context: Context) -> Iterator[Row]:
        """Show lists, draw clicks, learn by each method, and rank the test queries."""
        tested = context.query_ids(self.tested)
        train = unattacked_queries(context, tested)
        largest = max((gain for gains in context.whole.qrels.values() for gain in gains.values()), default=0)
        if not train.queries or largest < 1:
            note = "no query is left to learn from" if largest >= 1 else "no document is relevant"
            yield context.row("regret", None, condition="clean", status="skipped", note=note)
            return
        users = self._users(context, train, largest)
        yield context.row("clicks", float(users.lists.clicks.sum()), condition="clean")
        yield context.row("training_queries", float(len(users.shown)))
        learned = {method: self._learn(method, users) for method in self.methods}
        yield from self._effectiveness(context, tested, users, learned)
        true = users.examined.mean(axis=0)
        for method, model in learned.items():
            if method == "labels":
                continue
            error = float(np.mean(np.abs(np.log(model.propensities * true[0] / true))))
            yield context.row("propensity_error", error, condition="clean", group=method)
            if (
                "labels" in learned
                and (cosine := _cosine(model.weights[:-1], learned["labels"].weights[:-1])) is not None
            ):
                yield context.row("weight_cosine", cosine, condition="clean", group=method)
        if self.spam:
            yield from self._spammed(context, tested, users, learned)

    def calls(self, context: Context) -> int:
        """The candidates of all queries, by the production ranker."""
        return sum(map(len, context.whole.candidates.values()))

    def _users(self, context: Context, train: Collection, largest: int) -> _Users:
        """Return what users see of the training queries, and their clicks."""
        extractor, shown = FeatureExtractor(context.whole), _shown(context, train, self.shown)
        raw = extractor.features([(train.queries[q], train.documents[d]) for q, ids in shown.items() for d in ids])
        deviation = raw.std(axis=0)
        features = _Features(extractor, raw.mean(axis=0), np.where(deviation > 0, deviation, 1.0))
        present = np.array([[i < len(ids) for i in range(self.shown)] for ids in shown.values()])
        gains, values = np.zeros(present.shape), np.zeros((*present.shape, raw.shape[1] + 1))
        gains[present] = [max(0, train.qrels[q].get(d, 0)) for q, ids in shown.items() for d in ids]
        values[present] = features.scaled(raw)
        ranks = rank_examination(self.eta, self.shown)
        attract = attractiveness(gains, largest, self.noise) * present
        clicks = draw_clicks(self.click_model, ranks, attract, self.sessions, context.rng("clicks"))
        lists = ShownLists(values, present, clicks.astype(np.float64), np.full(len(shown), float(self.sessions)))
        examined = examination(self.click_model, ranks, attract)
        return _Users(train, shown, features, lists, attractiveness(gains, largest, 0.0) * present, examined)

    def _learn(self, method: Method, users: _Users) -> Learned:
        """Return the ranker of a method."""
        lists, even = users.lists, np.ones(users.examined.shape)
        if method == "dla":
            return learn_dual(lists, self.clip, self.steps)
        if method == "regression-em":
            return learn_by_em(lists, self.steps)
        if method == "labels":
            return learn_weighted(lists, users.labels, even[0], self.steps)
        assumed = users.examined if method == "ipw-true" else even
        if method == "ipw-wrong":
            assumed = np.broadcast_to(rank_examination(self.eta * self.wrong, self.shown), even.shape)
        inverse = np.minimum(assumed[:, :1] / np.maximum(assumed, 1e-12), self.clip)
        return learn_weighted(lists, lists.clicks * inverse, assumed.mean(axis=0), self.steps)

    def _effectiveness(
        self,
        context: Context,
        tested: Sequence[str],
        users: _Users,
        learned: Mapping[Method, Learned],
        condition: Literal["clean", "attacked"] = "clean",
    ) -> Iterator[Row]:
        """Yield the measures of each test query, and the regret of each method."""
        candidates = context.collection.candidates
        features = {query_id: users.features.of(context.collection, query_id) for query_id in tested}
        values: dict[str, dict[str, dict[str, float]]] = {}
        values["production"] = context.evaluate(context.run(query_ids=tested), self.measures)
        for method, model in learned.items():
            scores = {query_id: (features[query_id] @ model.weights).tolist() for query_id in tested}
            run = {query_id: dict(zip(candidates[query_id], scores[query_id], strict=True)) for query_id in tested}
            values[method] = context.evaluate(run, self.measures)
        for group, by_measure in values.items():
            for measure, of_queries in by_measure.items():
                for query_id, value in of_queries.items():
                    yield from context.rows({measure: value}, query_id, condition=condition, group=group)
        measure = self.measures[0]
        means = {method: float(np.mean(list(by_measure[measure].values()))) for method, by_measure in values.items()}
        for method in learned if "labels" in learned else ():
            if method == "labels":
                continue
            regret, gap = means["labels"] - means[method], means["labels"] - means["production"]
            if gap > 0:
                note = f"of {measure}"
                yield context.row("regret", regret / gap, condition=condition, group=method, note=note)
            else:
                note = (
                    f"the labels teach nothing: {measure} {means['labels']:.3f}, production {means['production']:.3f}"
                )
                yield context.row("regret", None, condition=condition, group=method, status="failed", note=note)

    def _spammed(
        self, context: Context, tested: Sequence[str], users: _Users, learned: Mapping[Method, Learned]
    ) -> Iterator[Row]:
        """Yield the boost of each target that bots click, and the effectiveness of what learns from their clicks."""
        query_ids, lists = list(users.shown), users.lists
        count = max(1, round(self.spam * len(query_ids)))
        spammed = sorted(context.rng("spam").permutation(len(query_ids))[:count].tolist())
        clicks, sessions = lists.clicks.copy(), lists.sessions.copy()
        for row in spammed:
            clicks[row, len(users.shown[query_ids[row]]) - 1] += self.spam_sessions
            sessions[row] += self.spam_sessions
        after = replace(users, lists=replace(lists, clicks=clicks, sessions=sessions))
        attacked = {method: self._learn(method, after) for method in learned}
        yield from self._effectiveness(context, tested, users, attacked, "attacked")
        for query_id in (query_ids[row] for row in spammed):
            doc_id, doc_ids = users.shown[query_id][-1], list(users.train.candidates[query_id])
            features = users.features.of(users.train, query_id)
            for method in (method for method in attacked if method != "labels"):
                ranks = [
                    ranking(features @ models[method].weights, doc_ids).tolist().index(doc_ids.index(doc_id))
                    for models in (learned, attacked)
                ]
                yield context.row("boost", ranks[0] - ranks[1], query_id, doc_id, condition="attacked", group=method)


@dataclass(frozen=True)
class _Features:
    """Features of documents, scaled by those that users are shown, and a constant, which logistic regression needs."""

    extractor: FeatureExtractor
    mean: Array
    scale: Array

    def of(self, collection: Collection, query_id: str) -> Array:
        """Return float64[candidates, F + 1]."""
        return self.scaled(self.extractor.features(collection.pairs(query_id)))

    def scaled(self, raw: Array) -> Array:
        """Return float64[n, F + 1]."""
        return np.hstack([(raw - self.mean) / self.scale, np.ones((len(raw), 1))])


@dataclass(frozen=True)
class _Users:
    """Simulated users.

    Attributes:
        train: The queries they ask.
        shown: Query id to what the production ranker shows.
        features: Of documents.
        lists: What is shown, and the clicks.
        labels: float64[queries, ranks], what clicks stand for: attractiveness without noise.
        examined: float64[queries, ranks], the probability that a document is examined.
    """

    train: Collection
    shown: Mapping[str, Sequence[str]]
    features: _Features
    lists: ShownLists
    labels: Array
    examined: Array


def _shown(context: Context, train: Collection, count: int) -> dict[str, tuple[str, ...]]:
    """Return the first documents of the production ranker's list of each training query."""
    requests = [train.request(query_id) for query_id in train.queries]
    rankings = context.served.rank(requests)
    return {
        request.query_id: tuple(request.doc_ids[i] for i in ranked.order[:count])
        for request, ranked in zip(requests, rankings, strict=True)
    }


def _cosine(first: Array, second: Array) -> float | None:
    """Return the cosine of two vectors; None where one is zero."""
    norms = float(np.linalg.norm(first) * np.linalg.norm(second))
    return float(first @ second) / norms if norms else None
