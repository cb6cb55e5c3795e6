"""Cosine match matrix of query and document terms, and KNRM's kernel pooling."""

from __future__ import annotations

import torch
from torch import Tensor, nn

# KNRM's kernels (Xiong et al., SIGIR 2017): one for exact matches, ten over the range of cosines.
MEANS = (1.0, 0.9, 0.7, 0.5, 0.3, 0.1, -0.1, -0.3, -0.5, -0.7, -0.9)
WIDTHS = (1e-3, *[0.1] * 10)
LEAST = 1e-10
SCALE = 0.3  # of the pooled logarithms; 0.01 in the source, with which the last layer trains too slowly here


def cosines(queries: Tensor, documents: Tensor) -> Tensor:
    """Return float32[n, Q, D], the cosines of vectors [n, Q, E] and [n, D, E]; 0 with a zero vector."""
    query_units, document_units = (nn.functional.normalize(vectors, dim=-1) for vectors in (queries, documents))
    return torch.bmm(query_units, document_units.transpose(1, 2))


class KernelPooling(nn.Module):
    """Soft term frequency of the matches per kernel; its logarithm is summed over the query's terms."""

    def forward(self, matches: Tensor, query_mask: Tensor, document_mask: Tensor) -> Tensor:
        """Return float32[n, K].

        Args:
            matches: float32[n, Q, D].
            query_mask: float32[n, Q], 1 for a term, 0 for padding.
            document_mask: float32[n, D], likewise.
        """
        pooled = []
        for mean, width in zip(MEANS, WIDTHS, strict=True):
            kernel = torch.exp(-((matches - mean) ** 2) / (2 * width**2))
            counts = (kernel * document_mask[:, None]).sum(2)
            pooled.append((torch.log(counts.clamp(min=LEAST)) * query_mask).sum(1))
        return torch.stack(pooled, dim=1) * SCALE
