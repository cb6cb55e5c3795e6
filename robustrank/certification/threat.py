"""The threat models of certificates: texts reachable by substitutions of a table, or of any words, or by a block."""

from __future__ import annotations

from robustrank.text.table import SubstitutionTable
from robustrank.text.words import case_of, words

NO_WORD = SubstitutionTable({}, {"threat": "no word is replaced"})


def words_replaced(table: SubstitutionTable, before: str, after: str) -> int | None:
    """Return how many words of a text are replaced by their substitutes, each in the case of the word.

    Args:
        table: The substitutions.
        before: The clean text.
        after: The attacked text.

    Returns:
        Number of words; None where the text was edited in any further way.
    """
    old, new = words(before), words(after)
    if len(old) != len(new):
        return None
    changed, left, right = 0, 0, 0
    for word, substitute in zip(old, new, strict=True):
        if before[left : word.start] != after[right : substitute.start]:
            return None
        if word.text != substitute.text:
            if substitute.key not in table.substitutes(word.key) or case_of(word.text) != case_of(substitute.text):
                return None
            changed += 1
        left, right = word.end, substitute.end
    return changed if before[left:] == after[right:] else None


def block_inserted(before: str, after: str) -> int | None:
    """Return how many words are inserted at one place, by any words; None where the text was edited in a further way.

    Words are what white space separates; what kind of it, and how much, is free.
    """
    old, new = before.split(), after.split()
    count = len(new) - len(old)
    same = next((i for i, (a, b) in enumerate(zip(old, new, strict=False)) if a != b), min(len(old), len(new)))
    return count if count >= 0 and old[same:] == new[same + count :] else None


def any_words_replaced(before: str, after: str) -> int | None:
    """Return how many words of a text are replaced, by any words; None where a word was added or deleted.

    Characters between the words may change, too.
    """
    old, new = words(before), words(after)
    if len(old) != len(new):
        return None
    return sum(word.text != other.text for word, other in zip(old, new, strict=True))
