"""Collections in other languages than English are analysed as their script needs, and never read so in silence."""

from __future__ import annotations

import pytest

from robustrank.collections.beir import BeirReader

QUERIES = ("hi", "th", "zh", "ja", "ko", "vi")


@pytest.mark.parametrize("ranker", ["bm25", "query-likelihood", "rm3"])
def test_the_relevant_document_is_first_in_every_script(case, ranker):
    run = case("03-scripts-without-latin-words")
    run.replace("exp.yaml", "[bm25]", f"[{ranker}]")
    run.run()
    values = run.values("nDCG@10")
    assert values == {(query_id, ""): 1.0 for query_id in QUERIES}


def test_another_script_than_that_of_the_language_is_noted(case):
    case("03-scripts-without-latin-words")
    (note,) = BeirReader("data").read().notes
    assert "71% of the letters are not Latin" in note
    assert "`language`" in note
    assert BeirReader("data", language="mul").read().notes == ()
