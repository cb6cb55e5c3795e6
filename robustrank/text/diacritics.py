"""Removal of diacritics, as people type who leave them out."""

from __future__ import annotations

import unicodedata
from functools import cache

from robustrank.text.languages import script_of
from robustrank.text.scripts import UNIT

# Where marks above and below letters are left out in writing; in Indic scripts and Thai they are vowels.
SCRIPTS = frozenset(("Latin", "Greek", "Arabic", "Hebrew"))
_STROKES = str.maketrans("đĐłŁøØħĦŧŦı", "dDlLoOhHtTi")  # letters that Unicode does not decompose


def without_diacritics(text: str) -> str:
    """Return a text without the diacritics of Latin, Greek, Arabic and Hebrew; all other characters are unchanged.

    ``cầu đá`` becomes ``cau da``. Letters that another takes the place of, as ß and æ, stay.
    """
    return "".join(_plain(unit[0]) for unit in UNIT.finditer(text))


@cache
def _plain(unit: str) -> str:
    """Return a character and its marks without the marks, if they are diacritics."""
    decomposed = unicodedata.normalize("NFD", unit)
    base, marks = decomposed[0], decomposed[1:]
    if script_of(base) not in SCRIPTS:
        return unit
    kept = [mark for mark in marks if not unicodedata.combining(mark)]
    return (base.translate(_STROKES) + "".join(kept)) if len(kept) < len(marks) else unit.translate(_STROKES)
