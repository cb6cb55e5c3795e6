"""Query variations read from files: written by hand, by another tool, or published as a collection of typos."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np

from robustrank.attack import Attack, Edit, Perturbation
from robustrank.collections.collection import Collection
from robustrank.collections.trec import read_queries
from robustrank.errors import DataError
from robustrank.paths import given_path
from robustrank.plugins import NamedFiles
from robustrank.repairs import Repairs
from robustrank.victim import Access, QueryInterface, Target, Victim

QueryFiles = Annotated[tuple[str, ...], NamedFiles("_paths")]


@dataclass
class GivenQueries(Attack):
    """Replaces the query by its variation in a file: variation i is read from file i.

    A query that is not in the file stays unchanged, with a note. If a task asks for more variations than there are
    files, the files are reused from the first one on.
    """

    files: QueryFiles  # files of lines with query id, tab and text; or patterns such as typos/*.tsv

    access = Access.NOTHING
    edits = "query"
    reference = "the author of the files"
    deviations = "none: the queries are taken as they are written"

    def prepare(self, interface: QueryInterface, collection: Collection, rng: np.random.Generator) -> None:
        """Read the files; what is mended in them is said.

        Raises:
            DataError: A pattern matches no file, or a file has an empty query.
        """
        repairs = Repairs()
        self._variations = [(path, read_queries(path, repairs)) for path in self._paths()]
        for path, queries in self._variations:
            empty = [query_id for query_id, text in queries.items() if not text.strip()]
            if empty:
                raise DataError(f"query {empty[0]!r} is empty", where=str(path), allowed="a text")
        repairs.tell("attack given-queries")

    def _paths(self) -> list[Path]:
        paths: list[Path] = []
        for pattern in self.files:
            path = given_path(pattern)
            matches = sorted(path.parent.glob(path.name))
            if not matches:
                raise DataError(f"no file matches {pattern!r}", where="attack given-queries: files")
            paths += matches
        return paths

    def perturb(self, target: Target, victim: Victim, rng: np.random.Generator) -> Perturbation:
        """Return the requested variation of the query."""
        path, queries = self._variations[target.variant % len(self._variations)]
        text = queries.get(target.query_id)
        if text is None:
            return Perturbation(target.query, note=f"{path.name} does not name the query")
        return Perturbation(text, (Edit(0, len(target.query), text),) if text != target.query else ())
