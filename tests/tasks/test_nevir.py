"""Negation: a pair needs both of its queries right, and neither ties nor the order of the input help."""

from __future__ import annotations

import json

import pytest

from robustrank.errors import DataError
from robustrank.testing import TaskConformance
from robustrank.testing.samples import SampleReader
from tests.rankers.llm import scripts
from tests.tasks.test_list_rankers import rows_of, values

READER = f"{SampleReader.__module__}:SampleReader"

CONSTANT = """
import numpy as np

from robustrank.rankers.ranker import PointwiseRanker


class Constant(PointwiseRanker):
    def score(self, pairs):
        return np.zeros(len(pairs), np.float32)


class Negation(PointwiseRanker):
    def score(self, pairs):
        negated = [[" not " in f" {text} " for text in pair] for pair in pairs]
        return np.array([float(query == document) for query, document in negated], np.float32)
"""


class TestNevIR(TaskConformance):
    plugin = "nevir:pairs=4"


def run(tmp_path, ranker, **parameters):
    rows, _ = rows_of(
        tmp_path / "cache", collections=[READER], rankers=[ranker], tasks=[{"name": "nevir", **parameters}]
    )
    return values(rows, "paired_accuracy", ""), values(rows, "accuracy", "")


def test_equal_scores_and_the_order_of_the_input_are_wrong(tmp_path):
    (tmp_path / "rankers.py").write_text(CONSTANT)
    assert run(tmp_path, f"{tmp_path / 'rankers.py'}:Constant") == ([0.0] * 16, [0.0] * 16)
    identity = {"name": "llm-listwise", "llm": f"{scripts.__file__}:AlwaysFirst"}
    assert run(tmp_path, identity) == ([0.0] * 16, [0.5] * 16)


def test_a_ranker_that_reads_negations_has_the_pairs_right(tmp_path):
    (tmp_path / "rankers.py").write_text(CONSTANT)
    texts = {"q1": "it is not", "q2": "it is", "doc1": "this is not it", "doc2": "this is it"}
    (tmp_path / "pairs.jsonl").write_text(json.dumps({"id": "p", **texts}) + "\n")
    ranker = f"{tmp_path / 'rankers.py'}:Negation"
    assert run(tmp_path, ranker, file=str(tmp_path / "pairs.jsonl")) == ([1.0], [1.0])


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        ("", "there are no pairs"),
        ('{"id": "a", "q1": "x", "q2": "y", "doc1": "z"}', "no text doc2"),
        ('{"id": "a", "q1": "x", "q2": "y", "doc1": "z", "doc2": "v"}\n' * 2, "duplicate pair 'a'"),
    ],
)
def test_a_file_of_no_pairs_is_refused(tmp_path, lines, says):
    (tmp_path / "pairs.jsonl").write_text(lines)
    with pytest.raises(DataError, match=says):
        run(tmp_path, "bm25", file=str(tmp_path / "pairs.jsonl"))
