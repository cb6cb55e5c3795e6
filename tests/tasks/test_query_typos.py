"""Queries with one typo: the worst case is that of an enumeration without short cuts."""

from __future__ import annotations

import zlib

import numpy as np
import pytest
from robustrank.tasks import query_typos

from robustrank.cli.main import invoke
from robustrank.collections.beir import BeirReader
from robustrank.measures.effectiveness import evaluate
from robustrank.rankers.lexical import BM25, QueryLikelihood
from robustrank.rankers.ranker import PointwiseRanker
from robustrank.text.typos import single_edits
from tests.result_rows import read_rows
from tests.tiny_collection import write_experiment, write_tiny


def test_single_edits_by_hand():
    variants = single_edits("ab, C", "en")
    assert len(variants) == len(set(variants))
    assert {
        "b, C",
        "a, C",
        "ba, C",
        "xab, C",
        "axb, C",
        "abx, C",
        "xb, C",
        "ax, C",
        "ab, X",
        "ab, XC",
        "ab, Cx",
    } <= set(variants)
    assert not {"ab, C", "ab, ", "ab, x"} & set(variants)
    insertions, substitutions = 26 * 3 + 26 * 2, 25 * 3
    repeated = 2  # aab and abb: a letter doubled before and behind itself
    assert len(variants) == insertions + substitutions + 2 + 1 - repeated
    assert single_edits("of the", "en", long_words=True) == []
    assert single_edits("", "en") == []


class Hashed(PointwiseRanker):
    """A ranker that reads every variant in its own way."""

    def score(self, pairs):
        return np.array([zlib.crc32(" ".join(pair).encode()) / 2**32 for pair in pairs], dtype=np.float32)


@pytest.mark.parametrize(
    ("name", "kind"), [("bm25", BM25), ("query-likelihood", QueryLikelihood), (f"{__name__}:Hashed", Hashed)]
)
def test_the_worst_case_is_that_of_every_variant(tmp_path, name, kind, monkeypatch):
    monkeypatch.setattr(query_typos, "PAIRS_PER_CALL", 2000)
    tiny = write_tiny(tmp_path / "tiny")
    rest = f"rankers: {name}\ntasks: [{{name: query-typos, ks: [1, 3]}}]\n"
    arguments = ["--out", str(tmp_path / "out"), "--cache", str(tmp_path / "cache"), "--no-report", "--workers", "0"]
    assert invoke(["run", str(write_experiment(tmp_path / "e.yaml", tiny, rest)), *arguments]) == 0
    rows = {(r["query_id"], r["measure"], r["condition"], r["k"]): r["value"] for r in read_rows(tmp_path / "out")}
    collection, ranker = BeirReader(folder=str(tiny)).read(), kind()
    ranker.prepare(collection)
    for query_id, query in collection.queries.items():
        request, variants = collection.request(query_id), single_edits(query, "en")
        lists = []
        for text in [query, *variants]:
            scores = ranker.score([(text, candidate.text) for candidate in request.candidates])
            order = sorted(range(len(request)), key=lambda i: (-scores[i], request.doc_ids[i]))
            lists.append([(request.doc_ids[i], float(scores[i])) for i in order])
        no_match = ranker.no_match
        runs = {str(n): {d: s for d, s in ranked if s != no_match} for n, ranked in enumerate(lists)}
        values = evaluate(dict.fromkeys(runs, collection.qrels[query_id]), runs, ["nDCG@10"], "zero", "id")["nDCG@10"]
        of_variants = [values[str(n)] for n in range(1, len(lists))]
        assert rows[query_id, "nDCG@10", "", ""] == pytest.approx(values["0"])
        assert rows[query_id, "nDCG@10", "worst", ""] == pytest.approx(min(values.values()))
        assert rows[query_id, "nDCG@10", "attacked", ""] == pytest.approx(np.mean(of_variants))
        assert rows[query_id, "variants", "", ""] == len(variants)
        for k in (1, 3):
            sets = {frozenset(doc_id for doc_id, _ in ranked[:k]) for ranked in lists}
            assert rows[query_id, "same_set", "", str(k)] == (len(sets) == 1)
