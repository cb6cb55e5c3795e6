"""Text from outside as people may see it, and as file names: labels come from shared files and may hold anything."""

from __future__ import annotations

import hashlib
import re
import unicodedata

_LENGTH = 44  # characters of a file name, without its ending
_DIGEST = 8  # of them, where the name had to be cut
_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})  # control and format characters, surrogates, line separators


def printable(text: str, keep: str = "") -> str:
    r"""Return ``text`` with control and format characters shown as escapes (``\x1b``), everything else unchanged.

    Args:
        text: What is shown.
        keep: Control characters that stay, as the line breaks of a message.
    """
    if text.isprintable():
        return text
    return "".join(_shown(char) if char not in keep else char for char in text)


def _shown(char: str) -> str:
    hidden = unicodedata.category(char) in _HIDDEN
    return char.encode("unicode_escape").decode("ascii") if hidden else char


def shortened(text: str, most: int) -> str:
    """Return ``text`` with its middle left out where it has more than ``most`` bytes in UTF-8."""
    raw = text.encode("utf-8", "replace")
    if len(raw) <= most:
        return text
    mark = f" … ({len(raw):,} bytes) … "
    kept = most - len(mark.encode())
    head, tail = raw[: kept * 2 // 3], raw[-(kept // 3) :]
    return head.decode("utf-8", "ignore") + mark + tail.decode("utf-8", "ignore")


def slug(text: str) -> str:
    """Return ``text`` as a file name of at most 44 characters; one that was cut ends in a digest of the whole."""
    name = re.sub(r"[^a-z0-9]+", "-", text.casefold()).strip("-")
    if name and len(name) <= _LENGTH:
        return name
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:_DIGEST]
    return f"{name[: _LENGTH - _DIGEST - 1].strip('-')}-{digest}".strip("-")


def counted(number: int, noun: str) -> str:
    """Return a number of things in words, as ``1 query`` or ``2,000 queries``."""
    plural = f"{noun[:-1]}ies" if noun.endswith("y") else f"{noun}s"
    return f"{number:,} {noun if number == 1 else plural}"
