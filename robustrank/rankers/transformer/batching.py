"""Batches in which a score depends on its pair alone, to the last bit.

The order in which a matrix product sums depends on the shape of the matrices, and with it the last bits of a score. If
a score depended on which pairs share its batch, a resumed run would differ from an undisturbed one. So a text is padded
to a length determined by its number of tokens, and shares a batch with texts of that padded length only. Products with
few rows, or with a number of rows that is not a multiple of 4, are computed by other kernels (measured on x86 with MKL:
fewer than 16 rows), so products of fewer rows are filled up, as those of a classifier's head, which has a row per text.
The last numbers of an array, beyond a multiple of 32, get their exponential functions from other code too, so a batch
has several texts where the network has widths that are no multiples of 32. fp32 scores then depend neither on the batch
nor on the number of threads. A test checks this on the machine that runs it. On an accelerator, whose libraries choose
kernels by shapes too, they are equal but for rounding.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import torch

NUMBERS = 32  # that elementwise functions compute at a time
_MULTIPLE, _LEAST = 8, 16  # tokens
_PRODUCTS = ("Linear", "NonDynamicallyQuantizableLinear", "Conv1D")  # modules that multiply each row by one matrix


def padded_length(length: int) -> int:
    """Return the number of tokens a text of ``length`` tokens is padded to: a multiple of 8, at least 16."""
    return max(_LEAST, -(-length // _MULTIPLE) * _MULTIPLE)


def filled(
    function: Callable[[torch.Tensor], torch.Tensor], multiple: int = 4, least: int = 16
) -> Callable[[torch.Tensor], torch.Tensor]:
    """Return a function that is computed with enough rows.

    Args:
        function: Maps [..., H] to [..., J], each row by itself, as a product with a matrix.
        multiple: It gets a multiple of so many rows.
        least: It gets so many rows at least.
    """
    import torch

    def fill(values: torch.Tensor) -> torch.Tensor:
        count = values.numel() // values.shape[-1]
        missing = max(-count % multiple, least - count)
        if missing <= 0 or not count:
            return function(values)
        rows = torch.nn.functional.pad(values.reshape(count, -1), (0, 0, 0, missing))
        return function(rows)[:count].reshape(*values.shape[:-1], -1)

    return fill


def fill_products(network: Any) -> None:
    """Have a network compute its products with enough rows; see :func:`filled`."""
    for module in network.modules():
        if type(module).__name__ in _PRODUCTS:
            module.forward = filled(module.forward)


def texts_of_a_batch(network: Any, length: int) -> int:
    """Return a number: a batch of texts of ``length`` tokens has a multiple of it; 1 for most networks."""
    vocabulary = getattr(network.config, "vocab_size", None)  # its logits are of tokens
    products = (module for module in network.modules() if type(module).__name__ in _PRODUCTS)
    widths = {getattr(product, "out_features", 0) or product.nf for product in products} - {1, 2}  # labels
    return NUMBERS // math.gcd(NUMBERS, *(w * length if w == vocabulary else w for w in widths))


def equal_length_batches(lengths: Sequence[int], max_tokens: int) -> Iterator[NDArray[np.int64]]:
    """Yield the indices of each batch, shortest first: equal lengths, at most ``max_tokens`` tokens or one text."""
    array = np.asarray(lengths, dtype=np.int64)
    order = np.argsort(array, kind="stable")
    for group in np.split(order, np.flatnonzero(np.diff(array[order])) + 1):
        if group.size:
            size = max(1, max_tokens // max(1, int(array[group[0]])))
            for start in range(0, len(group), size):
                yield group[start : start + size]
