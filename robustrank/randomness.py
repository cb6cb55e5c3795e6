"""Random numbers that depend on what is drawn for, never on when it is drawn.

Every draw comes from a generator derived from the run's seed and the names of what it serves (plug-in, query,
document). Order, sharding, workers and resuming therefore change no result. Nothing here or elsewhere seeds globally.
"""

from __future__ import annotations

import hashlib

import numpy as np


def derive(seed: int, *names: str) -> np.random.Generator:
    """Return the generator of ``(seed, *names)``; equal arguments give equal streams.

    Args:
        seed: The run's seed.
        names: Whatever the draw is for, in a fixed order: plug-in, query id, document id.
    """
    return np.random.default_rng(derive_seed(seed, *names))


def derive_seed(seed: int, *names: str) -> int:
    """Return the 128-bit integer seed of ``(seed, *names)``, for libraries that take an integer."""
    parts = [str(int(seed)), *names]
    # Lengths keep ("ab", "c") apart from ("a", "bc").
    text = "".join(f"{len(part)}:{part};" for part in parts)
    return int.from_bytes(hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()[:16], "big")
