"""The neural rankers as plug-ins. Their networks are imported on demand."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Annotated

import numpy as np

from robustrank.plugins.constraints import Count, Range
from robustrank.rankers.neural.base import EmbeddingRanker, NeuralRanker
from robustrank.rankers.neural.differentiable import DifferentiableRanker
from robustrank.rankers.training import TrainingSettings

if TYPE_CHECKING:
    import torch

TRIGRAMS = 12  # maximum per word, from its start
_TRIGRAM_BUCKETS = 10_000  # 30,621 in the source, from a web log


@dataclass
class DRMMRanker(EmbeddingRanker):
    """DRMM (Guo et al., CIKM 2016): matching histograms of each query term over the document.

    Histograms pass no gradient to embeddings: without ``embeddings`` only exact matches are informative, and white-box
    attacks are not available.
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
    """KNRM (Xiong et al., SIGIR 2017): kernel pooling over the cosine matches of terms.

    The last layer is linear instead of the source's tanh: the order is the same, and scores do not saturate.
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
    """Conv-KNRM (Dai et al., WSDM 2018): kernel pooling over the matches of n-grams, n up to 3.

    The last layer is linear, as that of KNRM here; there are 64 filters instead of the source's 128. The model needs
    far more training data than a small collection has.
    """

    filters: Count = 64  # dimension of an n-gram's vector

    def build(self) -> torch.nn.Module:
        """Return the network."""
        from robustrank.rankers.neural.knrm import ConvKNRM

        return ConvKNRM(self.embedding(), self.width, self.filters)


@dataclass
class DuetRanker(DifferentiableRanker):
    """Duet (Mitra et al., WWW 2017): a model of exact matches plus a model of distributed representations.

    Reduced in size for small collections; exact matches are weighted by idf, as in its second version. Gradients pass
    through the distributed model only, since exact matches have none.
    """

    hidden: Count = 32  # units of every layer; 300 in the source
    dropout: Annotated[float, Range(at_least=0, below=1)] = 0.3  # share of units left out while training

    def build(self) -> torch.nn.Module:
        """Return the network."""
        from robustrank.rankers.neural.duet import Duet

        lengths = self.query_length, self.document_length
        return Duet(self.embedding(), self.width, lengths, self.hidden, self.dropout)


@dataclass
class DSSMRanker(NeuralRanker):
    """DSSM (Huang et al., CIKM 2013): two towers over letter trigrams; the score is the cosine of their outputs.

    With ``convolution`` it is CDSSM (Shen et al., CIKM 2014) with an additional layer of 300 units, as in DSSM.
    Trigrams are hashed; both towers read stems; DSSM divides the sum over a text by log(1 + trigrams), so that units do
    not saturate. Gradients are not available: the inputs are trigram counts instead of word vectors.
    """

    convolution: bool = False  # CDSSM: windows of three words

    def build(self) -> torch.nn.Module:
        """Return the network."""
        from robustrank.rankers.neural.dssm import DSSM

        return DSSM(1 + _TRIGRAM_BUCKETS, self.convolution)

    def inputs(self, queries: Sequence[str], documents: Sequence[str]) -> tuple[torch.Tensor, ...]:
        """Return the letter trigrams of the words, int64[n, Q, T] and int64[n, D, T]."""
        import torch

        tensors = []
        texts = ([self.query_terms(q) for q in queries], [self.document_terms(d) for d in documents])
        for terms, length in zip(texts, (self.query_length, self.document_length), strict=True):
            ids = np.zeros((len(terms), length, TRIGRAMS), dtype=np.int64)
            for row, words in enumerate(terms):
                for position, word in enumerate(words):
                    buckets = trigrams(word)
                    ids[row, position, : len(buckets)] = buckets
            tensors.append(torch.from_numpy(ids))
        return tuple(tensors)


@lru_cache(maxsize=200_000)
def trigrams(word: str) -> tuple[int, ...]:
    """Return the buckets, from 1, of the letter trigrams of ``#word#``."""
    marked = f"#{word}#"
    grams = (marked[i : i + 3] for i in range(len(marked) - 2))
    return tuple(1 + zlib.crc32(gram.encode("utf-8", "surrogatepass")) % _TRIGRAM_BUCKETS for gram in grams)[:TRIGRAMS]
