"""Insertion of a text at the start, in the middle or at the end of a document."""

from __future__ import annotations

from typing import Literal

from robustrank.attack import Edit, Perturbation
from robustrank.text.words import words

from .edits import perturbation_of

Position = Literal["start", "middle", "end"]


def insertion(document: str, text: str, position: Position) -> Edit:
    """Return the edit that inserts ``text`` at the start, before the middle word or at the end, separated by spaces."""
    offset = _offset(document, position)
    before = " " if offset > 0 and not document[offset - 1].isspace() else ""
    after = " " if offset < len(document) and not document[offset].isspace() else ""
    return Edit(offset, offset, before + text + after)


def insert(document: str, text: str, position: Position) -> Perturbation:
    """Return the document with ``text`` inserted, see :func:`insertion`."""
    return perturbation_of(document, (insertion(document, text, position),))


def _offset(document: str, position: Position) -> int:
    if position == "start":
        return 0
    if position == "end":
        return len(document)
    document_words = words(document)
    return document_words[len(document_words) // 2].start if document_words else 0
