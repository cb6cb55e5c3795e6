from __future__ import annotations

import importlib.util
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from robustrank.collections.collection import Collection
from robustrank.collections.lee import LeeReader, lead
from robustrank.errors import DataError

Figures = Callable[[Collection], dict[str, float]]
needs_gensim = pytest.mark.skipif(importlib.util.find_spec("gensim") is None, reason="gensim is not installed")


@pytest.fixture(scope="module")
def test_split() -> Collection:
    return LeeReader().read()


@pytest.fixture(scope="module")
def background() -> Collection:
    return LeeReader(split="background").read()


def similarities() -> np.ndarray:
    spec = importlib.util.find_spec("gensim")
    assert spec is not None
    folder = Path(str(spec.submodule_search_locations[0])) / "test" / "test_data"
    upper = np.loadtxt(folder / "similarities0-1.txt")
    return upper + np.triu(upper, 1).T


@needs_gensim
def test_the_test_split_is_pinned(test_split: Collection) -> None:
    queries = list(test_split.queries.items())
    assert (len(queries), len(test_split.documents)) == (48, 350)
    assert queries[0][0] == "lead-lee-01"
    assert queries[0][1].startswith("The national executive of the strife-torn Democrats last night appointed")
    assert queries[9] == (
        "lead-lee-10",
        "A U.S.-British air raid in southern Iraq left eight civilians dead and nine wounded, the Iraqi "
        "military said Sunday.",
    )
    assert queries[-1][0] == "lead-lee-50"
    ids = list(test_split.documents)
    assert (ids[0], ids[9], ids[49], ids[50], ids[-1]) == ("lee-01", "lee-10", "lee-50", "bg-001", "bg-300")
    assert sum("£3,000" in text for text in test_split.documents.values()) == 1  # the byte that is not UTF-8
    assert test_split.notes == ("2 of 50 queries without a relevant document, left out: 'lead-lee-30', 'lead-lee-35'.",)


@needs_gensim
def test_every_query_ranks_the_judged_documents_without_the_document_of_its_lead(test_split: Collection) -> None:
    judged = {f"lee-{number:02d}" for number in range(1, 51)}
    for query_id, candidates in test_split.candidates.items():
        assert set(candidates) == set(test_split.qrels[query_id]) == judged - {query_id.removeprefix("lead-")}


@needs_gensim
def test_gains_are_the_mean_judgements_rounded_to_the_five_points(test_split: Collection) -> None:
    table = similarities()
    for query_id, gains in test_split.qrels.items():
        row = int(query_id[-2:]) - 1
        for doc_id, gain in gains.items():
            point = np.floor(5 * table[row, int(doc_id[-2:]) - 1] + 0.5 + 1e-6)  # .5 goes up
            assert gain == max(0, point - 2)
    assert Counter(g for gains in test_split.qrels.values() for g in gains.values()) == {
        0: 2066,
        1: 194,
        2: 74,
        3: 18,
    }


@needs_gensim
def test_the_first_stage_leaves_room_on_both_sides(test_split: Collection, figures: Figures) -> None:
    assert figures(test_split)["ndcg_cut_10"] == pytest.approx(0.6273, abs=0.0005)


@needs_gensim
def test_cuts_and_lead_words_are_parameters(figures: Figures) -> None:
    collection = LeeReader(cuts=(0.4,), lead_words=10).read()
    assert len(collection.queries) == 50
    assert max(len(text.split()) for text in collection.queries.values()) == 10
    assert {gain for gains in collection.qrels.values() for gain in gains.values()} == {0, 1}


@needs_gensim
def test_the_background_split_is_pinned(background: Collection, figures: Figures) -> None:
    queries = list(background.queries.items())
    assert (len(queries), len(background.documents)) == (289, 289)
    assert queries[0][1].startswith("Hundreds of people have been forced to vacate their homes in the Southern")
    assert queries[9][0] == "lead-bg-010"
    assert queries[-1][0] == "lead-bg-300"
    assert background.notes == (
        "11 of 300 background documents excluded as near duplicates of an earlier one"
        " (word sets of Jaccard similarity at least 0.5).",
        "0 of 300 background documents excluded as near duplicates of a document of the test split"
        " (word sets of Jaccard similarity at least 0.5).",
        "10 relevant documents that retrieval missed were added to the end of their query's candidates.",
    )
    assert figures(background)["map"] == pytest.approx(0.6700, abs=0.0005)


@needs_gensim
def test_a_training_query_is_removed_from_its_relevant_document(background: Collection) -> None:
    for query_id, query in background.queries.items():
        doc_id = query_id.removeprefix("lead-")
        assert background.qrels[query_id] == {doc_id: 1}
        assert doc_id in background.candidates[query_id]
        assert len(background.candidates[query_id]) == 20
        assert query not in background.documents[doc_id]
        assert background.documents[doc_id]


@needs_gensim
def test_no_document_of_the_test_split_is_trained_on(test_split: Collection, background: Collection) -> None:
    texts = {text for doc_id, text in test_split.documents.items() if doc_id.startswith("lee-")}
    for text in texts:
        assert not any(body in text or text in body for body in background.documents.values())


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("One. Two.", "One. "),
        ('He said "no." She left.', 'He said "no." '),
        ("U.S. forces met Mr. Bush on Sept. 11 in St. Kilda. Then left.", None),
        ("Profit was 3.5 per cent. of all. Next.", "Profit was 3.5 per cent. of all. "),
        ("No end at all", "No end at all"),
        ("", ""),
    ],
)
def test_a_lead_ends_with_the_first_sentence(text: str, first: str | None) -> None:
    assert lead(text) == (first if first is not None else text.removesuffix("Then left."))


def test_without_gensim_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(DataError, match="gensim package, which is not installed") as caught:
        LeeReader().read()
    assert caught.value.hint == 'pip install "robustrank[quickstart]"'


def test_a_gensim_without_its_test_data_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    spec = SimpleNamespace(submodule_search_locations=[str(tmp_path)])
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: spec)
    with pytest.raises(DataError, match="cannot be read") as caught:
        LeeReader().read()
    assert caught.value.where == str(tmp_path / "test" / "test_data" / "lee.cor")


def test_a_truncated_corpus_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "test" / "test_data").mkdir(parents=True)
    (tmp_path / "test" / "test_data" / "lee.cor").write_text("One document.\n")
    spec = SimpleNamespace(submodule_search_locations=[str(tmp_path)])
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: spec)
    with pytest.raises(DataError, match="1 documents"):
        LeeReader().read()


def test_cuts_ascend() -> None:
    with pytest.raises(ValueError, match="must ascend"):
        LeeReader(cuts=(0.7, 0.5))


@needs_gensim
def test_the_reader_says_how_many_pairs_have_each_gain(test_split: Collection) -> None:
    said = " ".join((LeeReader.__doc__ or "").split())
    gains = Counter(gain for of_query in test_split.qrels.values() for gain in of_query.values())
    assert f"Of the 1,225 pairs {gains[1] // 2}, {gains[2] // 2} and {gains[3] // 2} have them" in said
    wide = [gain for of_query in LeeReader(cuts=(0.3,)).read().qrels.values() for gain in of_query.values()]
    assert len(wide) == 2 * 1225
    assert f"would make {100 * sum(wide) / len(wide):.0f} % of all pairs relevant" in said
