"""Replay: the adversarial documents of another run against this ranker, which measures transferability.

Reference: transferability as in Papernot, McDaniel, Goodfellow: Transferability in Machine Learning, arXiv 1605.07277;
published adversarial passages in the layout of DARA: Chen et al.: Defense of Adversarial Ranking Attack in Text
Retrieval, arXiv 2307.16816.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Annotated

import numpy as np

from robustrank.adversarial import Attacked, adversarial_files, read_adversarial
from robustrank.attack import Attack, Perturbation
from robustrank.plugins import NamedFiles
from robustrank.repairs import Repairs
from robustrank.victim import Access, Target, Victim

AttackedDocuments = Annotated[str, NamedFiles("_files")]
_HINT = "choose one attack by its label (attack=…), and one cell by a piece of its title (cell=…)"


@dataclass
class Replay(Attack):
    """Replaces documents by the adversarial documents of a file; the file determines the target documents."""

    path: AttackedDocuments  # a run folder, one of its adversarial.jsonl files, or a file in DARA's layout (.tsv)
    attack: str = ""  # label of the attack to replay, if the run has several
    cell: str = ""  # substring of the cell's title, such as a ranker's label, if the run has several cells

    access = Access.NOTHING
    reference = "Papernot, McDaniel, Goodfellow, arXiv 1605.07277 (transfer); data layout of DARA, arXiv 2307.16816"
    deviations = (
        "adversarial texts are replayed unchanged; a document whose clean text differs from the file's is not "
        "replaced, with a note"
    )
    control = "random-edit"

    def targets(self, query_id: str) -> frozenset[str] | None:
        """Return the documents that the file attacks for a query."""
        return frozenset(doc_id for query, doc_id in self._texts if query == query_id)

    def perturb(self, target: Target, victim: Victim, rng: np.random.Generator) -> Perturbation:
        """Return the adversarial text of the document."""
        record = self._texts.get((target.query_id, target.doc_id))
        if record is None:
            return Perturbation(target.document, note="the file does not attack this document")
        if record.before != target.document:
            return Perturbation(target.document, note="the document has another text here than in the file")
        return Perturbation(record.after, record.edits)

    @cached_property
    def _texts(self) -> dict[tuple[str, str], Attacked]:
        """Return the adversarial documents by query and document.

        Raises:
            DataError: The files have several adversarial texts of a document for a query, or a file cannot be read.
        """
        records: dict[tuple[str, str], Attacked] = {}
        repairs = Repairs()
        for path in self._files():
            for record in read_adversarial(path, self.attack):
                pair = record.query_id, record.doc_id
                if pair in records:
                    what = f"adversarial documents of query {record.query_id!r}, document {record.doc_id!r}"
                    repairs.unite(records[pair], record, what, record.where, _HINT)
                records[pair] = record
        repairs.tell("attack replay")
        return records

    def _files(self) -> list[Path]:
        return adversarial_files(self.path, self.cell)
