"""The product of the smallest overlaps."""

from __future__ import annotations

import numpy as np
import pytest

from robustrank.certification.overlap import rho


def test_rho_is_the_product_of_the_smallest_overlaps():
    overlaps = np.array([1.0, 0.5, 0.9, 0.25])
    assert [rho(overlaps, radius) for radius in (0, 1, 2, 9, None)] == pytest.approx([1, 0.25, 0.125, 0.1125, 0.1125])
    assert rho(np.array([]), None) == 1


@pytest.mark.parametrize(("overlaps", "radius"), [([1.1], 1), ([-0.1], 1), ([np.nan], 1), ([0.5], -1)])
def test_overlaps_and_radii_out_of_range_are_refused(overlaps, radius):
    with pytest.raises(ValueError, match=r"overlaps must lie in|it must be at least 0"):
        rho(np.array(overlaps), radius)
