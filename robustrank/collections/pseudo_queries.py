"""Queries drawn from the documents of a collection: training data without judgements."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated

import numpy as np

from robustrank.collections.check import checked
from robustrank.collections.collection import Collection
from robustrank.collections.first_stage import retrieved_candidates
from robustrank.collections.reader import CollectionReader
from robustrank.errors import DataError
from robustrank.plugins import NestedPlugin, RetrieverSpec, create
from robustrank.plugins.constraints import Amount, Count, Share
from robustrank.plugins.specification import parse
from robustrank.randomness import derive
from robustrank.text.sentences import SENTENCE_BREAK
from robustrank.text.words import first_words, words

FEWEST, MOST = 3, 14  # words of a query
SPAN = 4, 9  # words of a query that is part of a sentence


@dataclass(frozen=True)
class PseudoQueriesReader(CollectionReader):
    """Queries drawn from documents of another collection: a first sentence or title, or some words of any sentence.

    For training with a teacher (``loss: kl``): the only judged document of a query is the one it is drawn from, which
    stays in its list, or takes the last place of it.
    Inverse cloze task without removal, after Lee, Chang, Toutanova, ACL 2019, section 4.
    """

    of: Annotated[str, NestedPlugin("collection")]  # the collection whose documents are taken
    count: Count = 800  # queries, each of another document
    first: Share = 0.4  # share of the queries that are the first sentence of their document
    shortest: Count = 16  # words that a document has at least
    depth: Count = 40  # candidates per query, its document among them
    retriever: RetrieverSpec | None = None  # finds the candidates; null: bm25
    seed: Amount = 0  # of the choice of documents and words

    def read(self) -> Collection:
        """Read the collection and draw the queries.

        Raises:
            DataError: No document is long enough.
        """
        source: Collection = create("collection", parse(self.of)).read()
        rng = derive(self.seed, "pseudo-queries", source.name)
        long = [doc_id for doc_id, text in source.documents.items() if len(words(text)) >= self.shortest]
        queries: dict[str, str] = {}
        for number in rng.permutation(len(long)):
            if len(queries) == self.count:
                break
            doc_id = long[int(number)]
            query = _query(source.documents[doc_id], float(rng.random()) < self.first, rng)
            if len(words(query)) >= FEWEST:
                queries[doc_id] = query
        if not queries:
            raise DataError(
                f"collection {source.name!r} has no document of {self.shortest} words to draw a query from",
                hint="lower shortest",
            )
        lists = retrieved_candidates(source.documents, queries, self.depth, self.retriever, source.language)
        candidates = {q: d if q in d else [*d[: self.depth - 1], q] for q, d in lists.items()}
        note = (
            f"{len(queries)} queries were drawn from documents of {source.name}, of which {len(long)} are long enough."
        )
        drawn = replace(
            source,
            name=f"{source.name}, pseudo-queries",
            queries=queries,
            qrels={q: {q: 1} for q in queries},
            candidates=candidates,
            query_types={},
            notes=(note,),
        )
        return checked(drawn)


def _query(text: str, first: bool, rng: np.random.Generator) -> str:
    """Return the first sentence of a text, or a span of the words of a random sentence, of at most ``MOST`` words."""
    sentences = [sentence for sentence in SENTENCE_BREAK.split(text.strip()) if words(sentence)]
    if first or not sentences:
        return first_words(sentences[0], MOST).rstrip(" .!?") if sentences else ""
    sentence = sentences[int(rng.integers(len(sentences)))]
    spans = words(sentence)
    length = min(len(spans), int(rng.integers(SPAN[0], SPAN[1] + 1)))
    start = int(rng.integers(len(spans) - length + 1))
    return sentence[spans[start].start : spans[start + length - 1].end]
