"""What rankers compute on, as far as it decides the bits of a score."""

from __future__ import annotations


def runtime_parts() -> dict[str, str]:
    """Return what is part of every cell's key and of every score's: the class of device.

    The number of threads is no part of it: scores do not depend on it. A dtype is a parameter of its ranker.
    """
    return {"device": "cpu"}
