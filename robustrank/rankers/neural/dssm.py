"""DSSM (Huang et al., CIKM 2013) and CDSSM (Shen et al., CIKM 2014): two towers over letter trigrams."""

from __future__ import annotations

import torch
from torch import Tensor, nn

_SIZES = (300, 300, 128)  # layers of the source
_GAMMA = 10.0  # smoothing of the softmax over cosines; the source tunes it on held-out data
_WINDOW = 3  # words of CDSSM's convolution


class DSSM(nn.Module):
    """Separate towers for query and document; the score is gamma times the cosine of their outputs.

    Args:
        buckets: Number of trigram buckets; bucket 0 is padding.
        convolution: CDSSM: windows of three words, max-pooled over the text.
    """

    def __init__(self, buckets: int, convolution: bool) -> None:
        super().__init__()
        self.query, self.document = (_Tower(buckets, convolution) for _ in range(2))

    def forward(self, queries: Tensor, documents: Tensor) -> Tensor:
        """Return float32[n] for trigrams int64[n, L, T] of the words of both texts, 0 for padding."""
        return _GAMMA * nn.functional.cosine_similarity(self.query(queries), self.document(documents), dim=1)


class _Tower(nn.Module):
    def __init__(self, buckets: int, convolution: bool) -> None:
        super().__init__()
        self.windows = nn.ModuleList(_bag(buckets) for _ in range(_WINDOW if convolution else 1))
        self.top = nn.Sequential(nn.Linear(_SIZES[0], _SIZES[1]), nn.Tanh(), nn.Linear(_SIZES[1], _SIZES[2]), nn.Tanh())
        self.convolution = convolution

    def forward(self, trigrams: Tensor) -> Tensor:
        """Return float32[n, 128]."""
        rows, words, size = trigrams.shape
        if not self.convolution:
            # log(1 + n): the plain sum over a long text would saturate every unit.
            scale = torch.log1p((trigrams > 0).sum((1, 2)).float())[:, None].clamp(min=1)
            summed = self.windows[0](trigrams.view(rows, words * size)) / scale
        else:
            vectors = [table(trigrams.view(rows * words, size)).view(rows, words, -1) for table in self.windows]
            padded = [nn.functional.pad(tensor, (0, 0, 1, 1)) for tensor in vectors]
            summed = sum(tensor[:, i : i + words] for i, tensor in enumerate(padded))
            empty = (trigrams[:, :, 0] == 0)[:, :, None]
            summed = torch.where(empty, -1e9, summed).amax(1)
        representation: Tensor = self.top(torch.tanh(summed))
        return representation


def _bag(buckets: int) -> nn.EmbeddingBag:
    bag = nn.EmbeddingBag(buckets, _SIZES[0], mode="sum", padding_idx=0)
    nn.init.normal_(bag.weight, std=0.1)
    return bag
