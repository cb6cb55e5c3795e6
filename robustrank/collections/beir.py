"""Collections in BEIR's layout: corpus.jsonl, queries.jsonl and qrels/<split>.tsv in one folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from robustrank.collections.check import checked
from robustrank.collections.collection import Collection
from robustrank.collections.files import by_id, json_entries
from robustrank.collections.first_stage import MAX_DOCUMENTS, file_candidates
from robustrank.collections.reader import CollectionReader, at_least_one
from robustrank.collections.trec import read_qrels
from robustrank.errors import DataError, nearest


@dataclass(frozen=True)
class BeirReader(CollectionReader):
    """A folder in the layout of BEIR (Thakur et al., NeurIPS 2021 datasets track).

    A document's text is its title, a space and its text, as BEIR's own BM25 and dense baselines read it.
    Queries without judgements in the split are left out. The whole corpus is held in memory, so that lexical
    rankers take their statistics from all of it.
    """

    folder: str  # the folder that holds corpus.jsonl, queries.jsonl and qrels/
    split: str = "test"  # which qrels/<split>.tsv to read
    run: str | None = None  # a TREC run with the first stage's candidates; none: BM25 makes them
    depth: int = 100  # candidates a query
    max_documents: int = MAX_DOCUMENTS  # documents that BM25 may index; a run needs no index

    def __post_init__(self) -> None:
        at_least_one(depth=self.depth, max_documents=self.max_documents)

    def read(self) -> Collection:
        """Read the folder.

        Raises:
            DataError: A file is missing or malformed (with file and line), or they do not fit together.
        """
        folder = Path(self.folder).expanduser()
        corpus, topics = folder / "corpus.jsonl", folder / "queries.jsonl"
        queries = by_id(json_entries(topics, ("_id",), ("text",)), topics)
        qrels = read_qrels(self._judgements(folder / "qrels"))
        documents = by_id(json_entries(corpus, ("_id",), ("text",)), corpus)
        candidates = file_candidates(self.run, documents, queries, qrels, self.depth, self.max_documents)
        name = f"{folder.resolve().name}/{self.split}"
        return checked(Collection(name, queries, documents, qrels, candidates))

    def _judgements(self, folder: Path) -> Path:
        splits = sorted(path.stem for path in folder.glob("*.tsv"))
        if splits and self.split not in splits:
            raise DataError(
                f"there is no split {self.split!r}",
                where=str(folder),
                allowed=", ".join(splits),
                hint=nearest(self.split, splits),
            )
        return folder / f"{self.split}.tsv"
