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
import platform
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import torch

NUMBERS = 32  # that elementwise functions compute at a time
_FIRST_TOKEN = ("Bert", "Camembert", "Electra", "Roberta", "XLMRoberta")  # their classifiers read it alone
_PRODUCTS = ("Linear", "NonDynamicallyQuantizableLinear", "Conv1D")  # modules that multiply each row by one matrix
_ROWS = 512  # of a product, about, for which weights are laid out


def padded_length(length: int, multiple: int | None = None) -> int:
    """Return the number of tokens a text of ``length`` tokens is padded to.

    It is a multiple of ``multiple``; by default of 2 up to 32 tokens, of 4 up to 64, and of 8 beyond, so that few
    tokens are padding and few batches small.
    """
    unit = multiple or (2 if length <= 32 else 4 if length <= 64 else 8)
    return -(-length // unit) * unit


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


def prepare_products(network: Any) -> None:
    """Have a network, in inference, compute its products with enough rows (see :func:`filled`) and in oneDNN."""
    for module in network.modules():
        if type(module).__name__ in _PRODUCTS:
            module.forward = filled(_in_onednn(module) or module.forward)


def leave_out_unread_tokens(network: Any) -> None:
    """Have the last layer of a cross-encoder give the first token alone, where its classifier reads no other.

    Its attention reads all tokens; what follows, three quarters of the layer's products, has a row a text.
    """
    classifier = network.transformers_model
    if type(classifier).__name__ not in [f"{family}ForSequenceClassification" for family in _FIRST_TOKEN]:
        return
    after_attention = classifier.base_model.encoder.layer[-1].attention.output
    plain: Callable[[torch.Tensor, torch.Tensor], torch.Tensor] = after_attention.forward

    def compute(states: torch.Tensor, residual: torch.Tensor) -> torch.Tensor:
        return plain(states[:, :1], residual[:, :1])

    after_attention.forward = compute


def _in_onednn(module: Any) -> Callable[[torch.Tensor], torch.Tensor] | None:
    """Return what computes a linear module by oneDNN, whose kernels are the same on processors of all makers.

    MKL, which torch calls, has fast ones on Intel's alone. The weights are kept a second time, in oneDNN's layout, and
    in bfloat16 under autocast, which would cast them at every call. None where oneDNN is not at hand.
    """
    import torch

    if not (hasattr(module, "in_features") and module.weight.device.type == "cpu" and _has_onednn()):
        return None
    plain: Callable[[torch.Tensor], torch.Tensor] = module.forward
    packed: dict[torch.dtype, tuple[torch.Tensor, torch.Tensor | None]] = {}  # weights and bias

    def compute(values: torch.Tensor) -> torch.Tensor:
        if torch.is_grad_enabled():  # its products have no gradients
            return plain(values)
        dtype = torch.bfloat16 if torch.is_autocast_enabled("cpu") else torch.float32
        if dtype not in packed:
            bias = None if module.bias is None else module.bias.to(dtype)
            packed[dtype] = torch.ops.mkldnn._reorder_linear_weight(module.weight.detach().to(dtype), _ROWS), bias
        product: torch.Tensor = torch.ops.mkldnn._linear_pointwise(values.to(dtype), *packed[dtype], "none", [], "")
        return product

    return compute


def _has_onednn() -> bool:
    import torch

    return torch.backends.mkldnn.is_available() and platform.machine().lower() in ("x86_64", "amd64")


@dataclass(frozen=True)
class Shapes:
    """Which batches a network is given, by the widths of its products.

    Attributes:
        widths: How many numbers a text has inside the network.
        token_widths: How many a token has, where no text has them: the logits of a vocabulary.
    """

    widths: frozenset[int]
    token_widths: frozenset[int]

    @classmethod
    def of(cls, network: Any) -> Shapes:
        """Return those of a network."""
        products = (module for module in network.modules() if type(module).__name__ in _PRODUCTS)
        widths = {getattr(product, "out_features", 0) or product.nf for product in products} - {1, 2}  # labels
        vocabulary = {width for width in widths if width == getattr(network.config, "vocab_size", None)}
        return cls(frozenset(widths - vocabulary), frozenset(vocabulary))

    def padded(self, length: int) -> int:
        """Return the number of tokens a text of ``length`` tokens is padded to."""
        odd = any(width % NUMBERS for width in self.token_widths)
        return padded_length(length, NUMBERS // 2 if odd else None)

    def texts(self, length: int) -> int:
        """Return a number of which a batch of texts of ``length`` tokens has a multiple of texts: 1 for most."""
        return NUMBERS // math.gcd(NUMBERS, *self.widths, *(width * length for width in self.token_widths))


def equal_length_batches(lengths: Sequence[int], max_tokens: int) -> Iterator[NDArray[np.int64]]:
    """Yield the indices of each batch, shortest first: equal lengths, at most ``max_tokens`` tokens or one text."""
    array = np.asarray(lengths, dtype=np.int64)
    order = np.argsort(array, kind="stable")
    for group in np.split(order, np.flatnonzero(np.diff(array[order])) + 1):
        if group.size:
            size = max(1, max_tokens // max(1, int(array[group[0]])))
            for start in range(0, len(group), size):
                yield group[start : start + size]
