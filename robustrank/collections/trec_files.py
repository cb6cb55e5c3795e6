"""Collections in separate files: documents, queries, TREC judgements, and optionally a TREC run."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from robustrank.collections.check import Unanswered, checked
from robustrank.collections.collection import Collection
from robustrank.collections.files import Entry, by_id, json_entries, tab_entries
from robustrank.collections.first_stage import MAX_DOCUMENTS, file_candidates, without_own_documents
from robustrank.collections.reader import CollectionReader
from robustrank.collections.trec import read_qrels, read_queries
from robustrank.errors import DataError
from robustrank.paths import given_path
from robustrank.plugins import RetrieverSpec
from robustrank.plugins.constraints import Count, LanguageCode
from robustrank.repairs import Repairs
from robustrank.text.languages import ENGLISH

IDS = ("id", "_id", "docno", "doc_id")
TEXTS = ("text", "contents", "body")


@dataclass(frozen=True)
class TrecFilesReader(CollectionReader):
    """Documents, queries, judgements and candidates, each in a file.

    A JSON-lines document has its id under id, _id, docno or doc_id and its text under text, contents or body; a title
    is prepended to the text. In .tsv and .txt files fields are separated by tabs: ``id <tab> text``.
    """

    documents: str  # .jsonl, or .tsv with id, tab and text in a line
    queries: str  # id, tab and text in a line
    qrels: str  # TREC's four columns, or BEIR's three
    run: str | None = None  # a TREC run with the first-stage candidates; null: the retriever's
    retriever: RetrieverSpec | None = None  # searches the documents where no run is given; null: bm25
    depth: Count = 100  # candidates per query
    max_documents: Count = MAX_DOCUMENTS  # maximum number of documents that are indexed; not used with a run
    unanswered: Unanswered = "zero"  # judged queries with nothing relevant or no candidates count 0, or are left out
    ignore_identical_ids: bool = False  # leave the document with the query's id out of its list, as BEIR does
    language: LanguageCode = ENGLISH  # of queries and documents, as hi or zh; und: any other, mul: several

    def read(self) -> Collection:
        """Read the files.

        Raises:
            DataError: A file is missing or malformed (with file and line), or the files are inconsistent.
        """
        path, judgements = (given_path(name) for name in (self.documents, self.qrels))
        repairs = Repairs()
        queries = read_queries(given_path(self.queries), repairs)
        qrels, documents = read_qrels(judgements, repairs), by_id(_entries(path, repairs), repairs)
        candidates = file_candidates(
            self.run,
            documents,
            queries,
            qrels,
            self.depth,
            self.max_documents,
            self.retriever,
            self.language,
            repairs,
        )
        candidates, notes = without_own_documents(candidates, qrels, self.depth, self.ignore_identical_ids)
        name, notes = judgements.stem, [*repairs.notes(), *notes]
        collection = Collection(name, queries, documents, qrels, candidates, notes=tuple(notes), language=self.language)
        return checked(collection, self.unanswered)


def _entries(path: Path, repairs: Repairs) -> Iterable[Entry]:
    if path.suffix in (".jsonl", ".json"):
        return json_entries(path, IDS, TEXTS, repairs)
    if path.suffix in (".tsv", ".txt"):
        return tab_entries(path)
    raise DataError(
        f"documents in a {path.suffix or 'suffixless'} file cannot be read",
        where=str(path),
        allowed=".jsonl (or .json, an object per line), .tsv (or .txt): id <tab> text",
    )
