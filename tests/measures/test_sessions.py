"""Session DCG by hand."""

from __future__ import annotations

import math

import pytest

from robustrank.measures.sessions import normalised_session_dcg, session_dcg


def test_session_dcg_by_hand():
    assert session_dcg([[1]]) == 1.0
    assert session_dcg([[0], [1]]) == pytest.approx(math.log(4) / math.log(5))  # .861
    assert session_dcg([[0, 2]]) == pytest.approx(3 / math.log2(3))
    assert session_dcg([[1, 0, 2], [0, 1]]) == pytest.approx(1 + 3 / 2 + math.log(4, 5) / math.log2(3))
    assert session_dcg([[-1, 0] + [0] * 8 + [3]]) == 0  # below 0, and beyond the cutoff
    assert session_dcg([]) == 0
    with pytest.raises(ValueError, match="above 1"):
        session_dcg([[1]], rank_base=1)


def test_normalised_session_dcg_is_1_for_the_best_lists():
    assert normalised_session_dcg([[2, 1], [1]], [[1, 2], [1, 0]]) == pytest.approx(1)
    assert normalised_session_dcg([[1, 2], [1]], [[1, 2], [1, 0]]) == pytest.approx(
        (1 + 3 / math.log2(3) + math.log(4, 5)) / (3 + 1 / math.log2(3) + math.log(4, 5))
    )
    assert math.isnan(normalised_session_dcg([[0]], [[0]]))
