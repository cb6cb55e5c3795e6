"""What rankers compute on, as far as it decides the bits of a score."""

from __future__ import annotations

import os
from pathlib import Path


def runtime_parts() -> dict[str, str]:
    """Return what is part of every cell's key and of every score's: the class of device.

    The number of threads is no part of it: scores do not depend on it. A dtype is a parameter of its ranker.
    """
    return {"device": "cpu"}


def make_products_repeatable() -> None:
    """Have Intel's MKL sum a product in one order, whatever its number of rows and of threads.

    Its kernels differ by shape otherwise, and the last bits of a score with them (measured on a Xeon: products of fewer
    than 16 rows with one thread, most shapes with two). The strict mode ("Conditional Numerical Reproducibility",
    oneMKL's developer guide) costs nothing measurable. It exists on Intel's processors from AVX2 on, and is read at
    MKL's first product: so robustrank sets it when it is imported. A value that is set already stays.
    """
    try:
        processor = Path("/proc/cpuinfo").read_text(encoding="ascii", errors="replace")[:8192]
    except OSError:
        return
    if "GenuineIntel" in processor and "avx2" in processor:
        os.environ.setdefault("MKL_CBWR", "AVX512,STRICT" if "avx512dq" in processor else "AVX2,STRICT")
