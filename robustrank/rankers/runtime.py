"""What rankers compute on, as far as it decides the bits of a score."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal
from weakref import WeakKeyDictionary

from robustrank.errors import UsageError
from robustrank.notices import notice

Device = Literal["auto", "cpu", "cuda", "mps"]


_device = "cpu"
_OUT_OF_MEMORY = re.compile("out of memory|not enough memory|can't allocate memory")  # of CUDA, MPS, Windows, Linux


def use_device(name: Device) -> None:
    """Have the models of this process compute on a class of device; ``auto`` is an accelerator where there is one.

    Raises:
        UsageError: There is no such device here.
    """
    global _device
    available = ["cpu", *accelerators()] if name != "cpu" else ["cpu"]
    if name != "auto" and name not in available:
        raise UsageError(
            f"device {name!r} is not available",
            where="the experiment's `device`",
            allowed=", ".join(["auto", *available]),
            hint="torch sees no such accelerator: check its build (torch.cuda.is_available()) and driver",
        )
    _device = available[-1] if name == "auto" else name


def device() -> str:
    """Return the class of device that models compute on: cpu, cuda or mps."""
    return _device


def runtime_parts() -> dict[str, str]:
    """Return what is part of every cell's key and of every score's: the class of device.

    The number of threads is no part of it: scores do not depend on it. A dtype is a parameter of its ranker.
    """
    return {"device": device()}


def accelerators() -> list[str]:
    """Return the accelerators that torch sees, the best last."""
    signs = ("dev/nvidia0", "dev/nvidiactl", "dev/dxg", "dev/kfd", "proc/driver/nvidia/version")
    if sys.platform != "darwin" and not any(Path("/", sign).exists() for sign in signs):
        return []  # so that a run without models does not import torch
    import torch

    seen = {"mps": torch.backends.mps.is_available(), "cuda": torch.cuda.is_available()}
    return [name for name, is_available in seen.items() if is_available]


def cuda_devices() -> list[str]:
    """Return the names of the accelerators that CUDA sees, as CUDA_VISIBLE_DEVICES has them; without torch."""
    said = os.environ.get("CUDA_VISIBLE_DEVICES")
    if said is not None:
        return [name for name in map(str.strip, said.split(",")) if name]
    return [str(number) for number, _ in enumerate(Path("/dev").glob("nvidia[0-9]*"))]


_fitting: WeakKeyDictionary[Any, int] = WeakKeyDictionary()  # tokens that fit the memory, of networks with too few


def batch_tokens(network: Any, tokens: int) -> int:
    """Return how many tokens a batch of a network may have: so many, or what has been seen to fit the memory."""
    return min(tokens, _fitting.get(network, tokens))


@dataclass
class Memory:
    """Whether memory was short for a batch."""

    is_short: bool = False


@contextmanager
def memory(network: Any, tokens: int | None) -> Iterator[Memory]:
    """Take it that a batch of a network may be too large for the memory: later ones are half as large then.

    Args:
        network: The network.
        tokens: Tokens of the batch; None: it cannot be smaller, and the error passes.
    """
    state = Memory()
    try:
        yield state
    except (MemoryError, RuntimeError) as error:
        if tokens is None or not (isinstance(error, MemoryError) or _OUT_OF_MEMORY.search(str(error))):
            raise
        state.is_short = True
    if state.is_short and tokens is not None:
        _fitting[network] = tokens // 2
        notice(f"memory is too short for batches of {tokens} tokens; from now on they have {tokens // 2}")
        if device() == "cuda":
            import torch

            torch.cuda.empty_cache()


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
