"""The words that an edit touches, and which of them lie beyond what a ranker reads."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

from robustrank.records import Edit
from robustrank.text.words import Word, words

Span = tuple[int, int]  # of characters: start, end


@dataclass(frozen=True)
class EditedWords:
    """The words that edits touch, by the position of their first character.

    Attributes:
        after: Words of the new text that are new, or changed.
        before: Words of the original that were deleted, or split: no word of the new text stands for them.
    """

    after: list[int]
    before: list[int]

    @property
    def count(self) -> int:
        """How many there are."""
        return len(self.after) + len(self.before)

    def unseen(self, read_before: Sequence[Span], read_after: Sequence[Span]) -> int:
        """Return how many of them start outside the characters read of the original and of the new text."""
        touched = (self.before, read_before), (self.after, read_after)
        return sum(not is_read(start, parts) for starts, parts in touched for start in starts)


def edited_words(before: str, after: str, edits: Sequence[Edit]) -> EditedWords:
    """Return the words that edits touch, each once.

    Args:
        before: The original text.
        after: The text with the edits applied.
        edits: In order of position, not overlapping.
    """
    old, new = words(before), words(after)
    added: dict[int, None] = {}
    deleted: dict[int, None] = {}
    shift = 0
    for edit in edits:
        start = edit.start + shift
        touched = _touched(new, start, start + len(edit.text))
        added |= dict.fromkeys(touched)
        if not touched:
            deleted |= dict.fromkeys(_touched(old, edit.start, edit.end))
        shift += len(edit.text) - (edit.end - edit.start)
    return EditedWords(list(added), list(deleted))


def is_read(start: int, parts: Sequence[Span]) -> bool:
    """Return whether a word that starts at a character starts in one of the parts that are read."""
    return any(first <= start < end for first, end in parts)


def share_read(text: str, parts: Sequence[Span]) -> float | None:
    """Return the share of the words of a text that start in one of the parts that are read; None without a word."""
    starts = [word.start for word in words(text)]
    return sum(is_read(start, parts) for start in starts) / len(starts) if starts else None


def characters_behind(original: str, rewritten: str, end: int) -> int | None:
    """Return how many characters of ``original`` stand behind the first ``end`` of its rewritten form.

    They are matched word by word: None where the two have different numbers of words.
    """
    if end >= len(rewritten):
        return len(original)
    if original == rewritten:
        return end
    old, new = words(original), words(rewritten)
    if len(old) != len(new):
        return None
    read = sum(word.start < end for word in new)
    return 0 if read == 0 else len(original) if read == len(old) else old[read - 1].end


def _touched(tokens: Sequence[Word], start: int, end: int) -> list[int]:
    """Return the starts of the words with a character in ``start:end``, or around it where it is empty."""
    first = bisect_right(tokens, start, key=lambda word: word.end)
    last = bisect_left(tokens, end, key=lambda word: word.start)
    return [word.start for word in tokens[first:last]]
