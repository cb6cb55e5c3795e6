"""Columns of every task's tables: shares, changes, plain means."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
from numpy.typing import NDArray

from robustrank.measures.defined import ratio
from robustrank.tables import Column, Select, Values

TAU = 0.1  # a query that loses more of a measure than this is counted; the cut is ours
ATTACKED = ("attack", "ranker", "defense")

plain = functools.partial(Column, compare=False)
share = functools.partial(Column, percent=True, share=True, digits=1)
low_share = functools.partial(share, higher_is_better=False)
of_text = functools.partial(plain, percent=True, digits=1)


def relative_change(clean: Values, shifted: Values) -> Values:
    """Return relative changes of means: (shifted - clean) / clean; nan where the clean mean is 0."""
    return ratio(np.subtract(shifted, clean), clean)


change = functools.partial(
    Column, percent=True, signed=True, digits=1, higher_is_better=True, compare=False, of_means=relative_change
)


def shift(measure: str, clean: str, shifted: str) -> tuple[Select, Select]:
    """Return a measure under two conditions."""
    return Select(measure, clean), Select(measure, shifted)


def losing(clean: Values, shifted: Values) -> NDArray[np.bool_]:
    """Return which queries lose more than ``TAU``."""
    lose: NDArray[np.bool_] = clean - shifted > TAU
    return lose


def losing_column(pair: tuple[Select, Select]) -> Column:
    """Return the column of the share of queries that lose more than ``TAU``."""
    return low_share(f"queries losing > {TAU:g}", pair, id="losing", unit=losing)


def median(values: Values) -> Any:
    """Return the median, of each row where there are several."""
    return np.median(values, axis=-1)


def count_positive(values: Values) -> float:
    """Return how many values are above 0."""
    return float(np.count_nonzero(values > 0))
