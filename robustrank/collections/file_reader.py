"""What readers of files share: candidates from a run or a retriever, and the checks of the whole."""

from __future__ import annotations

from collections.abc import Mapping

from robustrank.collections.check import Unanswered, checked
from robustrank.collections.collection import Collection
from robustrank.collections.first_stage import file_candidates, without_own_documents
from robustrank.collections.reader import CollectionReader
from robustrank.repairs import Repairs


class FileReader(CollectionReader):
    """A reader of files on this machine; its subclasses declare these parameters, each with its default."""

    is_kept = True

    run: str | None
    retriever: str | None
    depth: int
    max_documents: int
    unanswered: Unanswered
    ignore_identical_ids: bool
    language: str

    def collection_of(
        self,
        name: str,
        queries: Mapping[str, str],
        qrels: Mapping[str, Mapping[str, int]],
        documents: Mapping[str, str],
        repairs: Repairs,
    ) -> Collection:
        """Return the checked collection of what was read, with its candidates.

        Raises:
            DataError: They are inconsistent, or there are no candidates.
            UsageError: Both a run and a retriever are given.
        """
        ranked = file_candidates(
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
        candidates, notes = without_own_documents(ranked, qrels, self.depth, self.ignore_identical_ids)
        collection = Collection(
            name,
            queries,
            documents,
            qrels,
            candidates,
            notes=(*repairs.notes(), *notes),
            language=self.language,
            ignores_identical_ids=self.ignore_identical_ids,
        )
        return checked(collection, self.unanswered)
