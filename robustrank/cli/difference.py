"""The difference of two texts on a terminal: deleted and inserted words in colour, or in brackets without colours."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from typing import TYPE_CHECKING, Literal

from robustrank.printing import printable
from robustrank.records import Edit

if TYPE_CHECKING:
    from rich.text import Text

Kind = Literal["same", "deleted", "inserted"]
_WORDS = re.compile(r"\s+|\w+|[^\w\s]")
_CONTEXT = 60  # characters shown beside an edit where the text is not shown whole
_STYLES: dict[Kind, str] = {"same": "", "deleted": "red strike", "inserted": "bold green"}
_MARKS: dict[Kind, tuple[str, str]] = {"same": ("", ""), "deleted": ("[-", "-]"), "inserted": ("{+", "+}")}


def segments(before: str, edits: Sequence[Edit]) -> list[tuple[Kind, str]]:
    """Return the parts of a text with its edits, in order; what an edit leaves as it was is no part of it."""
    parts: list[tuple[Kind, str]] = []
    position = 0
    for edit in edits:
        parts.append(("same", before[position : edit.start]))
        parts += _words(before[edit.start : edit.end], edit.text)
        position = edit.end
    parts.append(("same", before[position:]))
    return [(kind, text) for kind, text in parts if text]


def _words(old: str, new: str) -> Iterator[tuple[Kind, str]]:
    if not old or not new:
        yield ("deleted", old) if old else ("inserted", new)
        return
    olds, news = _WORDS.findall(old), _WORDS.findall(new)
    for tag, start, end, new_start, new_end in SequenceMatcher(None, olds, news, autojunk=False).get_opcodes():
        if tag == "equal":
            yield "same", "".join(olds[start:end])
        else:
            yield "deleted", "".join(olds[start:end])
            yield "inserted", "".join(news[new_start:new_end])


def difference(before: str, edits: Sequence[Edit], colour: bool, whole: bool = False) -> Text:
    """Return a text with its edits marked; control characters are escapes, and a line break is ``↵``.

    Args:
        before: The text before.
        edits: The edits, in order.
        colour: Whether the terminal has colours; brackets mark the edits otherwise.
        whole: Whether all of the text is shown; otherwise what is near an edit, and how much is left out.
    """
    from rich.text import Text

    parts, shown = segments(before, edits), Text(overflow="fold")
    edited = [kind != "same" for kind, _ in parts]
    for number, (kind, text) in enumerate(parts):
        if kind == "same" and not whole:
            text = _near(text, any(edited[:number]), any(edited[number + 1 :]))
        start, end = ("", "") if colour else _MARKS[kind]
        shown.append(f"{start}{_safe(text)}{end}", _STYLES[kind] if colour else "")
    return shown


def _near(text: str, after_edit: bool, before_edit: bool) -> str:
    """Return the start of a text that follows an edit, and its end that is followed by one."""
    start = _CONTEXT if after_edit else 0
    end = len(text) - (_CONTEXT if before_edit else 0)
    if not after_edit and not before_edit:
        start = 2 * _CONTEXT
    left_out = end - start
    return text if left_out <= _CONTEXT else f"{text[:start]} … {left_out:,} characters … {text[end:]}"


def _safe(text: str) -> str:
    lines = re.split(r"\r\n|\n|\r", text)
    return " ↵ ".join(printable(line.replace("\t", " ")) for line in lines)
