"""KNRM (Xiong et al., SIGIR 2017) and Conv-KNRM (Dai et al., WSDM 2018): kernels over matches of terms or n-grams."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from robustrank.rankers.neural.matching import MEANS, KernelPooling, cosines

_NGRAMS = 3


class KNRM(nn.Module):
    """Kernel pooling over the matches of terms, and a linear layer."""

    def __init__(self, embedding: nn.Module) -> None:
        super().__init__()
        self.embedding = embedding
        self.pooling = KernelPooling()
        self.weights = nn.Linear(len(MEANS), 1)

    def forward(self, queries: Tensor, documents: Tensor, _: Tensor, vectors: Tensor | None = None) -> Tensor:
        """Return float32[n] for term ids [n, Q] and [n, D], 0 for padding; ``vectors`` replaces the documents'."""
        matches = cosines(self.embedding(queries), self.embedding(documents) if vectors is None else vectors)
        scores: Tensor = self.weights(self.pooling(matches, (queries > 0).float(), (documents > 0).float()))
        return scores[:, 0]


class ConvKNRM(nn.Module):
    """Kernel pooling over the matches of n-grams of one length with n-grams of another, n up to 3.

    Args:
        embedding: int64[...] -> float32[..., E].
        width: E.
        filters: The dimension of an n-gram's vector.
    """

    def __init__(self, embedding: nn.Module, width: int, filters: int) -> None:
        super().__init__()
        self.embedding = embedding
        self.pooling = KernelPooling()
        self.grams = nn.ModuleList(nn.Linear(size * width, filters) for size in range(1, _NGRAMS + 1))
        self.weights = nn.Linear(len(MEANS) * _NGRAMS**2, 1)

    def forward(self, queries: Tensor, documents: Tensor, _: Tensor, vectors: Tensor | None = None) -> Tensor:
        """Return float32[n] for term ids [n, Q] and [n, D], 0 for padding; ``vectors`` replaces the documents'."""
        masks = (queries > 0).float(), (documents > 0).float()
        query_grams, document_grams = self.ngrams(queries), self.ngrams(documents, vectors)
        pooled = [self.pooling(cosines(q, d), *masks) for q in query_grams for d in document_grams]
        scores: Tensor = self.weights(torch.cat(pooled, dim=1))
        return scores[:, 0]

    def ngrams(self, ids: Tensor, vectors: Tensor | None = None) -> list[Tensor]:
        """Return float32[n, L, filters] per n-gram length; an n-gram starts at each term, padded at the end."""
        vectors = self.embedding(ids) if vectors is None else vectors
        grams = []
        for size, layer in enumerate(self.grams, 1):
            padded = nn.functional.pad(vectors, (0, 0, 0, size - 1))
            windows = torch.cat([padded[:, i : i + ids.shape[1]] for i in range(size)], dim=2)
            grams.append(torch.relu(layer(windows)) * (ids > 0)[:, :, None])
        return grams
