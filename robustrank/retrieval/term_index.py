"""An inverted index with counts: what BM25 and the statistics of lexical rankers need, whatever their parameters."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from robustrank.collections.document_store import DocumentStore
from robustrank.collections.strings import Names, open_array
from robustrank.kept import kept_folder
from robustrank.plugins import code_parts, digest_of
from robustrank.text.analysis import analyser

_ARRAYS = ("starts", "documents", "counts", "lengths")


@dataclass(frozen=True, eq=False)
class TermIndex:
    """The postings of a corpus. Nothing can change it.

    Attributes:
        doc_ids: The ids of the documents, ascending: their numbers decide ties.
        vocabulary: The terms.
        starts: int64[V + 1], where the postings of each term start.
        documents: int32[P], the number of the document of each posting; ascending for one term.
        counts: int32[P], how often the term occurs in it.
        lengths: int64[D], the number of terms of each document.
    """

    doc_ids: Names
    vocabulary: Names
    starts: NDArray[np.int64]
    documents: NDArray[np.int32]
    counts: NDArray[np.int32]
    lengths: NDArray[np.int64]

    @classmethod
    def of(cls, corpus: Mapping[str, str], language: str) -> TermIndex:
        """Index documents by id in memory."""
        from array import array

        from scipy.sparse import csr_array

        terms, known = analyser(language).terms, _Numbers()
        occurrences, lengths = array("i"), array("q")
        for text in corpus.values():
            numbers = [known[term] for term in terms(text)]
            occurrences.extend(numbers)
            lengths.append(len(numbers))
        columns, sizes = np.frombuffer(occurrences, np.int32), np.frombuffer(lengths, np.int64)
        order = np.array(sorted(range(len(corpus)), key=list(corpus).__getitem__), dtype=np.int64)
        ends = np.concatenate([[0], np.cumsum(sizes)])
        table = csr_array((np.ones(len(columns), np.int32), columns, ends), shape=(len(sizes), max(1, len(known))))
        postings = table[order].tocsc()
        postings.sum_duplicates()
        ids = list(corpus)
        return cls(
            Names.of(ids[i] for i in order.tolist()),
            Names.of(known),
            postings.indptr.astype(np.int64),
            postings.indices.astype(np.int32),
            postings.data,
            sizes[order],
        )

    @classmethod
    def open(cls, folder: Path) -> TermIndex:
        """Open what :meth:`save` has written, memory-mapped."""
        arrays = (open_array(folder / f"{name}.npy") for name in _ARRAYS)
        return cls(Names.open(folder, "ids"), Names.open(folder, "terms"), *arrays)

    def save(self, folder: Path) -> None:
        """Write it into a folder."""
        self.doc_ids.save(folder, "ids")
        self.vocabulary.save(folder, "terms")
        for name in _ARRAYS:
            np.save(folder / f"{name}.npy", getattr(self, name))

    def __deepcopy__(self, memo: dict[int, Any]) -> TermIndex:
        return self

    @cached_property
    def tokens(self) -> int:
        """The number of term occurrences."""
        return int(self.lengths.sum())

    def postings(self, term: str) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        """Return the documents that have a term, as numbers, and how often each has it; none of an unknown term."""
        number = self.vocabulary.find(term)
        part = slice(0, 0) if number is None else slice(int(self.starts[number]), int(self.starts[number + 1]))
        return self.documents[part], self.counts[part]

    def document_frequencies(self) -> Counter[str]:
        """Return the number of documents of each term."""
        return Counter(dict(zip(self.vocabulary.strings, np.diff(self.starts).tolist(), strict=False)))

    def collection_frequencies(self) -> Counter[str]:
        """Return the number of occurrences of each term."""
        sums = np.concatenate([[0], np.cumsum(self.counts, dtype=np.int64)])[self.starts]
        return Counter(dict(zip(self.vocabulary.strings, np.diff(sums).tolist(), strict=False)))


class _Numbers(dict[str, int]):
    """Numbers terms in the order in which they come."""

    def __missing__(self, term: str) -> int:
        number = self[term] = len(self)
        return number


def term_index(corpus: Mapping[str, str], language: str) -> TermIndex:
    """Return the index of documents by id: of a document store the one that is kept, or is kept from now on."""
    if not isinstance(corpus, DocumentStore):
        return TermIndex.of(corpus, language)
    identity = digest_of([corpus.digest, language, code_parts(__name__)])
    return TermIndex.open(
        kept_folder("term-indices", identity, lambda folder: TermIndex.of(corpus, language).save(folder))
    )
