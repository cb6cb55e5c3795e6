"""Says what is missing and why: a value that was not measured is counted in words and never as zero."""

from __future__ import annotations

from collections import Counter

import pandas as pd

_REASONS = 3  # reasons named for each kind of missing value
_LENGTH = 100  # characters of a reason
_KINDS = {
    "skipped": "skipped, for it does not apply",
    "failed": "failed, measured and undefined",
    "error": "broken by an error",
    "ok": "without a value",
    "budget_exhausted": "without a value when the budget was spent",
}


def missing_notes(rows: pd.DataFrame) -> tuple[str, ...]:
    """Return a sentence for each kind of row without a value, with its commonest reasons, and on spent budgets."""
    missing = rows[rows["value"].isna()]
    notes = [_note(missing[missing["status"] == status], text) for status, text in _KINDS.items()]
    spent = rows[(rows["status"] == "budget_exhausted") & rows["value"].notna()]
    results = spent[["attack", "ranker", "defense", "seed", "query_id", "doc_id"]].drop_duplicates()
    if len(results):
        notes.append(f"Budget spent before the end: {_count(len(results), 'attack')}, judged by the best text so far.")
    return tuple(note for note in notes if note)


def _note(rows: pd.DataFrame, text: str) -> str:
    if not len(rows):
        return ""
    reasons = Counter(str(note) for note in rows["note"] if note)
    common = sorted(reasons.items(), key=lambda item: (-item[1], item[0]))
    named = [f"{_short(reason)} ({count})" for reason, count in common[:_REASONS]]
    named += [f"{len(common) - _REASONS} other reasons"] if len(common) > _REASONS else []
    return f"{_count(len(rows), 'row')} {text}" + (f": {'; '.join(named)}." if named else ".")


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _LENGTH else f"{line[: _LENGTH - 1]}…"


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'s' if number != 1 else ''}"
