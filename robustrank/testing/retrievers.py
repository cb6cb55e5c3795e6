"""What retrievers promise."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import ClassVar

from robustrank.errors import RobustrankError
from robustrank.plugins import create
from robustrank.plugins.specification import Spec, parse
from robustrank.retrieval.retriever import Hits, Retriever
from robustrank.testing.samples import DOCUMENTS, require

QUERY = "aircraft wings and pressure, the brown fox, ministers of the economy, a naïve word"  # several documents match
ADDED = {"new": f"{QUERY}, {QUERY}"}


class RetrieverConformance:
    """Returns the top k in one order; what is added can be found, what is removed cannot.

    A retriever that does not search (``searches = False``) has a list for the query it expects, and refuses another.
    """

    plugin: ClassVar[str]  # a specification

    def test_returns_the_top_k_best_first(self) -> None:
        """Prefixes of one list, by descending score, ties by ascending document id, no document twice."""
        everything = self._search(len(DOCUMENTS))
        require(everything == sorted(everything, key=lambda hit: (-hit[1], hit[0])), f"not in order: {everything}")
        require(len({doc_id for doc_id, _ in everything}) == len(everything), "a document is returned twice")
        for k in range(1, len(DOCUMENTS) + 3):
            require(self._search(k) == everything[:k], f"the top {k} is not the start of the whole list")

    def test_order_of_the_corpus_changes_nothing(self) -> None:
        """Documents indexed in another order, or in two steps, are found alike."""
        turned = self.new_retriever()
        turned.index(dict(reversed(list(DOCUMENTS.items()))))
        in_steps = self.new_retriever()
        first, *rest = DOCUMENTS.items()
        in_steps.index(dict([first]))
        in_steps.add(dict(rest))
        expected = self._search(len(DOCUMENTS))
        for retriever in (turned, in_steps):
            (hits,) = retriever.search([QUERY], len(DOCUMENTS))
            require(hits == expected, f"another order of the corpus gave {hits}, not {expected}")

    def test_what_is_added_is_found_and_what_is_removed_is_not(self) -> None:
        """A copy of the query is first while it is indexed; afterwards the lists are those of before."""
        retriever = self.new_retriever()
        retriever.index(DOCUMENTS)
        (before,) = retriever.search([QUERY], len(DOCUMENTS))
        retriever.add(ADDED)
        (during,) = retriever.search([QUERY], 1)
        first = during[0][0] if during else None
        if retriever.searches:
            require(first == "new", f"an added copy of the query is not first, but {first!r}")
        retriever.remove(ADDED)
        (after,) = retriever.search([QUERY], len(DOCUMENTS))
        require(after == before, "a document that was removed left a trace")

    def test_a_removed_document_is_in_no_list(self) -> None:
        """Without the first document the list is what is behind it."""
        retriever = self.new_retriever()
        retriever.index(DOCUMENTS)
        (before,) = retriever.search([QUERY], len(DOCUMENTS))
        retriever.remove([before[0][0]])
        (after,) = retriever.search([QUERY], len(DOCUMENTS))
        require(before[0][0] not in dict(after), "a document that was removed is in a list")
        require(
            {d for d, _ in after} == {d for d, _ in before[1:]}, "other documents went with the one that was removed"
        )

    def test_a_copy_changes_alone(self) -> None:
        """Documents that are added to a deep copy, as an attack on a corpus does, do not change the retriever."""
        retriever = self.new_retriever()
        retriever.index(DOCUMENTS)
        (before,) = retriever.search([QUERY], len(DOCUMENTS))
        other = copy.deepcopy(retriever)
        other.add(ADDED)
        other.remove([before[0][0]])
        require(retriever.search([QUERY], len(DOCUMENTS)) == [before], "a change of a copy changed the retriever")

    def test_only_a_retriever_that_searches_takes_any_query(self) -> None:
        """One that does not refuses a changed query with a RobustrankError: its list would be another query's."""
        retriever = self.new_retriever()
        retriever.index(DOCUMENTS)
        if not retriever.searches:
            refused = _is_refused(lambda: retriever.search([f"{QUERY} changed"], 1))
            require(refused, "a changed query was not refused, though searches is False")

    def test_refuses_what_is_not_indexed(self) -> None:
        """A search of nothing, and the removal of an unknown document, raise PluginError; no query has no list."""
        retriever = self.new_retriever()
        require(_is_refused(lambda: retriever.search([QUERY], 1)), "a search before index() raised no PluginError")
        retriever.index(DOCUMENTS)
        require(retriever.search([], 1) == [], "a search for no query returned a list")
        require(_is_refused(lambda: retriever.remove(["new"])), "the removal of an unknown id raised no PluginError")

    def specification(self) -> Spec:
        """Return the specification; override it where parameters are not known before the test runs."""
        return parse(self.plugin)

    def new_retriever(self) -> Retriever:
        """Return the retriever."""
        retriever: Retriever = create("retriever", self.specification())
        retriever.expect({"q": QUERY})
        return retriever

    def _search(self, k: int) -> Hits:
        retriever = self.new_retriever()
        retriever.index(DOCUMENTS)
        return retriever.search([QUERY], k)[0]


def _is_refused(call: Callable[[], object]) -> bool:
    try:
        call()
    except RobustrankError:
        return True
    return False
