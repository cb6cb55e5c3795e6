"""What retrievers promise."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from robustrank.errors import PluginError
from robustrank.plugins import create
from robustrank.plugins.specification import Spec, parse
from robustrank.retrieval.retriever import Hits, Retriever
from robustrank.testing.samples import DOCUMENTS, require

QUERY = "aircraft wings and pressure, the brown fox, ministers of the economy, a naïve word"  # several documents match
ADDED = {"new": f"{QUERY}, {QUERY}"}


class RetrieverConformance:
    """Returns the top k in one order; what is added can be found, what is removed cannot."""

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
        require(during[0][0] == "new", f"an added copy of the query is not found first, but {during[0][0]!r}")
        retriever.remove(ADDED)
        (after,) = retriever.search([QUERY], len(DOCUMENTS))
        require(after == before, "a document that was removed left a trace")

    def test_refuses_what_is_not_indexed(self) -> None:
        """A search of nothing, and the removal of an unknown document, raise PluginError."""
        retriever = self.new_retriever()
        require(_is_refused(lambda: retriever.search([QUERY], 1)), "a search before index() raised no PluginError")
        retriever.index(DOCUMENTS)
        require(_is_refused(lambda: retriever.remove(["new"])), "the removal of an unknown id raised no PluginError")

    def specification(self) -> Spec:
        """Return the specification; override it where parameters are not known before the test runs."""
        return parse(self.plugin)

    def new_retriever(self) -> Retriever:
        """Return the retriever."""
        retriever: Retriever = create("retriever", self.specification())
        return retriever

    def _search(self, k: int) -> Hits:
        retriever = self.new_retriever()
        retriever.index(DOCUMENTS)
        return retriever.search([QUERY], k)[0]


def _is_refused(call: Callable[[], object]) -> bool:
    try:
        call()
    except PluginError:
        return True
    return False
