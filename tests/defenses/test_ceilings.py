"""Ceilings of copies: no copy of any allowed edit scores more, and they certify what counting copies alone does not."""

from __future__ import annotations

from robustrank.defenses.median_smoothing import MedianRanker
from robustrank.defenses.parts.copies import SmoothingSettings
from robustrank.defenses.parts.smoothing import SmoothedRanker

from robustrank.certification.certificate import SERVED
from robustrank.certification.evidence import UNBOUNDED
from robustrank.rankers.lexical import BM25
from robustrank.text.table import PerturbationSets
from tests.certification.enumeration import edits, world
from tests.lists import served


def test_no_copy_of_an_allowed_edit_scores_more_than_the_ceiling_and_no_certified_list_is_broken():
    finite = certified = 0
    for kind in (SmoothedRanker, MedianRanker):
        for seed in range(4):
            collection, table = world(seed)
            bm25, (query_id, query) = BM25(), *collection.queries.items()
            bm25.prepare(collection)
            settings = SmoothingSettings(15, centre=2.0, scale=1.0)
            ranker = kind(bm25, settings, PerturbationSets(table, 3), seed)
            ranked = served(ranker, collection.documents, query, query_id)
            certificates = [c for c in ranker.certify(ranked, [1, 2, 4], None) if c.about == SERVED]
            for document in certificates[0].documents:
                variants = list(edits(collection.documents[document.doc_id], table, None, 40))
                scores = [
                    score
                    for array in ranker.copy_scores([(query, text) for text in variants])
                    for score in array.tolist()
                ]
                assert max(scores) <= document.ceiling
                edited = ranker.score([(query, text) for text in variants]).tolist()
                assert document.lower <= min(edited) <= max(edited) <= document.upper
                finite += document.ceiling < UNBOUNDED
            certified += sum(certificate.certified for certificate in certificates)
    assert finite > 20
    assert certified > 4
