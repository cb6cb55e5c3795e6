"""Pseudo-queries: each is of its own document, which is in its list."""

from __future__ import annotations

import pytest

from robustrank.errors import DataError
from robustrank.plugins import create
from robustrank.plugins.specification import parse
from robustrank.text.words import words

pytest.importorskip("gensim")


def test_a_query_is_made_of_words_of_its_document_and_lists_it():
    collection = create("collection", parse("pseudo-queries:of=lee,count=30,depth=10")).read()
    again = create("collection", parse("pseudo-queries:of=lee,count=30,depth=10")).read()
    assert len(collection.queries) == 30
    assert dict(collection.queries) == dict(again.queries)
    firsts = 0
    for query_id, query in collection.queries.items():
        document = collection.documents[query_id]
        assert query in document
        assert 3 <= len(words(query)) <= 14
        assert query_id in collection.candidates[query_id]
        assert len(collection.candidates[query_id]) == len(set(collection.candidates[query_id])) <= 10
        assert dict(collection.qrels[query_id]) == {query_id: 1}
        firsts += document.startswith(query)
    assert 5 <= firsts <= 20
    assert "30 queries were drawn" in collection.notes[0]


def test_another_seed_makes_other_queries_and_short_documents_are_refused():
    first, second = (create("collection", parse(f"pseudo-queries:of=lee,count=9,seed={n}")).read() for n in (0, 1))
    assert dict(first.queries) != dict(second.queries)
    with pytest.raises(DataError, match="no document of 9000 words"):
        create("collection", parse("pseudo-queries:of=lee,shortest=9000")).read()
