"""Replay: the adversarial documents of another run, shown to this ranker. This is how transfer is measured.

Source: transfer as in Papernot, McDaniel, Goodfellow: Transferability in Machine Learning, arXiv 1605.07277; published
adversarial passages in the layout of DARA: Chen et al.: Defense of Adversarial Ranking Attack in Text Retrieval,
arXiv 2307.16816.
"""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from robustrank.attack import Attack, Edit, Perturbation
from robustrank.errors import DataError
from robustrank.victim import Access, Target, Victim

DARA = 5  # columns: query id, query, document id, original passage, adversarial passage


@dataclass
class Replay(Attack):
    """Writes what an attack wrote before; the file decides which documents are attacked."""

    path: str  # a run folder, one of its adversarial.jsonl, or a file of DARA's layout (.tsv)
    attack: str = ""  # the label of the attack to replay, where a run has several
    cell: str = ""  # what the title of the cell to replay holds, as a ranker's label, where a run has several

    access = Access.NOTHING
    source = "Papernot, McDaniel, Goodfellow, arXiv 1605.07277 (transfer); data layout of DARA, arXiv 2307.16816"
    differs = "the other attack's texts as they are; a document whose text differs here keeps its own, with a note"
    control = "random-edit"

    @cached_property
    def fingerprint(self) -> str:
        """A hash of the files."""
        digest = hashlib.sha256()
        for path in self._files():
            digest.update(path.read_bytes())
        return digest.hexdigest()[:16]

    def targets(self, query_id: str) -> frozenset[str] | None:
        """Return the documents the file attacks for a query."""
        return frozenset(doc_id for query, doc_id in self._texts if query == query_id)

    def perturb(self, target: Target, victim: Victim, rng: np.random.Generator) -> Perturbation:
        """Return the text that was written for this document."""
        known = self._texts.get((target.query_id, target.doc_id))
        if known is None:
            return Perturbation(target.document, note="the file does not attack this document")
        before, after, edits = known
        if before != target.document:
            return Perturbation(target.document, note="the document has another text here than in the file")
        return Perturbation(after, edits)

    @cached_property
    def _texts(self) -> dict[tuple[str, str], tuple[str, str, tuple[Edit, ...]]]:
        """Return before, after and edits by query and document.

        Raises:
            DataError: Two records are about the same document, or a file cannot be read.
        """
        found: dict[tuple[str, str], tuple[str, str, tuple[Edit, ...]]] = {}
        for path in self._files():
            try:
                records = list(_table(path) if path.suffix == ".tsv" else self._lines(path))
            except (OSError, ValueError, KeyError, TypeError) as error:
                raise DataError(f"the adversarial documents cannot be read: {error}", where=str(path)) from error
            for key, text in records:
                if found.setdefault(key, text) != text:
                    raise DataError(
                        f"query {key[0]}, document {key[1]} was attacked twice",
                        where=str(path),
                        hint="choose one attack by its label (attack=…) and one cell by a part of its title (cell=…)",
                    )
        return found

    def _files(self) -> list[Path]:
        path = Path(self.path).expanduser()
        if path.is_file():
            return [path]
        found = sorted(file for file in path.glob("cells/*/adversarial.jsonl") if self.cell in _title(file))
        if not found:
            raise DataError(
                f"there are no adversarial documents{f' of a cell {self.cell!r}' if self.cell else ''}",
                where=str(path),
                allowed="a run folder with cells/*/adversarial.jsonl, such a file, or a .tsv of DARA's layout",
            )
        return found

    def _lines(self, path: Path) -> Iterator[tuple[tuple[str, str], tuple[str, str, tuple[Edit, ...]]]]:
        for line in path.read_text(encoding="utf-8").splitlines():
            record = json.loads(line)
            if record["doc_id"] and (not self.attack or record["attack"] == self.attack):
                edits = tuple(Edit(**edit) for edit in record["edits"])
                yield (record["query_id"], record["doc_id"]), (record["before"], record["after"], edits)


def _table(path: Path) -> Iterator[tuple[tuple[str, str], tuple[str, str, tuple[Edit, ...]]]]:
    with path.open(encoding="utf-8", newline="") as file:
        for number, row in enumerate(csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE), start=1):
            if len(row) != DARA:
                raise ValueError(f"line {number} has {len(row)} columns, not {DARA}")
            query_id, _, doc_id, before, after = row
            yield (query_id, doc_id), (before, after, (_difference(before, after),))


def _difference(before: str, after: str) -> Edit:
    """Return the one edit between the longest common start and the longest common end."""
    start = end = 0
    shortest = min(len(before), len(after))
    while start < shortest and before[start] == after[start]:
        start += 1
    while end < shortest - start and before[-1 - end] == after[-1 - end]:
        end += 1
    return Edit(start, len(before) - end, after[start : len(after) - end])


def _title(path: Path) -> str:
    cell = path.with_name("cell.json")
    return str(json.loads(cell.read_text(encoding="utf-8"))["title"]) if cell.exists() else ""
