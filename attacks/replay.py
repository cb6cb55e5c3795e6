"""Replay: the adversarial documents of another run, shown to this ranker. This is how transfer is measured.

Source: transfer as in Papernot, McDaniel, Goodfellow: Transferability in Machine Learning, arXiv 1605.07277; published
adversarial passages in the layout of DARA: Chen et al.: Defense of Adversarial Ranking Attack in Text Retrieval,
arXiv 2307.16816.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Annotated

import numpy as np

from robustrank.adversarial import Attacked, adversarial_files, read_adversarial
from robustrank.attack import Attack, Perturbation
from robustrank.errors import DataError
from robustrank.plugins import NamedFiles
from robustrank.victim import Access, Target, Victim

AttackedDocuments = Annotated[str, NamedFiles("_files")]


@dataclass
class Replay(Attack):
    """Writes what an attack wrote before; the file decides which documents are attacked."""

    path: AttackedDocuments  # a run folder, one of its adversarial.jsonl, or a file of DARA's layout (.tsv)
    attack: str = ""  # the label of the attack to replay, where a run has several
    cell: str = ""  # what the title of the cell to replay holds, as a ranker's label, where a run has several

    access = Access.NOTHING
    reference = "Papernot, McDaniel, Goodfellow, arXiv 1605.07277 (transfer); data layout of DARA, arXiv 2307.16816"
    deviations = "the other attack's texts as they are; a document whose text differs here keeps its own, with a note"
    control = "random-edit"

    def targets(self, query_id: str) -> frozenset[str] | None:
        """Return the documents the file attacks for a query."""
        return frozenset(doc_id for query, doc_id in self._texts if query == query_id)

    def perturb(self, target: Target, victim: Victim, rng: np.random.Generator) -> Perturbation:
        """Return the text that was written for this document."""
        known = self._texts.get((target.query_id, target.doc_id))
        if known is None:
            return Perturbation(target.document, note="the file does not attack this document")
        if known.before != target.document:
            return Perturbation(target.document, note="the document has another text here than in the file")
        return Perturbation(known.after, known.edits)

    @cached_property
    def _texts(self) -> dict[tuple[str, str], Attacked]:
        """Return what was attacked, by query and document.

        Raises:
            DataError: Two records are about the same document, or a file cannot be read.
        """
        found: dict[tuple[str, str], Attacked] = {}
        for path in self._files():
            for record in read_adversarial(path, self.attack):
                if found.setdefault((record.query_id, record.doc_id), record) != record:
                    raise DataError(
                        f"query {record.query_id}, document {record.doc_id} was attacked twice",
                        where=str(path),
                        hint="choose one attack by its label (attack=…) and one cell by a part of its title (cell=…)",
                    )
        return found

    def _files(self) -> list[Path]:
        return adversarial_files(self.path, self.cell)
