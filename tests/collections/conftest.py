"""A private copy of the ir_datasets home, and measures by pytrec_eval."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from robustrank.collections.collection import Collection
from tests.shared_data import shared_data


@pytest.fixture(scope="session")
def ir_datasets_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A copy, since ir_datasets writes into its home."""
    home = tmp_path_factory.mktemp("ir_datasets") / "self"
    shutil.copytree(shared_data("ir_datasets_home"), home)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("IR_DATASETS_HOME", str(home))
        yield home


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
