"""What a certificate is about: the texts an attacker may write when a substitution table is all he has."""

from __future__ import annotations

from robustrank.text.table import SubstitutionTable
from robustrank.text.words import case_of, words


def words_replaced(table: SubstitutionTable, before: str, after: str) -> int | None:
    """Return how many words of a text are replaced by their substitutes, each in its own case.

    Args:
        table: The substitutions.
        before: The text.
        after: The text as attacked.

    Returns:
        Words; None where anything else was done to the text.
    """
    old, new = words(before), words(after)
    if len(old) != len(new):
        return None
    changed, left, right = 0, 0, 0
    for one, other in zip(old, new, strict=True):
        if before[left : one.start] != after[right : other.start]:
            return None
        if one.text != other.text:
            if other.key not in table.substitutes(one.key) or case_of(one.text) != case_of(other.text):
                return None
            changed += 1
        left, right = one.end, other.end
    return changed if before[left:] == after[right:] else None
