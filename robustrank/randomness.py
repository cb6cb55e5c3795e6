"""Random generators derived from a seed and names, independent of the order of execution.

Every draw comes from a generator derived from the run's seed and the names of its purpose (plug-in, query, document).
Order, sharding, number of workers and resumption therefore change no result. No code seeds a global generator.
"""

from __future__ import annotations

import hashlib

import numpy as np


def derive(seed: int, *names: str) -> np.random.Generator:
    """Return the generator of ``(seed, *names)``; equal arguments give equal streams.

    Args:
        seed: The run's seed.
        names: The purpose of the draw, in a fixed order: plug-in, query id, document id.
    """
    return np.random.default_rng(derive_seed(seed, *names))


def derive_seed(seed: int, *names: str) -> int:
    """Return the 128-bit integer seed of ``(seed, *names)``, for libraries that take an integer."""
    fields = [str(int(seed)), *names]
    # Lengths distinguish ("ab", "c") from ("a", "bc").
    text = "".join(f"{len(field)}:{field};" for field in fields)
    return int.from_bytes(hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()[:16], "big")
