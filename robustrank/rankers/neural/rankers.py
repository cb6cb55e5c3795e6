"""The neural rankers as plug-ins. Their networks are imported when they are built."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from robustrank.rankers.neural.base import EmbeddingRanker, NeuralRanker
from robustrank.rankers.neural.differentiable import DifferentiableRanker
from robustrank.rankers.training import TrainingSettings

if TYPE_CHECKING:
    import torch

TRIGRAMS = 12  # of a word, from its start
_TRIGRAM_BUCKETS = 10_000  # the source has 30,621 of a web log


@dataclass
class DRMMRanker(EmbeddingRanker):
    """DRMM (Guo et al., CIKM 2016): histograms of how strongly each query term matches the document.

    Its histograms pass no gradient to vectors: without ``embeddings`` it tells exact matches from others, and no more;
    and an attacker gets none either.
    """

    training = TrainingSettings(
        epochs=20, negatives=4, positives=4, groups=16, learning_rate=3e-2, patience=4, threads=1
    )

    def build(self) -> torch.nn.Module:
        """Return the network."""
        from robustrank.rankers.neural.drmm import DRMM

        return DRMM(self.embedding())


@dataclass
class KNRMRanker(DifferentiableRanker):
    """KNRM (Xiong et al., SIGIR 2017): kernels that count term matches of every strength.

    The last layer is linear, where the source has tanh: the order is the same, and no two scores saturate alike.
    """

    training = TrainingSettings(
        epochs=15, negatives=4, positives=4, groups=16, learning_rate=3e-3, patience=4, threads=1
    )

    def build(self) -> torch.nn.Module:
        """Return the network."""
        from robustrank.rankers.neural.knrm import KNRM

        return KNRM(self.embedding())


@dataclass
class ConvKNRMRanker(DifferentiableRanker):
    """Conv-KNRM (Dai et al., WSDM 2018): kernels over the matches of n-grams, n up to 3.

    The last layer is linear, as KNRM's is here; a query is matched with 64 filters, where the source has 128. It wants
    far more training data than a small collection has: on Cranfield it is not shown to learn.
    """

    filters: int = 64  # dimension of an n-gram's vector

    def build(self) -> torch.nn.Module:
        """Return the network."""
        from robustrank.rankers.neural.knrm import ConvKNRM

        return ConvKNRM(self.embedding(), self.width, self.filters)


@dataclass
class DuetRanker(DifferentiableRanker):
    """Duet (Mitra et al., WWW 2017): where query terms stand exactly, beside learned representations.

    Sized down for small collections; exact matches are weighed by idf, as in its second version. Gradients see the
    distributed half alone: exact matches have none.
    """

    hidden: int = 32  # units of every layer; the source has 300
    dropout: float = 0.3  # share of units left out while training

    def build(self) -> torch.nn.Module:
        """Return the network."""
        from robustrank.rankers.neural.duet import Duet

        lengths = self.query_length, self.document_length
        return Duet(self.embedding(), self.width, lengths, self.hidden, self.dropout)


@dataclass
class DSSMRanker(NeuralRanker):
    """DSSM (Huang et al., CIKM 2013): letter trigrams of each text, a network for each, the cosine of the two.

    With ``convolution`` it is CDSSM (Shen et al., CIKM 2014), with one layer of 300 units more, DSSM's. Trigrams are
    hashed; both towers read stems; DSSM divides the sum over a text by log(1 + trigrams), so that no unit saturates.
    Gradients are not offered: its inputs are counts of trigrams, and no vectors of words.
    """

    convolution: bool = False  # CDSSM: windows of three words

    def build(self) -> torch.nn.Module:
        """Return the network."""
        from robustrank.rankers.neural.dssm import DSSM

        return DSSM(1 + _TRIGRAM_BUCKETS, self.convolution)

    def inputs(self, queries: Sequence[str], documents: Sequence[str]) -> tuple[torch.Tensor, ...]:
        """Return the letter trigrams of the words, int64[n, Q, T] and int64[n, D, T]."""
        import torch

        found = []
        texts = ([self.query_terms(q) for q in queries], [self.document_terms(d) for d in documents])
        for terms, length in zip(texts, (self.query_length, self.document_length), strict=True):
            ids = np.zeros((len(terms), length, TRIGRAMS), dtype=np.int64)
            for row, words in enumerate(terms):
                for place, word in enumerate(words):
                    own = trigrams(word)
                    ids[row, place, : len(own)] = own
            found.append(torch.from_numpy(ids))
        return tuple(found)


@lru_cache(maxsize=200_000)
def trigrams(word: str) -> tuple[int, ...]:
    """Return the buckets, from 1, of the letter trigrams of ``#word#``."""
    marked = f"#{word}#"
    found = (marked[i : i + 3] for i in range(len(marked) - 2))
    return tuple(1 + zlib.crc32(part.encode("utf-8", "surrogatepass")) % _TRIGRAM_BUCKETS for part in found)[:TRIGRAMS]
