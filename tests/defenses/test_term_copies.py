"""Copies that a ranker of terms scores by what is drawn have the scores of their texts, to the last bit."""

from __future__ import annotations

import numpy as np
import pytest
from robustrank.defenses.parts.copies import SmoothingSettings
from robustrank.defenses.parts.smoothing import SmoothedRanker
from robustrank.defenses.parts.term_copies import TermCopies

from robustrank.rankers.lexical import BM25, QueryLikelihood
from robustrank.text.table import PerturbationSets
from tests.certification.enumeration import world


@pytest.mark.parametrize("kind", [BM25, QueryLikelihood])
def test_scores_from_drawn_terms_are_those_of_the_copies(kind, monkeypatch):
    changed = longer = 0
    for seed in range(30):
        collection, table = world(seed)
        inner = kind()
        inner.prepare(collection)
        ranker = SmoothedRanker(inner, SmoothingSettings(20, centre=0.0, scale=1.0), PerturbationSets(table, 3), seed)
        query = f"{collection.queries['q']} {collection.queries['q'].split()[0]}"  # a term counts as often as it occurs
        for document in collection.documents.values():
            scores = ranker._terms.scores(query, document, 20, 3)
            copies = ranker.copies(document, 20, 3)
            np.testing.assert_array_equal(scores, inner.score([(query, copy) for copy in copies]))
            changed += len(set(scores.tolist())) > 1
            longer += len({len(inner.terms(copy)) for copy in copies}) > 1
        pairs = [(query, document) for document in collection.documents.values()]
        expected = ranker.score(pairs)
        ranker._cache.clear()
        with monkeypatch.context() as patch:
            patch.setattr(TermCopies, "scores", lambda *_: None)
            np.testing.assert_array_equal(ranker.score(pairs), expected)
    assert min(changed, longer) > 20
