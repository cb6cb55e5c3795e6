"""Repairs: what readers of files mend or leave unread instead of refusing; each kind is counted and becomes a note.

A repair changes nothing that a measure could see: there is a single way to read the line. What can be read in two ways,
as two texts under one id, two grades of a document or a grade of 1.5, is a conflict, which every reader refuses.
"""

from __future__ import annotations

import re
import reprlib
from collections import Counter
from collections.abc import Mapping
from enum import StrEnum

from robustrank.errors import DataError
from robustrank.notices import notice

MAX_GAIN = 2**31 - 1  # trec_eval's integers
_GAIN = re.compile(r"(-?[0-9]{1,10})(\.0*)?")


class Repair(StrEnum):
    """A kind of repair, as its note tells it."""

    CUT_LIST = "Lists of the run are longer than `depth`, and were cut there"
    DECIMAL_GAIN = "Judgements with a decimal point were read as integers"
    HEADER = "Judgements in three columns were read as `query-id corpus-id score`, though that header line is missing"
    NULL = "Texts or titles that are null were read as empty"
    NUMBER = "Texts or titles that are numbers were read as their digits"
    OTHER_QUERY = "Queries of the run that are not judged here were not read"
    REPETITION = "Lines that repeat an earlier one were read once"
    SURROGATE = "Texts with half of a surrogate pair were read with U+FFFD in its place"


class Repairs:
    """Counts the repairs of one reading, for the notes of a collection or for notices."""

    def __init__(self) -> None:
        self._counts: Counter[Repair] = Counter()
        self._first: dict[Repair, str] = {}

    def add(self, repair: Repair, where: str) -> None:
        """Count a repair at a location: file and line, or an id of the data set."""
        self._counts[repair] += 1
        self._first.setdefault(repair, where)

    def counts(self, path: str) -> dict[str, tuple[int, str]]:
        """Return for each kind of repair its count and its first location, within the file ``path``, for JSON."""
        return {kind.name: (count, self._first[kind].removeprefix(path)) for kind, count in self._counts.items()}

    def include(self, counts: Mapping[str, tuple[int, str]], path: str) -> None:
        """Add repairs of the same file, perhaps under another path, that :meth:`counts` told of."""
        for name, (count, where) in counts.items():
            self._counts[Repair[name]] += count
            self._first.setdefault(Repair[name], f"{path}{where}")

    def notes(self) -> tuple[str, ...]:
        """Return a sentence for each kind of repair that occurred, with its count and its first location."""
        return tuple(
            f"{repair}: {count} ({'' if count == 1 else 'the first at '}{self._first[repair]})."
            for repair, count in self._counts.items()
        )

    def tell(self, whose: str) -> None:
        """Give notice of the repairs, each in a sentence that begins with the name of what was read."""
        for note in self.notes():
            notice(f"{whose}: {note}")

    def text(self, value: object, where: str) -> str:
        """Return a text: null is empty, a whole number its digits, and half of a surrogate pair U+FFFD.

        Raises:
            DataError: The value is of another type.
        """
        if value is None:
            self.add(Repair.NULL, where)
            return ""
        if isinstance(value, int) and not isinstance(value, bool):
            self.add(Repair.NUMBER, where)
            return str(value)
        if not isinstance(value, str):
            raise DataError(
                f"the text is {reprlib.repr(value)}", where=where, allowed="a string, or null for an empty text"
            )
        if is_unicode(value):
            return value
        self.add(Repair.SURROGATE, where)
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")

    def gain(self, value: object, where: str) -> int:
        """Return a grade as an integer: 1.0 is 1.

        Raises:
            DataError: It is not an integer of at most 31 bits.
        """
        match = _GAIN.fullmatch(str(value))
        gain = int(match[1]) if match else MAX_GAIN + 1
        if abs(gain) > MAX_GAIN:
            allowed = f"an integer of at most {MAX_GAIN}"
            raise DataError(f"the gain {reprlib.repr(value)} is not an integer", where=where, allowed=allowed)
        if match and match[2]:
            self.add(Repair.DECIMAL_GAIN, where)
        return gain

    def unite(self, known: object, value: object, what: str, where: str, hint: str | None = None) -> None:
        """Count a repetition of what is known already.

        Args:
            known: What was read before.
            value: What is read now.
            what: What they are, for the error: `gains of document 'd1' for query 'q1'`.
            where: The location of the value.
            hint: What to do if they differ.

        Raises:
            DataError: The two differ.
        """
        if known != value:
            what = f"two different {what}: {reprlib.repr(known)} and {reprlib.repr(value)}"
            raise DataError(what, where=where, allowed="one; its repetitions are read once", hint=hint)
        self.add(Repair.REPETITION, where)


def is_unicode(text: str) -> bool:
    """Whether a text holds no half of a surrogate pair, so that UTF-8 can write it."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def checked_id(value: object, where: str) -> str:
    """Return an id as a string; ids are often written as numbers.

    Raises:
        DataError: It is empty, or has white space or half of a surrogate pair: a TREC file could not hold it.
    """
    identifier = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
    if not isinstance(identifier, str) or identifier.split() != [identifier] or not is_unicode(identifier):
        raise DataError(
            f"{reprlib.repr(value)} is not a valid id", where=where, allowed="an id without white space, in UTF-8"
        )
    return identifier
