"""Collections in separate files: documents, queries, judgements, and optionally a TREC run."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from robustrank.collections.check import Unanswered
from robustrank.collections.collection import Collection
from robustrank.collections.document_store import read_documents
from robustrank.collections.file_reader import FileReader
from robustrank.collections.files import Entry, by_id, gains_by_id, json_entries, tab_entries
from robustrank.collections.first_stage import MAX_DOCUMENTS
from robustrank.collections.tables import DOCUMENT_IDS, QUERY_IDS, is_table, table_entries, table_judgements
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
class TrecFilesReader(FileReader):
    """Documents, queries, judgements and candidates, each in a file.

    A JSON-lines document has its id under id, _id, docno or doc_id and its text under text, contents or body; a title
    is prepended to the text. In .tsv and .txt files fields are separated by tabs: ``id <tab> text``.

    Each can also be a table: a CSV file whose first row names the columns, a Parquet file, or a folder of Parquet
    files, as a data set of the Hugging Face hub is once it is downloaded. Columns go by these names and their usual
    variants: doc_id, query_id (in their tables also id), text (of queries also query), title, gain.
    """

    documents: str  # .jsonl, .tsv with id, tab and text in a line, or a table
    queries: str  # id, tab and text in a line, or a table
    qrels: str  # TREC's four columns, BEIR's three, or a table
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
        queries = _queries(given_path(self.queries), repairs)
        qrels, documents = _qrels(judgements, repairs), read_documents(path, _documents, repairs)
        return self.collection_of(judgements.stem, queries, qrels, documents, repairs)


def _queries(path: Path, repairs: Repairs) -> dict[str, str]:
    if is_table(path):
        return by_id(table_entries(path, (*QUERY_IDS, "id", "_id"), (*TEXTS, "query"), repairs), repairs)
    return read_queries(path, repairs)


def _qrels(path: Path, repairs: Repairs) -> dict[str, dict[str, int]]:
    return gains_by_id(table_judgements(path), repairs) if is_table(path) else read_qrels(path, repairs)


def _documents(path: Path, repairs: Repairs) -> Iterable[Entry]:
    if is_table(path):
        return table_entries(path, (*DOCUMENT_IDS, "id", "_id"), TEXTS, repairs)
    if path.suffix in (".jsonl", ".json"):
        return json_entries(path, IDS, TEXTS, repairs)
    if path.suffix in (".tsv", ".txt"):
        return tab_entries(path)
    raise DataError(
        f"documents in a {path.suffix or 'suffixless'} file cannot be read",
        where=str(path),
        allowed=".jsonl (or .json, an object per line), .tsv (or .txt): id <tab> text; .csv or .parquet",
    )
