"""Answers read by rule: thinking is cut, identifiers are located, orders are repaired, and all of it is counted."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Identifiers = Literal["numbers", "letters"]
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"

_OPEN, _CLOSE = "<think>", "</think>"
# A letter in brackets, or a capital by itself that begins no sentence, as in "I cannot" or "A passage".
_LETTER = re.compile(r"\[([A-Za-z])\]|(?<![A-Za-z\d])([A-Z])(?![A-Za-z\d'’])(?! (?!and\b|is\b|or\b)[a-z])")


@dataclass(frozen=True)
class ParsedOrder:
    """An order of n items from an answer.

    Attributes:
        order: Positions, best first: a permutation.
        missing, duplicate, out_of_range: Identifiers that the answer lacked, repeated, or that name nothing.
        is_readable: Whether the answer named any item; if not, the order is that of the input.
    """

    order: tuple[int, ...]
    missing: int = 0
    duplicate: int = 0
    out_of_range: int = 0
    is_readable: bool = True

    @property
    def is_exact(self) -> bool:
        """Whether the answer was a full permutation without any repair."""
        return self.is_readable and not (self.missing or self.duplicate or self.out_of_range)

    @property
    def is_identity(self) -> bool:
        """Whether the order is that of the input."""
        return self.order == tuple(range(len(self.order)))


def identifiers(count: int, kind: Identifiers) -> tuple[str, ...]:
    """Return the identifiers of so many passages: 1, 2, … or A, B, ….

    Raises:
        ValueError: More passages than letters.
    """
    if kind == "numbers":
        return tuple(str(number) for number in range(1, count + 1))
    if count > len(LETTERS):
        raise ValueError(f"{count} passages, and {len(LETTERS)} letters to name them")
    return tuple(LETTERS[:count])


def without_thinking(text: str) -> str | None:
    """Return the text behind the last ``</think>``; None where a thought is opened and never closed."""
    _, closed, rest = text.rpartition(_CLOSE)
    answer = rest if closed else text
    return None if _OPEN in answer else answer


def answer_text(text: str, tag: str = "") -> str | None:
    """Return the part of an answer that is read: without thinking, and the last ``<tag>…</tag>`` where one is named."""
    answer = without_thinking(text)
    if answer is None or not tag:
        return answer
    tagged = re.findall(rf"<{tag}>(.*?)</{tag}>", answer, re.DOTALL | re.IGNORECASE)
    return tagged[-1] if tagged else answer


def parse_order(text: str, count: int, kind: Identifiers = "numbers", tag: str = "") -> ParsedOrder:
    """Return the order of ``count`` items that an answer names, repaired by rule.

    Identifiers out of range and repeated ones are dropped, and items that are missing follow in the order of the input.
    """
    read = answer_text(text, tag)
    named = [] if read is None else _positions(read, kind)
    inside = [position for position in named if 0 <= position < count]
    order = list(dict.fromkeys(inside))
    if not order:
        return ParsedOrder(tuple(range(count)), out_of_range=len(named), is_readable=False)
    absent = [position for position in range(count) if position not in set(order)]
    return ParsedOrder(
        tuple(order + absent), len(absent), len(inside) - len(order), len(named) - len(inside), is_readable=True
    )


def parse_label(text: str, labels: Sequence[str], tag: str = "") -> int | None:
    """Return the position of the first label that an answer names; None where it names none.

    Labels are those of :func:`identifiers`.
    """
    read = answer_text(text, tag)
    if read is None:
        return None
    kind: Identifiers = "numbers" if labels[0].isdigit() else "letters"
    return next((position for position in _positions(read, kind) if 0 <= position < len(labels)), None)


def parse_grade(text: str, highest: int, tag: str = "answer") -> float | None:
    """Return the last number from 0 to ``highest`` that an answer gives; None where it gives none."""
    read = answer_text(text, tag)
    numbers = re.findall(r"(?<![\d.])\d+(?:\.\d+)?", _ascii_digits(read or ""))
    inside = [float(number) for number in numbers if float(number) <= highest]
    return inside[-1] if inside else None


def parse_grades(text: str, count: int, highest: float, tag: str = "answer") -> dict[int, float]:
    """Return the grade of each position that a JSON object ``{"[1]": 7, …}`` in an answer gives; none if there is none.

    A code fence is stripped, the last object is taken, and a missing brace is closed.
    """
    read = answer_text(text, tag)
    start = (read or "").rfind("{")
    if read is None or start < 0:
        return {}
    body = read[start:].partition("```")[0]
    body = body[: body.index("}") + 1] if "}" in body else body.rstrip().rstrip(",") + "}"
    try:
        record = json.loads(body)
    except ValueError:
        return {}
    grades: dict[int, float] = {}
    for key, value in record.items():
        digits = re.fullmatch(r"\D*(\d+)\D*", key)
        is_grade = isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= highest
        if digits and is_grade and 1 <= int(digits[1]) <= count:
            grades[int(digits[1]) - 1] = float(value)
    return grades


def _positions(text: str, kind: Identifiers) -> list[int]:
    if kind == "numbers":
        return [int(number) - 1 for number in re.findall(r"\d+", _ascii_digits(text)) if len(number) < 10]
    return [LETTERS.index((bracketed or alone).upper()) for bracketed, alone in _LETTER.findall(text)]


def _ascii_digits(text: str) -> str:
    """Return a text with superscript, subscript, circled and other digits as ASCII ones."""
    if text.isascii():
        return text
    return "".join(
        character if character.isascii() or (digit := unicodedata.digit(character, None)) is None else str(digit)
        for character in text
    )
