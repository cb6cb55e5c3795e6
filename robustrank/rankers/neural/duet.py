"""Duet's network (Mitra, Diaz, Craswell, WWW 2017): a model of exact matches plus a distributed model."""

from __future__ import annotations

import torch
from torch import Tensor, nn

_WINDOW = 3  # terms of a convolution
_POOL = 20  # document positions per pooling window


class Duet(nn.Module):
    """The sum of a local and a distributed model, both reduced from 300 units for small collections.

    Exact matches are weighted by idf (Mitra, Craswell, arXiv 1903.07666); the distributed model reads term vectors
    instead of the source's letter trigrams.

    Args:
        embedding: int64[...] -> float32[..., E].
        width: E.
        lengths: Maximum number of terms of a query, and of a document.
        hidden: Units of every layer.
        dropout: Share of units left out while training.
    """

    def __init__(self, embedding: nn.Module, width: int, lengths: tuple[int, int], hidden: int, dropout: float) -> None:
        super().__init__()
        query_length, document_length = lengths
        self.embedding = embedding
        self.positions = nn.Linear(document_length, hidden)  # the source's convolution over the full row of a term
        self.local = _head(query_length * hidden, hidden, dropout)
        self.query = nn.Linear(_WINDOW * width, hidden)
        self.query_top = nn.Linear(hidden, hidden)
        self.document = nn.Linear(_WINDOW * width, hidden)
        self.document_top = nn.Linear(hidden, hidden)
        self.distributed = _head(-(-document_length // _POOL) * hidden, hidden, dropout)

    def forward(self, queries: Tensor, documents: Tensor, idf: Tensor, vectors: Tensor | None = None) -> Tensor:
        """Return float32[n] for term ids [n, Q] and [n, D], 0 for padding, and idf [n, Q].

        ``vectors`` replaces the documents' embeddings in the distributed model; the local model reads no embeddings.
        """
        vectors = self.embedding(documents) if vectors is None else vectors
        return self.local_score(queries, documents, idf) + self.distributed_score(self.embedding(queries), vectors)

    def local_score(self, queries: Tensor, documents: Tensor, idf: Tensor) -> Tensor:
        """Return float32[n] from the positions of exact matches in the document."""
        exact = (queries[:, :, None] == documents[:, None, :]) & (queries > 0)[:, :, None]
        scores: Tensor = self.local(torch.relu(self.positions(exact * idf[:, :, None])).flatten(1))
        return scores[:, 0]

    def distributed_score(self, queries: Tensor, documents: Tensor) -> Tensor:
        """Return float32[n] from the query's representation times that of each pooling window of the document.

        The inputs are vectors, float32[n, Q, E] and [n, D, E].
        """
        query = torch.tanh(self.query(_windows(queries))).amax(1)
        query = torch.tanh(self.query_top(query))
        document = torch.tanh(self.document(_windows(documents))).transpose(1, 2)
        document = nn.functional.max_pool1d(document, _POOL, ceil_mode=True).transpose(1, 2)
        document = torch.tanh(self.document_top(document))
        scores: Tensor = self.distributed((query[:, None] * document).flatten(1))
        return scores[:, 0]


def _windows(vectors: Tensor) -> Tensor:
    """Return float32[n, L, 3 E]: each term's vector concatenated with those of its neighbours."""
    padded = nn.functional.pad(vectors, (0, 0, 1, 1))
    return torch.cat([padded[:, i : i + vectors.shape[1]] for i in range(_WINDOW)], dim=2)


def _head(inputs: int, hidden: int, dropout: float) -> nn.Sequential:
    return nn.Sequential(
        nn.Linear(inputs, hidden),
        nn.ReLU(),
        nn.Dropout(dropout),
        nn.Linear(hidden, hidden),
        nn.ReLU(),
        nn.Dropout(dropout),
        nn.Linear(hidden, 1),
    )
