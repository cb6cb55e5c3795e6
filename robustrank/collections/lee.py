"""The embedded collection: 50 news documents with human pairwise similarity judgements, and 300 for training.

Michael D. Lee, Brandon Pincombe and Matthew Welsh, "An empirical evaluation of models of text document
similarity", CogSci 2005. The files are part of the gensim package, so nothing is downloaded; gensim is
never imported.
"""

from __future__ import annotations

import importlib.util
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from robustrank.collections.check import checked
from robustrank.collections.collection import Collection
from robustrank.collections.first_stage import retrieved_candidates
from robustrank.collections.reader import CollectionReader
from robustrank.errors import DataError
from robustrank.plugins import RetrieverSpec
from robustrank.plugins.constraints import Count, Several, Share

NEAR_DUPLICATE = 0.5  # Jaccard similarity of word sets; the maximum between distinct documents is .36
_SENTENCE_END = re.compile(r"[.!?][\"']?\s+(?=[\"'A-Z])")
_ABBREVIATION = re.compile(r"(?:(?:\A|\W)(?:[A-Z]\.)+|\b(?:Mr|Mrs|Ms|Dr|St|Lt|Sen|Gen|Gov|Rep|Sept)\.)\Z")


@dataclass(frozen=True)
class LeeReader(CollectionReader):
    """News documents of the Lee corpus; leads are the queries.

    ``split=test``: a query is the lead (first sentence) of a judged document, cut after ``lead_words`` words. Its
    candidates are the remaining 49 judged documents in the retriever's order. The 300 background documents are in
    ``documents``, for corpus statistics alone.

    Gains come from the mean of 8 to 12 human similarity judgements on a five-point scale, which the file has divided by
    five (.2 to 1). A document's gain is the number of ``cuts`` its mean reaches: at .5, .7 and .9 the mean
    rounds to the points 3, 4 and 5, so the three upper points give the gains 1, 2 and 3. Of the 1,225 pairs 97, 37 and
    9 have them. A cut at .3, where point 2 begins, would make 45 % of all pairs relevant. Two documents have none
    relevant and are excluded as queries: 48 remain. Similarity is symmetric and was judged on whole documents: a gain
    means "on the same topic", not "answers the query".

    ``split=background``: training queries by the inverse cloze task (Lee, Chang and Toutanova, "Latent Retrieval for
    Weakly Supervised Open Domain Question Answering", ACL 2019, section 4): a query is the lead of a background
    document, and its only relevant document is the rest of that document; candidates are the retriever's top ``depth``,
    the last of them replaced by the relevant document if it is missing. Unlike the paper we always take the lead, not a
    random sentence, and always remove it from the document. Near duplicates of an earlier or a judged document are
    excluded, so that no document of the test split is trained on.
    """

    split: Literal["test", "background"] = "test"  # test: human judgements; background: inverse cloze task
    lead_words: Count = 32  # maximum number of words of a query; 35 of the 50 first sentences have no more
    cuts: Several[Share] = (0.5, 0.7, 0.9)  # split=test: mean similarities where gains 1, 2, … begin
    depth: Count = 20  # split=background: candidates per query
    retriever: RetrieverSpec | None = None  # orders the candidates; null: bm25

    def __post_init__(self) -> None:
        if list(self.cuts) != sorted(self.cuts):
            raise ValueError(f"cuts={self.cuts}; they must ascend")

    def read(self) -> Collection:
        """Read the split.

        Raises:
            DataError: gensim is not installed, or its files differ from the expected ones.
        """
        folder = _folder()
        judged = _documents(folder / "lee.cor", 50)
        background = _documents(folder / "lee_background.cor", 300)
        if self.split == "background":
            return self._background(background, judged)
        return self._test(judged, background, _similarities(folder / "similarities0-1.txt"))

    def _test(self, judged: list[str], background: list[str], similarities: NDArray[np.float64]) -> Collection:
        texts = {f"lee-{number:02d}": text for number, text in enumerate(judged, start=1)}
        documents = texts | {f"bg-{number:03d}": text for number, text in enumerate(background, start=1)}
        queries = {f"lead-{doc_id}": self._query(text) for doc_id, text in texts.items()}
        # Means are written with eight digits: .7 may be written as .69999999.
        gains = sum((similarities >= cut - 1e-6).astype(int) for cut in self.cuts)
        qrels = {
            f"lead-{lead_id}": {doc_id: int(gain) for doc_id, gain in zip(texts, row, strict=True) if doc_id != lead_id}
            for lead_id, row in zip(texts, np.asarray(gains), strict=True)
        }
        ranked = retrieved_candidates(documents, queries, len(documents), self.retriever)
        candidates = {query_id: [d for d in ranked[query_id] if d in qrels[query_id]] for query_id in queries}
        return checked(Collection("lee", queries, documents, qrels, candidates), "leave-out")

    def _background(self, background: list[str], judged: list[str]) -> Collection:
        distinct, notes = _without_near_duplicates(background, judged)
        queries = {f"lead-{doc_id}": self._query(text) for doc_id, text in distinct.items()}
        documents = {doc_id: text[len(lead(text)) :].strip() for doc_id, text in distinct.items()}
        candidates = retrieved_candidates(documents, queries, self.depth, self.retriever)
        added = 0
        for doc_id in documents:
            if doc_id not in candidates[f"lead-{doc_id}"]:
                candidates[f"lead-{doc_id}"][self.depth - 1 :] = [doc_id]
                added += 1
        notes.append(
            f"{added} relevant documents that retrieval missed were added to the end of their query's candidates."
        )
        qrels = {f"lead-{doc_id}": {doc_id: 1} for doc_id in documents}
        return checked(Collection("lee/background", queries, documents, qrels, candidates, notes=tuple(notes)))

    def _query(self, text: str) -> str:
        return " ".join(lead(text).split()[: self.lead_words])


def lead(text: str) -> str:
    """Return the first sentence of ``text`` with the white space after it; initials and titles do not end it."""
    for end in _SENTENCE_END.finditer(text):
        if not _ABBREVIATION.search(text[: end.start() + 1]):
            return text[: end.end()]
    return text


def _without_near_duplicates(background: list[str], judged: list[str]) -> tuple[dict[str, str], list[str]]:
    """Return background texts by id, without near duplicates of earlier or judged texts, and notes."""
    judged_words = [_words(text) for text in judged]
    earlier_words: list[frozenset[str]] = []
    distinct: dict[str, str] = {}
    leaked = repeated = 0
    for number, text in enumerate(background, start=1):
        words = _words(text)
        if any(_jaccard(words, test_words) >= NEAR_DUPLICATE for test_words in judged_words):
            leaked += 1
        elif any(_jaccard(words, previous) >= NEAR_DUPLICATE for previous in earlier_words):
            repeated += 1
        else:
            distinct[f"bg-{number:03d}"] = text
            earlier_words.append(words)
    near = f"(word sets of Jaccard similarity at least {NEAR_DUPLICATE:g})"
    return distinct, [
        f"{count} of {len(background)} background documents excluded as near duplicates of {original} {near}."
        for count, original in ((repeated, "an earlier one"), (leaked, "a document of the test split"))
    ]


def _words(text: str) -> frozenset[str]:
    return frozenset(re.findall(r"\w+", text.lower()))


def _jaccard(first: frozenset[str], second: frozenset[str]) -> float:
    shared = len(first & second)
    return shared / max(len(first) + len(second) - shared, 1)


def _folder() -> Path:
    spec = importlib.util.find_spec("gensim")
    if spec is None or not spec.submodule_search_locations:
        raise DataError(
            "the lee collection is part of the gensim package, which is not installed",
            where="collection lee",
            hint='pip install "robustrank[quickstart]"',
        )
    return Path(spec.submodule_search_locations[0]) / "test" / "test_data"


def _documents(path: Path, count: int) -> list[str]:
    """Return the documents of a file, one per line."""
    texts = _text(path).splitlines()
    if len(texts) != count:
        raise DataError(
            f"the file has {len(texts)} documents", where=str(path), allowed=f"{count}", hint="install gensim again"
        )
    return texts


def _similarities(path: Path) -> NDArray[np.float64]:
    """Return float64[50, 50], the mean similarity of every pair; the file has the upper triangle."""
    upper = np.array([line.split() for line in _text(path).splitlines()], dtype=np.float64)
    if upper.shape != (50, 50):
        raise DataError(f"the file has a table of shape {upper.shape}", where=str(path), allowed="50 x 50 similarities")
    return np.maximum(upper, upper.T)


def _text(path: Path) -> str:
    try:
        # One pound sign in lee.cor is the byte 0xa3: the file is not UTF-8.
        return path.read_text(encoding="cp1252")
    except OSError as error:
        raise DataError(
            f"the file cannot be read: {error.strerror}",
            where=str(path),
            hint="reinstall gensim: this installation lacks its test data",
        ) from error
