"""Collections in BEIR's layout: corpus.jsonl, queries.jsonl and qrels/<split>.tsv in one folder."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from robustrank.collections.check import Unanswered
from robustrank.collections.collection import Collection
from robustrank.collections.document_store import read_documents
from robustrank.collections.file_reader import FileReader
from robustrank.collections.files import Entry, by_id, json_entries
from robustrank.collections.first_stage import MAX_DOCUMENTS
from robustrank.collections.trec import read_qrels
from robustrank.errors import DataError, nearest
from robustrank.paths import given_path
from robustrank.plugins import RetrieverSpec
from robustrank.plugins.constraints import Count, LanguageCode
from robustrank.repairs import Repairs
from robustrank.text.languages import ENGLISH


@dataclass(frozen=True)
class BeirReader(FileReader):
    """A folder in the layout of BEIR (Thakur et al., NeurIPS 2021 datasets track).

    A document's text is its title, a space and its text, as in BEIR's BM25 and dense baselines.
    Queries without judgements in the split are excluded. Lexical rankers take their statistics from the whole corpus.
    """

    folder: str  # the folder with corpus.jsonl, queries.jsonl and qrels/
    split: str = "test"  # which file of qrels/ to read, without .tsv
    run: str | None = None  # a TREC run with the first-stage candidates; null: the retriever's
    retriever: RetrieverSpec | None = None  # searches the documents where no run is given; null: bm25
    depth: Count = 100  # candidates per query
    max_documents: Count = MAX_DOCUMENTS  # maximum number of documents that are indexed; not used with a run
    unanswered: Unanswered = "zero"  # judged queries with nothing relevant or no candidates count 0, or are left out
    ignore_identical_ids: bool = True  # leave the document with the query's id out of its list, as BEIR does
    language: LanguageCode = ENGLISH  # of queries and documents, as hi or zh; und: any other, mul: several

    def read(self) -> Collection:
        """Read the folder.

        Raises:
            DataError: A file is missing or malformed (with file and line), or the files are inconsistent.
        """
        folder = given_path(self.folder)
        corpus, topics = folder / "corpus.jsonl", folder / "queries.jsonl"
        repairs = Repairs()
        queries = by_id(_entries(topics, repairs), repairs)
        qrels = read_qrels(self._judgements(folder / "qrels"), repairs)
        documents = read_documents(corpus, _entries, repairs)
        return self.collection_of(f"{folder.resolve().name}/{self.split}", queries, qrels, documents, repairs)

    def _judgements(self, folder: Path) -> Path:
        splits = sorted(path.stem for path in folder.glob("*.tsv"))
        if splits and self.split not in splits:
            raise DataError(
                f"split {self.split!r} not found",
                where=str(folder),
                allowed=", ".join(splits),
                hint=nearest(self.split, splits),
            )
        return folder / f"{self.split}.tsv"


def _entries(path: Path, repairs: Repairs) -> Iterator[Entry]:
    return json_entries(path, ("_id",), ("text",), repairs)
