"""Variants of queries that somebody else has made: by hand, by another tool, or for a published collection of typos."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np

from robustrank.attack import Attack, Edit, Perturbation
from robustrank.collections.collection import Collection
from robustrank.collections.trec import read_queries
from robustrank.errors import DataError
from robustrank.plugins import NamedFiles
from robustrank.victim import Access, QueryInterface, Target, Victim

QueryFiles = Annotated[tuple[str, ...], NamedFiles("_paths")]


@dataclass
class GivenQueries(Attack):
    """Takes the variants of a query from files: the first variant from the first file, and so on.

    A query that a file does not name keeps its text, with a note. A task that asks for more variants than there are
    files is given them in turn again.
    """

    files: QueryFiles  # files of lines: query id, tab, text; or patterns such as typos/*.tsv

    access = Access.NOTHING
    edits = "query"
    reference = "the author of the files"

    def prepare(self, interface: QueryInterface, collection: Collection, rng: np.random.Generator) -> None:
        """Read the files.

        Raises:
            DataError: A pattern matches no file, or a file names no query of the collection.
        """
        self._variants = [(path, read_queries(path)) for path in self._paths()]
        for found, queries in self._variants:
            if not set(queries) & set(collection.queries):
                raise DataError(
                    f"the file names none of the queries of collection {collection.name!r}",
                    where=str(found),
                    allowed=f"query ids such as {next(iter(collection.queries))}",
                )

    def _paths(self) -> list[Path]:
        paths: list[Path] = []
        for pattern in self.files:
            path = Path(pattern).expanduser()
            found = sorted(path.parent.glob(path.name))
            if not found:
                raise DataError(f"no file matches {pattern!r}", where="attack given-queries: files")
            paths += found
        return paths

    def perturb(self, target: Target, victim: Victim, rng: np.random.Generator) -> Perturbation:
        """Return the variant that is asked for."""
        path, queries = self._variants[target.variant % len(self._variants)]
        text = queries.get(target.query_id)
        if text is None:
            return Perturbation(target.query, note=f"{path.name} does not name the query")
        return Perturbation(text, (Edit(0, len(target.query), text),) if text != target.query else ())
