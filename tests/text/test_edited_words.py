"""The words that an edit touches, and what stands behind a part of a rewritten text."""

from __future__ import annotations

import pytest

from robustrank.records import Edit, apply_edits
from robustrank.text.edited_words import characters_behind, edited_words

TEXT = "one two three four"


@pytest.mark.parametrize(
    ("edits", "after", "before"),
    [
        ([Edit(18, 18, " five six")], [19, 24], []),  # appended
        ([Edit(3, 3, " and")], [4], []),  # the white space touches "one", and changes nothing of it
        ([Edit(4, 8, "")], [], [4]),  # a word deleted
        ([Edit(5, 6, "")], [4], []),  # "to": a character deleted
        ([Edit(5, 5, " ")], [], [4]),  # "t wo": a word split
        ([Edit(0, 0, "zero "), Edit(4, 7, "deux")], [0, 9], []),
        ([Edit(5, 6, "x"), Edit(6, 7, "y")], [4], []),  # two edits of one word
        ([Edit(7, 8, "  ")], [], []),  # white space alone
        ([], [], []),
    ],
)
def test_each_word_that_is_new_changed_or_gone_counts_once(edits, after, before):
    edited = edited_words(TEXT, apply_edits(TEXT, tuple(edits)), edits)
    assert (edited.after, edited.before) == (after, before)
    assert edited.count == len(after) + len(before)


def test_a_word_is_unseen_where_it_starts_beyond_what_is_read():
    edited = edited_words(TEXT, "one two three four five six", [Edit(18, 18, " five six")])
    assert [edited.unseen([], [(0, read)]) for read in (27, 25, 24, 20, 19, 0)] == [0, 0, 1, 1, 2, 2]
    assert edited.unseen([], [(0, 5), (23, 27)]) == 1  # the middle is not read
    deleted = edited_words(TEXT, "one two three", [Edit(13, 18, "")])
    assert [deleted.unseen([(0, read)], []) for read in (18, 14)] == [0, 1]


def test_what_is_read_of_a_rewritten_text_is_found_in_the_original_word_by_word():
    rewritten = "uno secundo three four"
    assert characters_behind(TEXT, rewritten, len(rewritten)) == len(TEXT)
    assert characters_behind(TEXT, rewritten, 6) == characters_behind(TEXT, rewritten, 12) == len("one two")
    assert characters_behind(TEXT, rewritten, 0) == 0
    assert characters_behind(TEXT, TEXT, 5) == 5
    assert characters_behind(TEXT, "three four", 3) is None
