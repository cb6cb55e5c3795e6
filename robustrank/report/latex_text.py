"""Any text as LaTeX that compiles, in ASCII: every special character escaped, none a command or a ligature."""

from __future__ import annotations

import unicodedata

# Right in OT1 as in T1. Brackets and stars stand in braces because "\\" and "\midrule" would take them as arguments.
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
    "†": r"\dag{}",
    "‡": r"\ddag{}",
    "§": r"\S{}",
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
_MATHS = {
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
    **{chr(code): f"\\{name}" for code, name in zip(
        (*range(0x3B1, 0x3BF), *range(0x3C0, 0x3C2), *range(0x3C3, 0x3CA)),
        "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi pi rho sigma tau upsilon phi chi psi omega".split(),
        strict=True,
    )},
    "µ": r"\mu",
}
_ACCENTS = dict(zip("\u0300\u0301\u0302\u0303\u0304\u0306\u0307\u0308\u030a\u030b\u030c\u0323\u0327", "`'^~=u.\"rHvdc", strict=True))
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
    base, *accents = unicodedata.normalize("NFD", char)
    if base.isascii() and base.isalpha() and len(accents) == 1 and accents[0] in _ACCENTS:
        return f"\\{_ACCENTS[accents[0]]}{{{base}}}"
    return f"{{[}}U+{ord(char):04X}{{]}}"
