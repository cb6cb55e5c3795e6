"""Equal scores: how many there are, and what they mean for a measure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from typing import Literal

Ties = Literal["id", "worst"]  # equal scores by document id, or the lowest gain first
DEGENERATE = "degenerate_scores"
_SHARE = 0.2  # of a list's documents, above which equal scores are noted


def degenerate_note(scores: Collection[float]) -> str:
    """Return a note where over 20 % of a list's documents share their score with another; else nothing."""
    tied = sum(count for count in Counter(scores).values() if count > 1)
    return f"{DEGENERATE}: {tied} of {len(scores)} scores are equal to another" if tied > _SHARE * len(scores) else ""
