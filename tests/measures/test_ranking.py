"""Order and rank: ties by id, the rank of the published script, and no NaN."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from robustrank.errors import DataError
from robustrank.measures.ranking import published_script_rank, ranking

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


def test_a_score_that_is_nan_is_refused() -> None:
    fine = np.array([1.0, 2.0], dtype=np.float32)
    with pytest.raises(DataError, match="NaN"):
        ranking([1.0, float("nan")], ["a", "b"])
    with pytest.raises(DataError, match="NaN"):
        published_script_rank(float("nan"), fine)


def test_arguments_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="2 scores and 1 ids"):
        ranking([1.0, 2.0], ["a"])


def test_the_legacy_rank_is_the_published_scripts() -> None:
    """A list of three; the last document, rank 3, gains a hair and passes nobody."""
    import bisect

    old = np.array([3.0, 2.0, 1.0], dtype=np.float32)
    for new in (0.5, 1.0, 1.01, 2.0, 2.5, 9.0):
        ascending = old[::-1].tolist()
        assert published_script_rank(new, old) == len(ascending) - bisect.bisect_left(ascending, new)
    assert published_script_rank(1.01, old) == 2  # below the old rank 3: a success by that script
    assert ranking([*old[:2], 1.01], ["a", "b", "c"]).tolist().index(2) + 1 == 3  # and none here
    assert published_script_rank(9.0, old) == 0
