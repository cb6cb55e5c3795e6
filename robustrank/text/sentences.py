"""Sentences of a text, by their closing marks."""

from __future__ import annotations

import re

# Between two sentences: white space, which Chinese and Japanese leave out.
SENTENCE_BREAK = re.compile(r"(?<=[.!?।॥؟۔])\s+|(?<=[。！？])\s*(?=\S)")


def sentence_spans(text: str) -> list[tuple[int, int]]:
    """Return the characters (start, end) of each sentence, without the white space between them; one at least."""
    breaks = [match.span() for match in SENTENCE_BREAK.finditer(text)]
    starts = [0, *(end for _, end in breaks)]
    ends = [*(start for start, _ in breaks), len(text)]
    spans = [(start, end) for start, end in zip(starts, ends, strict=True) if text[start:end].strip()]
    return spans or [(0, len(text))]
