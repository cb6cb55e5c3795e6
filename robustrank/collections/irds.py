"""Collections from ir_datasets, by id."""

from __future__ import annotations

import contextlib
import io
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from robustrank.collections.check import Unanswered, checked
from robustrank.collections.collection import Collection
from robustrank.collections.files import Entry, by_id
from robustrank.collections.first_stage import (
    MAX_DOCUMENTS,
    refuse_both,
    refuse_many,
    retrieved_candidates,
    run_candidates,
    without_own_documents,
)
from robustrank.collections.reader import CollectionReader
from robustrank.collections.trec import best_first, read_run
from robustrank.errors import DataError, RobustrankError, nearest
from robustrank.paths import given_path
from robustrank.plugins import RetrieverSpec
from robustrank.plugins.constraints import Count, LanguageCode, WholeNumber
from robustrank.repairs import Repair, Repairs, checked_id
from robustrank.text.languages import ENGLISH, LANGUAGES

GAINS: dict[str, dict[int, int]] = {"cranfield": {-1: 4, 1: 4, 2: 3, 3: 2, 4: 1}}


@dataclass(frozen=True)
class IrDatasetsReader(CollectionReader):
    """Any id of ir_datasets (MacAvaney et al., "Simplified Data Wrangling with ir_datasets", SIGIR 2021).

    Data is read from, and downloaded to, the folder ``IR_DATASETS_HOME`` (default ``~/.ir_datasets``).
    Candidates come from ``run`` or ``retriever``, else from the scored documents of the dataset, else from BM25.
    Lexical rankers take their statistics from all documents in each case, unless there are more than ``max_documents``:
    then only the candidates are read, and a note says so.

    A document's text is its default text in ir_datasets, e.g. title and text of Cranfield and BEIR; likewise for a
    query, e.g. the title of a TREC topic. The attribute ``type`` of queries is read where present.

    Gains are the codes of the judgements, mapped by ``gains``. Cranfield has a default map, since its codes are
    reversed: in Cleverdon's scale, which the file uses, 1 is a complete answer and 4 of minimum interest, whereas
    ir_datasets documents the opposite. The data show it: the median BM25 rank of the documents is 2 for the code -1
    (a single document per query), 10 for 1, 26 for 2, 38 for 3, 52 for 4.
    With the map {-1: 4, 1: 4, 2: 3, 3: 2, 4: 1} BM25 has an nDCG@10 of .497; with the codes as gains, .323.
    """

    id: str  # the dataset, e.g. cranfield or beir/scifact/test
    run: str | None = None  # a TREC run with the first-stage candidates; null: the retriever's
    retriever: RetrieverSpec | None = None  # searches the documents; null: the dataset's scored documents, or bm25
    depth: Count = 100  # candidates per query
    gains: dict[WholeNumber, WholeNumber] | None = None  # judgement code to gain, others unchanged; {}: no default map
    fields: tuple[str, ...] = ()  # fields joined by spaces as a document's text; empty: the default text
    max_documents: Count = MAX_DOCUMENTS  # beyond it a retriever refuses; beside a run only candidates are read
    unanswered: Unanswered = "zero"  # judged queries with nothing relevant or no candidates count 0, or are left out
    ignore_identical_ids: bool | None = None  # leave the document with the query's id out; null: if the id is BEIR's
    language: LanguageCode | None = None  # of queries and documents, as hi or zh; null: the one that ir_datasets names

    def read(self) -> Collection:
        """Read the dataset; missing files are downloaded.

        Raises:
            DataError: Unknown id, a dataset without documents, queries or judgements, a failed download, damaged
                files, or too many documents for BM25.
        """
        where = f"ir_datasets id {self.id!r}"
        try:
            # Its progress bars and log lines go to standard error unconditionally.
            with contextlib.redirect_stderr(io.StringIO()):
                return self._read(where)
        except RobustrankError:
            raise
        except Exception as error:  # it reads a hundred formats, each with its errors
            raise DataError(
                f"ir_datasets cannot read the dataset: {type(error).__name__}: {_first_line(error)}",
                where=where,
                hint="check the network; remove a damaged file in IR_DATASETS_HOME to download it again",
            ) from error

    def _read(self, where: str) -> Collection:
        dataset = self._load(where)
        notes: list[str] = []
        repairs = Repairs()
        queries, types = _queries(dataset, where, repairs)
        qrels = self._qrels(dataset, where, notes, repairs)
        language = self.language or _language(dataset, notes)
        judged = {query_id: text for query_id, text in queries.items() if query_id in qrels}
        is_beir = self.id.startswith("beir/") if self.ignore_identical_ids is None else self.ignore_identical_ids
        refuse_both(self.run, self.retriever)
        if self.run is None and (self.retriever is not None or not dataset.has_scoreddocs()):
            refuse_many(dataset.docs_count() or 0, self.max_documents, where)
            documents = self._texts(dataset, dataset.docs_iter(), where, repairs)
            ranked = retrieved_candidates(documents, judged, self.depth, self.retriever, language, beyond=1)
            candidates, identical = without_own_documents(ranked, qrels, self.depth, is_beir)
        else:
            ranked = self._ranked(dataset, judged, where, repairs)
            candidates, identical = without_own_documents(ranked, qrels, self.depth, is_beir)
            documents = self._beside_a_run(dataset, candidates, where, notes, repairs)
        notes = [*repairs.notes(), *notes, *identical]
        collection = Collection(self.id, queries, documents, qrels, candidates, types, tuple(notes), language, is_beir)
        return checked(collection, self.unanswered)

    def _beside_a_run(
        self, dataset: Any, candidates: Mapping[str, Sequence[str]], where: str, notes: list[str], repairs: Repairs
    ) -> dict[str, str]:
        """Return all documents, for the statistics of lexical rankers; of too many the candidates, with a note."""
        count = dataset.docs_count() or self.max_documents + 1
        if count <= self.max_documents:
            return self._texts(dataset, dataset.docs_iter(), where, repairs)
        wanted = sorted({doc_id for doc_ids in candidates.values() for doc_id in doc_ids})
        documents = self._texts(dataset, dataset.docs_store().get_many(wanted).values(), where, repairs)
        notes.append(
            f"Only the {len(documents):,} candidates were read, of more than max_documents={self.max_documents:,}: the "
            "statistics of lexical rankers are those of the candidates."
        )
        return documents

    def _load(self, where: str) -> Any:
        import ir_datasets

        try:
            dataset = ir_datasets.load(self.id)
        except KeyError as error:
            known = list(ir_datasets.registry)
            raise DataError(
                f"{self.id!r} is not an id of ir_datasets",
                where=where,
                hint=nearest(self.id, known) or "ir_datasets list; https://ir-datasets.com",
            ) from error
        present = {
            "documents": dataset.has_docs(),
            "queries": dataset.has_queries(),
            "judgements": dataset.has_qrels(),
        }
        lacking = [name for name, is_present in present.items() if not is_present]
        if lacking:
            raise DataError(
                f"the dataset has no {' and no '.join(lacking)}",
                where=where,
                allowed="an id with documents, queries and judgements",
                hint="judgements often need a longer id, e.g. beir/scifact/test",
            )
        return dataset

    def _qrels(self, dataset: Any, where: str, notes: list[str], repairs: Repairs) -> dict[str, dict[str, int]]:
        codes = GAINS.get(self.id, {}) if self.gains is None else self.gains
        qrels: dict[str, dict[str, int]] = {}
        for judgement in dataset.qrels_iter():
            query_id, doc_id = judgement.query_id, judgement.doc_id
            place = f"{where}, judgement of document {doc_id!r} for query {query_id!r}"
            code = repairs.gain(judgement.relevance, place)
            gain, gains = codes.get(code, code), qrels.setdefault(query_id, {})
            if doc_id in gains:
                repairs.unite(gains[doc_id], gain, "gains", place, "the parameter gains can map two codes to one gain")
            gains[doc_id] = gain
        if codes:
            pairs = ", ".join(f"{code} -> {gain}" for code, gain in sorted(codes.items()))
            notes.append(f"Judgement codes were mapped to gains: {pairs}.")
        return qrels

    def _ranked(self, dataset: Any, queries: Mapping[str, str], where: str, repairs: Repairs) -> dict[str, list[str]]:
        if self.run is not None:
            path = given_path(self.run)
            return run_candidates(read_run(path, repairs), queries, self.depth, str(path), repairs)
        run: dict[str, dict[str, float]] = {}
        for entry in dataset.scoreddocs_iter():
            query_id, doc_id, score = entry.query_id, entry.doc_id, float(entry.score)
            if query_id in queries:
                place, scores = (
                    f"{where}, document {doc_id!r} scored for query {query_id!r}",
                    run.setdefault(query_id, {}),
                )
                if not math.isfinite(score):
                    raise DataError(f"the score is {score}", where=place, allowed="a finite number")
                if doc_id in scores:
                    repairs.unite(scores[doc_id], score, "scores", place)
                scores[doc_id] = score
        run = {query_id: dict(best_first(scores)) for query_id, scores in run.items()}
        return run_candidates(run, queries, self.depth, where, repairs)

    def _texts(self, dataset: Any, documents: Iterable[Any], where: str, repairs: Repairs) -> dict[str, str]:
        known = dataset.docs_cls()._fields
        unknown = [name for name in self.fields if name not in known]
        if unknown:
            raise DataError(f"documents have no field {unknown[0]!r}", where=where, allowed=", ".join(known))
        entries = (
            _entry(document, document.doc_id, self.fields, f"{where}, document", repairs) for document in documents
        )
        return by_id(entries, repairs)


def _queries(dataset: Any, where: str, repairs: Repairs) -> tuple[dict[str, str], dict[str, str]]:
    """Return texts by query id, and types by query id where present."""
    queries = list(dataset.queries_iter())
    types = {query.query_id: str(query.type) for query in queries if getattr(query, "type", None)}
    entries = (_entry(query, query.query_id, (), f"{where}, query", repairs) for query in queries)
    return by_id(entries, repairs), types


def _language(dataset: Any, notes: list[str]) -> str:
    """Return the language of the documents as ir_datasets names it, ``en`` where it names none; note what is odd."""
    # A data set may be put together without them.
    documents, queries = (getattr(dataset, f"{part}_lang", lambda: None)() for part in ("docs", "queries"))
    if documents is None:
        notes.append(f"ir_datasets names no language: read as {ENGLISH!r}; the option `language` names another.")
        return ENGLISH
    if queries not in (None, documents):
        notes.append(f"Queries are in {queries!r}, documents in {documents!r}: few terms of the two are the same.")
    if documents not in LANGUAGES:
        notes.append(f"No analyser knows the language {documents!r}: read as 'und' (undetermined).")
        return "und"
    return str(documents)


def _entry(record: Any, identifier: str, fields: Sequence[str], where: str, repairs: Repairs) -> Entry:
    """Return location, id and text of a document or query: its fields joined by spaces, or its default text."""
    place = f"{where} {identifier!r}"
    identifier = checked_id(identifier, place)
    if fields:
        text = " ".join(repairs.text(getattr(record, name), place) for name in fields)
    else:
        nulls = [name for name in record._fields if getattr(record, name) is None]
        default, marked = (record._replace(**dict.fromkeys(nulls, mark)).default_text() for mark in ("", "?"))
        text = repairs.text(default, place)
        if marked != default:  # one of the nulls is part of the text, which would write it as None
            repairs.add(Repair.NULL, place)
    return place, identifier, text.strip()


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [""])[0][:200]
