"""How many words a perturbation of a stated size or rate changes."""

from __future__ import annotations


def how_many(there: int, count: int, rate: float | None) -> int:
    """Return how many of ``there`` words are changed: ``count``, or where a rate is given, that share of them.

    A rate above 0 changes one word at the least.

    Raises:
        ValueError: The rate is not between 0 and 1, or the count is negative.
    """
    if count < 0:
        raise ValueError(f"{count} words cannot be changed")
    if rate is None:
        return min(count, there)
    if not 0 <= rate <= 1:
        raise ValueError(f"rate={rate}; a rate is a share between 0 and 1")
    return min(there, max(1, round(rate * there))) if rate else 0
