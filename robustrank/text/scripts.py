"""Characters by the way their script writes words: combining marks, and scripts without spaces between words.

Ranges are the blocks of the Unicode Character Database (Blocks.txt).
"""

from __future__ import annotations

import re
import unicodedata
from itertools import groupby

HAN = "\u3005\u3007\u3021-\u3029\u3038-\u303b\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
# Han, kana, Bopomofo, Thai, Lao, Tibetan, Myanmar, Khmer; marks of these scripts among them.
UNSPACED = (
    f"{HAN}\u2e80-\u2fdf\u3041-\u312f\u31a0-\u31bf\u31f0-\u31ff\uff66-\uff9f"
    "\u0e00-\u0eff\u0f00-\u109f\u1780-\u17ff\ua9e0-\ua9ff\uaa60-\uaa7f"
)
HANGUL = "\u1100-\u11ff\u3130-\u318f\ua960-\ua97f\uac00-\ud7ff\uffa0-\uffdc"
JOINERS = "\u200c\u200d"  # invisible, inside words of Arabic and Indic scripts; they change shapes alone


def _marks() -> str:
    """Return the combining marks (category M) as ranges of a regular expression's class."""
    marks = [code for code in range(0x300, 0x1F000) if unicodedata.category(chr(code)).startswith("M")]
    marks += range(0xE0100, 0xE01F0)  # variation selectors
    runs = ([code for _, code in run] for _, run in groupby(enumerate(marks), lambda pair: pair[1] - pair[0]))
    return "".join(f"{chr(run[0])}-{chr(run[-1])}" for run in runs)


MARKS = _marks()
# What Unicode's normal forms treat as a unit: a character with its marks, or the parts of a Hangul syllable (which are
# the only characters but marks that compose with the one before; see DerivedNormalizationProps.txt, NFC_QC=Maybe).
UNIT = re.compile(rf".[{MARKS}\u1161-\u1175\u11a8-\u11c2]*", re.DOTALL)
CLUSTER = re.compile(rf"[^{MARKS}{JOINERS}][{MARKS}{JOINERS}]*")  # a character with its marks
