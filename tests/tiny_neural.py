"""Neural rankers with word vectors, with random weights."""

from __future__ import annotations

import torch


def untrained(kind, collection, seed, **parameters):
    """A ranker whose weights are large, so that every kernel and bin moves its score."""
    ranker = kind(dimension=6, **parameters)
    ranker.prepare(collection)
    torch.manual_seed(seed)
    ranker.initialise(collection)
    with torch.no_grad():
        for name, weights in ranker.network.named_parameters():
            if "embedding" not in name:
                weights.copy_(torch.randn_like(weights))
    ranker.network.eval()
    return ranker
