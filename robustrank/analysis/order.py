"""The one order of names: numbers in them count as numbers."""

from __future__ import annotations

import re

_NUMBER = re.compile(r"([0-9]+(?:\.[0-9]+)?)")


def natural(text: str) -> list[tuple[int, float, str]]:
    """Return a sort key under which "size=5" precedes "size=10"."""
    pieces = _NUMBER.split(text)  # every second one is a number
    return [(1, float(piece), piece) if position % 2 else (0, 0.0, piece) for position, piece in enumerate(pieces)]
