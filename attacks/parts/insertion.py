"""Where an attack puts what it inserts."""

from __future__ import annotations

import re
from typing import Literal

from robustrank.attack import Edit
from robustrank.text.words import words

SENTENCE_BREAK = re.compile(r"(?<=[.!?])\s+")  # the white space between two sentences
Position = Literal["start", "middle", "end"]


def insertion(document: str, text: str, position: Position) -> Edit:
    """Return the edit that inserts ``text`` at the start, before the middle word or at the end, spaced as words are."""
    place = _place(document, position)
    before = " " if place > 0 and not document[place - 1].isspace() else ""
    after = " " if place < len(document) and not document[place].isspace() else ""
    return Edit(place, place, before + text + after)


def _place(document: str, position: Position) -> int:
    if position == "start":
        return 0
    if position == "end":
        return len(document)
    found = words(document)
    return found[len(found) // 2].start if found else 0
