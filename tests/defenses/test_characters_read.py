"""A defended ranker says how much of the document that it is given enters the rank, not of the text it makes of it."""

from __future__ import annotations

import numpy as np
import pytest
from robustrank.defenses.canonical import Canonical
from robustrank.defenses.certdr import CertDR
from robustrank.defenses.none import NoDefense
from robustrank.defenses.random_masking import RandomMasking
from robustrank.defenses.spamicity_filter import SpamicityFilter
from robustrank.defenses.spelling_correction import SpellingCorrection

from robustrank.collections.collection import Collection
from robustrank.randomness import derive
from robustrank.rankers.ranker import PointwiseRanker, Ranker
from robustrank.rankers.rm3 import RM3
from robustrank.text.table import symmetric
from robustrank.text.words import words

TEXT = "the jet flies over a river"
COLLECTION = Collection("c", {"q": "jet"}, {"d": TEXT, "e": "aircraft"}, {"q": {"d": 1}}, {"q": ("d", "e")})


class FirstWords(PointwiseRanker):
    """Reads the first three words."""

    def characters_read(self, query, document):
        return words(document)[2].end if len(words(document)) > 2 else len(document)

    def score(self, pairs):
        return np.array([len(document[: self.characters_read(query, document)]) for query, document in pairs])


def read(defense, inner: Ranker | None = None, text: str = TEXT):
    return defense.wrap(inner or FirstWords(), COLLECTION, derive(0, "wrap")).characters_read("jet", text)


@pytest.fixture
def table(tmp_path):
    """The jet becomes the longer aircraft, and the river the shorter Po."""
    symmetric({"jet": ["aircraft"], "river": ["po"]}, {}).save(tmp_path / "table.txt")
    return str(tmp_path / "table.txt")


def test_rewritten_texts_are_read_back_word_by_word(table):
    expected = len("the jet flies")
    assert read(NoDefense()) == read(SpamicityFilter()) == expected
    assert read(Canonical(table=table)) == read(CertDR(table=table, samples=20)) == expected
    assert read(Canonical(table=table), text="the jet") == len("the jet")


def test_spelling_correction_leaves_documents_alone():
    pytest.importorskip("rapidfuzz")
    assert read(SpellingCorrection()) == len("the jet flies")


@pytest.mark.parametrize("mask", ["", "[MASK]", "_"])
def test_a_masked_copy_reaches_as_far_as_the_last_word_it_shows(mask):
    text = " ".join(f"word{number}" for number in range(12))
    defended = RandomMasking(keep=0.5, mask=mask, samples=3).wrap(FirstWords(), COLLECTION, derive(0, "wrap"))
    furthest = 0
    for copy in defended.copies(text):
        shown = copy[: FirstWords().characters_read("jet", copy)].split()
        furthest = max([furthest, *(int(word[4:]) for word in shown if word.startswith("word"))])
    assert defended.characters_read("jet", text) == (
        len(text) if furthest == 11 else text.index(f"word{furthest}") + len(f"word{furthest}")
    )
    assert read(RandomMasking(keep=1.0, samples=3), text=text) == len("word0 word1 word2")


def test_a_list_ranker_that_says_nothing_stays_unknown(table):
    class Silent(RM3):
        def characters_read(self, query, document):
            return None

    assert read(NoDefense(), RM3()) == len(TEXT)
    assert read(Canonical(table=table), Silent()) is None
