"""What a certificate is about: the texts an attacker may write when a substitution table is all he has."""

from __future__ import annotations

from robustrank.text.table import SubstitutionTable
from robustrank.text.words import case_of, words


def is_allowed(table: SubstitutionTable, before: str, after: str, radius: int | None) -> bool:
    """Whether a text is another with at most ``radius`` words replaced by their substitutes, each in its own case.

    Args:
        table: The substitutions.
        before: The text.
        after: The text as attacked.
        radius: Words; None is all.
    """
    old, new = words(before), words(after)
    if len(old) != len(new):
        return False
    changed, left, right = 0, 0, 0
    for one, other in zip(old, new, strict=True):
        if before[left : one.start] != after[right : other.start]:
            return False
        if one.text != other.text:
            if other.key not in table.substitutes(one.key) or case_of(one.text) != case_of(other.text):
                return False
            changed += 1
        left, right = one.end, other.end
    return before[left:] == after[right:] and (radius is None or changed <= radius)
