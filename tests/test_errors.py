"""An error is one screen without control characters, whatever it is about."""

from __future__ import annotations

import pickle

import pytest

from robustrank.errors import DataError, RobustrankError
from robustrank.printing import shortened


@pytest.mark.parametrize("char", ["x", "é", "\u2028", "\x1b", "\n", "\U0001f600", "\ud800"])
def test_a_message_fits_on_a_screen(char):
    text = str(RobustrankError(char * 100_000, where=char * 9_000, allowed=char * 9_000, hint=char * 9_000))
    assert len(text.encode()) < 1_980  # room for "error: " in colour
    assert text.count("\n") <= 20
    assert all(part in text for part in ("  where:   ", "  allowed: ", "  hint:    "))
    assert not set("\x1b\u2028") & set(text)


def test_a_short_message_is_left_as_it_is():
    error = DataError("one\ntwo", where="a file:3", allowed="a, b")
    assert str(error) == "one\ntwo\n  where:   a file:3\n  allowed: a, b"
    assert str(pickle.loads(pickle.dumps(error))) == str(error)


def test_the_middle_is_left_out():
    assert shortened("a" * 50 + "b" * 50, 100) == "a" * 50 + "b" * 50
    short = shortened("a" * 500 + "b" * 500, 100)
    assert len(short.encode()) <= 100
    assert short.startswith("aaa")
    assert short.endswith("bbb")
    assert "(1,000 bytes)" in short
