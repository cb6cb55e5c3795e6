"""Any text as LaTeX that compiles, in ASCII: every special character escaped, none a command or a ligature."""

from __future__ import annotations

import unicodedata

# Right in OT1 as in T1. Brackets and stars are in braces because "\\" and "\midrule" would take them as arguments.
_CHARACTERS = {
    **{char: f"\\{char}" for char in "&%$#_{}"},
    **{char: f"{{{char}}}" for char in "[]*"},
    **{char: f"{{\\char{ord(char)}}}" for char in "\"'`"},
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    "–": "{--}",
    "—": "{---}",
    "…": r"\ldots{}",
    "‘": "{`}",
    "’": "{'}",
    "“": "{``}",
    "”": "{''}",
    "ß": r"{\ss}",
    "æ": r"{\ae}",
    "Æ": r"{\AE}",
    "ø": r"{\o}",
    "Ø": r"{\O}",
    "œ": r"{\oe}",
    "Œ": r"{\OE}",
    "ł": r"{\l}",
    "Ł": r"{\L}",
    "ı": r"{\i}",
}
_GREEK = (  # from alpha on, as Unicode has them
    "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi "
    "omicron pi rho final sigma tau upsilon phi chi psi omega"
)
_MATHS = {  # the text forms of the first three would need fonts that a small TeX has only as programs
    "†": r"\dagger",
    "‡": r"\ddagger",
    "§": r"\mathsection",
    "−": "-",
    "±": r"\pm",
    "×": r"\times",
    "·": r"\cdot",
    "°": r"^\circ",
    "≤": r"\le",
    "≥": r"\ge",
    "≠": r"\ne",
    "≈": r"\approx",
    "↑": r"\uparrow",
    "↓": r"\downarrow",
    "→": r"\rightarrow",
    "←": r"\leftarrow",
    "∞": r"\infty",
    "Δ": r"\Delta",
    "Σ": r"\Sigma",
    "Ω": r"\Omega",
    "µ": r"\mu",
    **{chr(0x3B1 + number): f"\\{name}" for number, name in enumerate(_GREEK.split()) if name not in "omicron final"},
}
_ACCENTS = dict(
    zip("\u0300\u0301\u0302\u0303\u0304\u0306\u0307\u0308\u030a\u030b\u030c\u0323\u0327", "`'^~=u.\"rHvdc", strict=True)
)
_LIGATURES = "-,"  # two in a row would become one sign


def escape(text: str) -> str:
    """Return ``text`` as LaTeX text in ASCII.

    White space becomes a space, and a character that plain LaTeX has no sign for its number, as [U+4E2D].
    """
    pieces = []
    previous = ""
    for char in unicodedata.normalize("NFC", text):
        if char == previous and char in _LIGATURES:
            pieces.append("{}")
        pieces.append(_escaped(char))
        previous = char
    return "".join(pieces)


def _escaped(char: str) -> str:
    if char.isspace():
        return " "
    if char in _CHARACTERS:
        return _CHARACTERS[char]
    if char in _MATHS:
        return f"\\ensuremath{{{_MATHS[char]}}}"
    if char.isascii() and char.isprintable():
        return char
    base, accent = (decomposed := unicodedata.normalize("NFD", char))[0], decomposed[1:]
    if base.isascii() and base.isalpha() and accent in _ACCENTS:
        return f"\\{_ACCENTS[accent]}{{{base}}}"
    return f"{{[}}U+{ord(char):04X}{{]}}"
