"""TextAttack behind its adapter: no side effects, no downloads, and no randomness but from our generators."""

from __future__ import annotations

import contextlib
import io
import logging
import os
import random
import socket
import sys
import warnings
from collections import Counter
from importlib.util import find_spec

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from robustrank.attack import apply_edits
from robustrank.collections.collection import Collection
from robustrank.errors import DataError, UsageError
from robustrank.plugins import create
from robustrank.plugins.specification import parse
from robustrank.randomness import derive
from robustrank.testing import AttackConformance
from robustrank.text import textattack_adapter as adapter
from robustrank.text.quality import edit_distance
from robustrank.text.stopwords import STOP_WORDS
from robustrank.victim import Target
from tests.shared_data import shared_data

if find_spec("textattack") is None:  # importorskip would import it, with all that the adapter keeps away
    pytest.skip("textattack is not installed", allow_module_level=True)

QUERY = "what is the effect of supersonic flow on slender wing bodies"
LENGTH = {
    "WordSwapQWERTY": 0,
    "WordSwapNeighboringCharacterSwap": 0,
    "WordSwapRandomCharacterDeletion": -1,
    "WordSwapRandomCharacterInsertion": 1,
    "WordSwapRandomCharacterSubstitution": 0,
}


@pytest.fixture(scope="module", autouse=True)
def side_effects(tmp_path_factory):
    """Import TextAttack on a machine without a network, NLTK data or caches, and return its side effects."""
    import nltk

    home, output = tmp_path_factory.mktemp("self"), io.StringIO()
    witness = logging.getLogger("robustrank.witness")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOME", str(home))
        patch.setenv("MPLCONFIGDIR", str(tmp_path_factory.mktemp("mpl")))
        patch.delenv("TA_CACHE_DIR", raising=False)
        patch.setattr(nltk.data, "path", [])
        patch.setattr(socket.socket, "connect", _refuse)
        before = dict(os.environ)
        with warnings.catch_warnings(), contextlib.redirect_stdout(output), contextlib.redirect_stderr(output):
            warnings.simplefilter("error")
            adapter.transformation("WordDeletion")
        return {
            "output": output.getvalue(),
            "environment": dict(os.environ) == before,
            "files": [str(path) for path in home.rglob("*") if "textattack" in str(path) or "nltk" in str(path)],
            "logging": not witness.disabled,
            "stop words": nltk.corpus.stopwords.words("english") == sorted(STOP_WORDS),
        }


def _refuse(*args):
    raise OSError("the test has no network")


class TestSwap(AttackConformance):
    plugin = "textattack-query:count=2"


class TestDeletion(AttackConformance):
    plugin = "textattack-query:transformation=WordDeletion,rate=0.5"


def perturb(text, query=QUERY, seed=0):
    attack = create("attack", parse(text))
    attack.prepare(None, Collection("c", {"0": query}, {}, {}, {}), derive(0, "prepare"))
    perturbation = attack.perturb(Target("0", query, "", "", 0), None, derive(seed, "perturb"))
    assert apply_edits(query, perturbation.edits) == perturbation.text
    return perturbation


def test_the_import_has_no_side_effects(side_effects):
    assert side_effects == {"output": "", "environment": True, "files": [], "logging": True, "stop words": True}


def test_only_the_user_may_write_the_private_folder():
    folder = adapter._private_folder()
    assert folder.stat().st_mode & 0o077 == 0
    assert all(path.stat().st_mode & 0o022 == 0 for path in folder.rglob("*"))


@pytest.mark.parametrize("name", sorted(LENGTH))
@settings(max_examples=15, deadline=None)
@given(st.permutations(QUERY.split()), st.integers(0, 999))
def test_a_character_swap_changes_one_character_of_each_word(name, query_words, seed):
    perturbation = perturb(f"textattack-query:transformation={name},count=3", " ".join(query_words), seed)
    pairs = [(a, b) for a, b in zip(query_words, perturbation.text.split(), strict=True) if a != b]
    assert len(pairs) == 3
    assert not perturbation.note
    for before, after in pairs:
        assert before not in STOP_WORDS
        assert len(before) >= 4
        assert len(after) - len(before) == LENGTH[name]
        assert edit_distance(before, after) == (2 if "Neighboring" in name else 1)


@pytest.mark.parametrize(("rate", "count"), [(0.0, 0), (0.1, 1), (0.5, 3), (1.0, 6)])
def test_a_rate_is_a_share_of_the_eligible_words(rate, count):
    text = perturb(f"textattack-query:rate={rate}").text
    assert sum(a != b for a, b in zip(QUERY.split(), text.split(), strict=True)) == count


def test_whole_words_by_hand():
    deletion = "textattack-query:transformation=WordDeletion"
    assert {perturb(deletion, "the slender wing", seed).text for seed in range(20)} == {"the wing", "the slender"}
    assert perturb(deletion + ",rate=1.0", "the slender wing bodies").text == "the"
    assert perturb(deletion + ",minimum_length=5", "the slender wing").text == "the wing"
    swapped = perturb("textattack-query:transformation=WordInnerSwapRandom", QUERY).text
    assert swapped != QUERY
    assert Counter(swapped.split()) == Counter(QUERY.split())


def test_a_query_without_an_eligible_word_stays_unchanged_with_a_note():
    for query in ("", "what is the", "?!"):
        perturbation = perturb("textattack-query", query)
        assert perturbation.text == query
        assert perturbation.note == "WordSwapQWERTY changed 0 words"


@settings(max_examples=20, deadline=None)
@given(st.text(max_size=40))
def test_odd_unicode_raises_no_error(query):
    perturb("textattack-query:rate=1.0", query)


def test_chinese_is_segmented_without_output_and_in_the_private_folder(capfd):
    perturb("textattack-query:minimum_length=1,transformation=WordDeletion", "机翼的升力")
    assert capfd.readouterr() == ("", "")
    assert list(adapter._private_folder().glob("jieba*"))


def test_draws_come_from_our_generator_and_the_global_generators_are_unchanged():
    import torch

    def perturbed(seed):
        random.seed(seed)
        np.random.seed(seed)  # noqa: NPY002
        torch.manual_seed(seed)
        before = random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state().tolist()  # noqa: NPY002
        texts = [perturb(f"textattack-query:transformation={name},count=3").text for name in LENGTH]
        assert before == (random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state().tolist())  # noqa: NPY002
        return texts

    with torch.random.fork_rng(devices=[]):
        assert perturbed(1) == perturbed(2)
    assert perturb("textattack-query", seed=1).text != perturb("textattack-query", seed=2).text


def test_unknown_names_and_options_are_refused():
    with pytest.raises(UsageError, match="did you mean 'WordSwapQWERTY'"):
        adapter.transformation("WordSwapQWERT")
    with pytest.raises(UsageError, match="random_one"):
        adapter.transformation("WordSwapQWERTY", random=True)
    with pytest.raises(DataError, match=r"operations=\[homoglyph\]"):
        adapter.transformation("WordSwapHomoglyphSwap")


def test_a_download_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(sys.modules[adapter._INSTALL], "TEXTATTACK_CACHE_DIR", str(tmp_path))
    with pytest.raises(DataError, match="needs a file that is not installed"):
        adapter.transformation("WordSwapEmbedding")


def test_without_textattack_the_error_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "textattack", None)
    with pytest.raises(DataError, match=r"robustrank\[textattack\]"):
        adapter.textattack_package.__wrapped__()


def test_synonyms_of_wordnet_where_it_is_installed(monkeypatch):
    import nltk

    monkeypatch.setattr(nltk.data, "path", [])
    with pytest.raises(DataError, match="downloader wordnet"):
        adapter.transformation("WordSwapWordNet")
    with pytest.raises(DataError, match="downloader wordnet"):
        perturb("textattack-query:transformation=WordInsertionRandomSynonym")
    monkeypatch.setattr(nltk.data, "path", [str(shared_data("nltk_data"))])
    try:
        synonyms = adapter.transformation("WordSwapWordNet")
        texts = {adapter.change_words(synonyms, "the flow", [1], 1, derive(seed, "x"))[0] for seed in range(40)}
    finally:
        nltk.corpus.wordnet._unload()
    assert "the stream" in texts
    assert "the flow" not in texts
