"""Captions, and notes on what is missing and why: a value that was not measured is counted in words, never as zero."""

from __future__ import annotations

from collections import Counter

import pandas as pd

from robustrank.analysis.rowset import RowSet
from robustrank.measures.ties import DEGENERATE
from robustrank.printing import counted, printable

_CAPTION = 184  # characters; with "Part 2 of 3." at most 200
READING = (
    "Arrows point to the more robust ranker; a negative relative change is a loss. The terms, with their formulas: "
    "docs/glossary.md."
)
_REASONS = 3  # reasons named for each kind of missing value
_LENGTH = 100  # characters of a reason
_KINDS = {
    "skipped": "skipped, for it does not apply",
    "failed": "failed, measured and undefined",
    "error": "broken by an error",
    "ok": "without a value",
    "budget_exhausted": "without a value when the budget was spent",
}


def captioned(text: str, rowset: RowSet, method: str = "") -> str:
    """Return a caption of at most 200 characters: what is shown, of which collection and queries, and how.

    Args:
        text: What is shown, without a full stop.
        rowset: The rows it is made of; of several collections the rows of the table name theirs.
        method: How intervals were made.
    """
    queries = rowset.rows.loc[rowset.rows["query_id"] != "", ["collection", "query_id"]].drop_duplicates()
    labels = [entry.label for entry in rowset.present("collection")]
    labels = labels if len(labels) == 1 else []
    end = f"{counted(len(queries), 'query')}{f'; {method}' if method else ''}."
    room = (_CAPTION - len(f"{text}, , {end}")) // max(1, len(labels))
    return ", ".join([text, *(_short(label, room) for label in labels), end])


def missing_notes(rows: pd.DataFrame) -> tuple[str, ...]:
    """Return a sentence for each kind of row without a value, with its commonest reasons, on spent budgets and ties."""
    missing = rows.loc[rows["value"].isna(), ["status", "note"]]
    notes = [_note(missing[missing["status"] == status], text) for status, text in _KINDS.items()]
    is_spent = (rows["status"] == "budget_exhausted") & rows["value"].notna()
    results = rows.loc[is_spent, ["attack", "ranker", "defense", "seed", "query_id", "doc_id"]].drop_duplicates()
    if len(results):
        notes.append(f"Budget spent before the end: {counted(len(results), 'attack')}, judged by the best text so far.")
    is_tied = rows["note"].str.startswith(DEGENERATE)
    lists = rows.loc[is_tied, ["ranker", "defense", "seed", "query_id"]].drop_duplicates()
    if len(lists):
        notes.append(f"{DEGENERATE}: in {counted(len(lists), 'list')} over 20 % of the scores are equal to another.")
    return tuple(note for note in notes if note)


def _note(rows: pd.DataFrame, text: str) -> str:
    if not len(rows):
        return ""
    reasons = Counter(str(note) for note in rows["note"] if note)
    common = sorted(reasons.items(), key=lambda item: (-item[1], item[0]))
    named = [f"{_short(reason)} ({count})" for reason, count in common[:_REASONS]]
    named += [f"{len(common) - _REASONS} other reasons"] if len(common) > _REASONS else []
    return f"{counted(len(rows), 'row')} {text}" + (f": {'; '.join(named)}." if named else ".")


def _short(text: str, length: int = _LENGTH) -> str:
    line = printable(" ".join(text.split()))
    return line if len(line) <= length else f"{line[: length - 1]}…"
