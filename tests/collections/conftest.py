"""Measures by pytrec_eval."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from robustrank.collections.collection import Collection


@pytest.fixture(scope="session")
def figures() -> Callable[[Collection], dict[str, float]]:
    """Measures the candidates' order with pytrec_eval."""

    def measured(collection: Collection) -> dict[str, float]:
        import pytrec_eval

        run = {
            query_id: {doc_id: -float(rank) for rank, doc_id in enumerate(doc_ids)}
            for query_id, doc_ids in collection.candidates.items()
        }
        qrels = {query_id: dict(gains) for query_id, gains in collection.qrels.items()}
        values = pytrec_eval.RelevanceEvaluator(qrels, {"ndcg_cut_10", "map"}).evaluate(run).values()
        return {name: sum(v[name] for v in values) / len(values) for name in ("ndcg_cut_10", "map")}

    return measured
