"""Duet's network (Mitra, Diaz, Craswell, WWW 2017): a model of exact matches beside one of learned representations."""

from __future__ import annotations

import torch
from torch import Tensor, nn

_WINDOW = 3  # terms of a convolution
_POOL = 20  # positions of the document that are pooled together


class Duet(nn.Module):
    """The sum of a local and a distributed model, both sized down from 300 units for small collections.

    Exact matches are weighed by idf (Mitra, Craswell, arXiv 1903.07666); the distributed model reads vectors of terms
    where the source reads letter trigrams.

    Args:
        embedding: int64[...] -> float32[..., E].
        width: E.
        lengths: Terms of a query, and of a document.
        hidden: Units of every layer.
        dropout: Share of units left out while training.
    """

    def __init__(self, embedding: nn.Module, width: int, lengths: tuple[int, int], hidden: int, dropout: float) -> None:
        super().__init__()
        query_length, document_length = lengths
        self.embedding = embedding
        self.positions = nn.Linear(document_length, hidden)  # the source's convolution over a term's whole row
        self.local = _head(query_length * hidden, hidden, dropout)
        self.query = nn.Linear(_WINDOW * width, hidden)
        self.query_top = nn.Linear(hidden, hidden)
        self.document = nn.Linear(_WINDOW * width, hidden)
        self.document_top = nn.Linear(hidden, hidden)
        self.distributed = _head(-(-document_length // _POOL) * hidden, hidden, dropout)

    def forward(self, queries: Tensor, documents: Tensor, idf: Tensor, vectors: Tensor | None = None) -> Tensor:
        """Return float32[n] for ids [n, Q] and [n, D], 0 being no term, and idf [n, Q].

        ``vectors`` replaces the documents' in the distributed model; the local one reads no vectors.
        """
        found = self.embedding(documents) if vectors is None else vectors
        return self.local_score(queries, documents, idf) + self.distributed_score(self.embedding(queries), found)

    def local_score(self, queries: Tensor, documents: Tensor, idf: Tensor) -> Tensor:
        """Return float32[n] from where the query's terms stand in the document."""
        exact = (queries[:, :, None] == documents[:, None, :]) & (queries > 0)[:, :, None]
        found: Tensor = self.local(torch.relu(self.positions(exact * idf[:, :, None])).flatten(1))
        return found[:, 0]

    def distributed_score(self, queries: Tensor, documents: Tensor) -> Tensor:
        """Return float32[n] from the query's representation beside that of each stretch of the document.

        Vectors in: float32[n, Q, E] and [n, D, E].
        """
        asked = torch.tanh(self.query(_windows(queries))).amax(1)
        asked = torch.tanh(self.query_top(asked))
        found = torch.tanh(self.document(_windows(documents))).transpose(1, 2)
        found = nn.functional.max_pool1d(found, _POOL, ceil_mode=True).transpose(1, 2)
        found = torch.tanh(self.document_top(found))
        scores: Tensor = self.distributed((asked[:, None] * found).flatten(1))
        return scores[:, 0]


def _windows(vectors: Tensor) -> Tensor:
    """Return float32[n, L, 3 E]: each term's vector between those of its neighbours."""
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
