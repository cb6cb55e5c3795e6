"""Order and rank: ties by id, insertion without the old score of the document, and no NaN."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from robustrank.errors import DataError
from robustrank.measures.ranking import inserted_rank, published_script_rank, ranking

SCORES = st.lists(st.sampled_from([-1.0, 0.0, 0.1, 0.5, 2.0]), min_size=1, max_size=12)


def test_best_first_and_ties_by_id_or_position() -> None:
    scores = np.array([0.5, 2.0, 0.5, 0.5], dtype=np.float32)
    assert ranking(scores, ["d9", "d1", "d10", "d2"]).tolist() == [1, 2, 3, 0]  # ids are text: d10 < d2 < d9
    assert ranking(scores).tolist() == [1, 0, 2, 3]


def test_a_constant_scorer_orders_by_id() -> None:
    ids = [f"d{i}" for i in np.random.default_rng(3).permutation(200)]
    assert [ids[i] for i in ranking(np.zeros(200, dtype=np.float32), ids)] == sorted(ids)


@pytest.mark.parametrize("scores", [[3, 0, 2], np.array([3, 0, 2], dtype=np.uint8), [3.0, -np.inf, 2.0]])
def test_any_numbers_are_ranked(scores: object) -> None:
    assert ranking(scores, ["a", "b", "c"]).tolist() == [0, 2, 1]  # type: ignore[arg-type]


def test_an_empty_list_has_an_empty_order() -> None:
    assert ranking([], []).tolist() == []
    assert ranking([]).dtype == np.int64


@given(SCORES, st.randoms())
@settings(max_examples=60, deadline=None)
def test_the_order_is_that_of_a_plain_sort(scores: list[float], random: object) -> None:
    ids = [f"doc-{i}" for i in range(len(scores))]
    random.shuffle(ids)  # type: ignore[attr-defined]
    expected = sorted(range(len(scores)), key=lambda i: (-scores[i], ids[i]))
    assert ranking(np.array(scores, dtype=np.float32), ids).tolist() == expected


@given(SCORES, st.sampled_from([-1.0, 0.1, 0.3, 2.0]), st.sampled_from(["a", "doc-3", "doc-5x", "zz"]))
@settings(max_examples=100, deadline=None)
def test_an_inserted_document_has_the_place_a_full_ranking_gives_it(
    scores: list[float], score: float, doc_id: str
) -> None:
    remaining = [(s, f"doc-{i}") for i, s in enumerate(scores) if f"doc-{i}" != doc_id]
    other_scores = np.array([s for s, _ in remaining], dtype=np.float32)
    ids = [i for _, i in remaining]
    order = ranking(np.append(other_scores, np.float32(score)), [*ids, doc_id]).tolist()
    assert inserted_rank(score, doc_id, other_scores, ids) == order.index(len(ids)) + 1


def test_a_score_ties_with_itself_after_a_way_through_python() -> None:
    tied = np.array([0.1], dtype=np.float32)
    # 0.1 is above float32(0.1) or below it in double precision; in float32 it is the same score.
    assert inserted_rank(0.1, "b", tied, ["a"]) == 2
    assert inserted_rank(0.1, "a", tied, ["b"]) == 1
    assert inserted_rank(float(np.float32(0.1)), "a", tied, ["b"]) == 1


def test_a_document_alone_is_first() -> None:
    assert inserted_rank(-5.0, "a", np.zeros(0, dtype=np.float32), []) == 1


def test_a_score_that_is_nan_is_refused() -> None:
    fine = np.array([1.0, 2.0], dtype=np.float32)
    with pytest.raises(DataError, match="NaN"):
        ranking([1.0, float("nan")], ["a", "b"])
    with pytest.raises(DataError, match="NaN"):
        inserted_rank(float("nan"), "t", fine, ["a", "b"])  # would come first, as no score is above NaN
    with pytest.raises(DataError, match="NaN"):
        inserted_rank(1.0, "t", np.array([1.0, np.nan], dtype=np.float32), ["a", "b"])
    with pytest.raises(DataError, match="NaN"):
        published_script_rank(float("nan"), fine)


def test_arguments_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="2 scores and 1 ids"):
        ranking([1.0, 2.0], ["a"])
    with pytest.raises(ValueError, match="1 scores and 2 ids"):
        inserted_rank(1.0, "t", np.ones(1, dtype=np.float32), ["a", "b"])
    with pytest.raises(ValueError, match="still in the list"):
        inserted_rank(1.0, "t", np.ones(2, dtype=np.float32), ["a", "t"])


def test_the_legacy_rank_is_the_published_scripts() -> None:
    """A list of three; the last document, rank 3, gains a hair and passes nobody."""
    import bisect

    old = np.array([3.0, 2.0, 1.0], dtype=np.float32)
    for new in (0.5, 1.0, 1.01, 2.0, 2.5, 9.0):
        ascending = old[::-1].tolist()
        assert published_script_rank(new, old) == len(ascending) - bisect.bisect_left(ascending, new)
    assert published_script_rank(1.01, old) == 2  # below the old rank 3: a success by that script
    assert inserted_rank(1.01, "c", old[:2], ["a", "b"]) == 3  # and none here
    assert published_script_rank(9.0, old) == 0
