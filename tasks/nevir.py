"""Negation: pairs of documents that differ in a negation, with a query for each; both queries have to be right."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from robustrank.engine.context import Context
from robustrank.errors import DataError
from robustrank.json_lines import read_lines
from robustrank.paths import given_path
from robustrank.plugins.constraints import Count
from robustrank.plugins.contents import file_digest
from robustrank.records import Candidate, Document, Ranking, Request
from robustrank.rows import Row
from robustrank.task import Task
from robustrank.text.languages import ENGLISH

if TYPE_CHECKING:
    from robustrank.tables import TaskReport

EMBEDDED = Path(__file__).with_name("data") / "negation.jsonl"  # 16 pairs, written for this package
KEYS = ("id", "q1", "q2", "doc1", "doc2")


@dataclass(frozen=True)
class NevIR(Task):
    """A pair is right if each of its two queries ranks its document above the other; by chance one pair in four is.

    Equal scores are wrong. The collection gives rankers their statistics alone. List rankers get ``doc1`` first, for
    both queries: one that returns its input has no pair right.
    """

    file: str | None = None  # pairs, a JSON object a line with id, q1, q2, doc1, doc2; null: the 16 of this package
    pairs: Count | None = None  # the first so many pairs; null is all

    axes = ("defense",)
    reference = "Weller, Lawrie, Van Durme: NevIR: Negation in Neural Information Retrieval, EACL 2024"
    deviations = "the embedded pairs are ours; give those of the paper as a file"
    headline = ("paired_accuracy", "")

    @staticmethod
    def report() -> TaskReport:
        """Its tables."""
        from .reports.nevir import REPORT

        return REPORT

    @property
    def languages(self) -> tuple[str, ...]:
        """English for the embedded pairs; any with a file."""
        return (ENGLISH,) if self.file is None else ()

    @property
    def fingerprint(self) -> str:
        """The content of the embedded pairs, where they are used."""
        return file_digest(EMBEDDED) if self.file is None else ""

    def run(self, context: Context) -> Iterator[Row]:
        """Rank both documents of each pair for both of its queries."""
        pairs = self._read()
        requests = [_request(pair, query) for pair in pairs for query in ("q1", "q2")]
        rankings = context.served.rank(requests)
        for number, pair in enumerate(pairs):
            right = [_is_first(rankings[2 * number + place], place) for place in (0, 1)]
            values = {"paired_accuracy": float(all(right)), "accuracy": sum(right) / 2}
            yield from context.rows(values, pair["id"])

    def calls(self, context: Context) -> int:
        """Two documents for two queries of each pair."""
        return 4 * len(self._read())

    def _read(self) -> list[dict[str, str]]:
        """Return the pairs.

        Raises:
            DataError: The file cannot be read, a pair lacks a text, or there is none.
        """
        path = EMBEDDED if self.file is None else given_path(self.file)
        pairs: dict[str, dict[str, str]] = {}
        for where, record in read_lines(path):
            if wrong := [key for key in KEYS if not isinstance(record.get(key), str) or not record[key].strip()]:
                raise DataError(f"the pair has no text {', '.join(wrong)}", where=where, allowed=", ".join(KEYS))
            if pairs.setdefault(record["id"], record) is not record:
                raise DataError(f"duplicate pair {record['id']!r}", where=where)
        if not pairs:
            raise DataError("there are no pairs", where=str(path))
        return list(pairs.values())[: self.pairs]


def _request(pair: dict[str, str], query: str) -> Request:
    documents = (Candidate(Document(f"{pair['id']}-{name}", pair[name])) for name in ("doc1", "doc2"))
    return Request(f"{pair['id']}-{query}", pair[query], tuple(documents))


def _is_first(ranking: Ranking, place: int) -> bool:
    """Return whether a document is first, and alone so where there are scores."""
    if ranking.scores is not None and ranking.scores[0] == ranking.scores[1]:
        return False
    return ranking.order[0] == place
