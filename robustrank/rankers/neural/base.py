"""Base of the neural rankers: term ids, batches of a fixed shape, training, checkpoints."""

from __future__ import annotations

import json
import math
import zlib
from abc import abstractmethod
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from robustrank.collections.collection import Collection
from robustrank.errors import DataError, PluginError
from robustrank.plugins.constraints import Count
from robustrank.rankers import runtime
from robustrank.rankers.checkpoint import checked_folder, trained_folder
from robustrank.rankers.lexical import Statistics
from robustrank.rankers.neural.vectors import WordVectors, word_vectors
from robustrank.rankers.ranker import Pair, PointwiseRanker, Scores
from robustrank.rankers.training import TrainingSettings
from robustrank.rankers.training import train as train_ranker
from robustrank.text.analysis import analyser
from robustrank.text.analysis import terms as terms_of
from robustrank.text.languages import ENGLISH

if TYPE_CHECKING:
    import torch

BUCKETS = 16_384  # hash buckets of terms without a vector; a term still matches itself
BATCH = 64  # pairs scored at a time
ROWS = 4  # a batch is filled up to a multiple of so many pairs: products of other numbers of rows have other kernels
_MINIMUM = 2  # minimum occurrences of a term in the training collection for a trained vector


@dataclass
class NeuralRanker(PointwiseRanker):
    """A network over the truncated terms (:mod:`robustrank.text.analysis`) of query and document.

    Every pair is padded to the same shape, so that a score depends on its pair alone, to the last bit.
    """

    family = "neural"
    language = ENGLISH  # of the texts: that of the prepared collection
    training: ClassVar[TrainingSettings] = TrainingSettings(
        epochs=15, negatives=4, positives=4, groups=16, learning_rate=1e-3, patience=4, threads=1
    )

    weights: str | None = None  # folder of the trained checkpoint
    query_length: Count = 16  # terms of the query
    document_length: Count = 160  # terms of the document

    def check(self) -> None:
        """Refuse missing weights."""
        trained_folder(self.weights)

    def prepare(self, collection: Collection) -> None:
        """Compute the document frequencies of the collection, whose language decides the terms."""
        self.language, self._statistics = collection.language, Statistics.of(collection)

    def score(self, pairs: Sequence[Pair]) -> Scores:
        """Return float32[n]."""
        import torch

        scores = np.empty(len(pairs), dtype=np.float32)
        with torch.inference_mode():
            for start in range(0, len(pairs), BATCH):
                batch = list(pairs[start : start + BATCH])
                rows = [*batch, *[batch[-1]] * (-len(batch) % ROWS)]
                values = self.relevance(*zip(*rows, strict=True))
                scores[start : start + len(batch)] = values.cpu().numpy()[: len(batch)]
        return scores

    def characters_read(self, query: str, document: str) -> int:
        """Return the end of the last term that is left of the document."""
        terms = analyser(self.language).located_terms(document)
        if len(terms) <= self.document_length:
            return len(document)
        return terms[self.document_length - 1][1][1]

    def relevance(self, queries: Sequence[str], documents: Sequence[str]) -> torch.Tensor:
        """Return float32[n], differentiable by the weights."""
        scores: torch.Tensor = self.network(*self.on_device(self.inputs(queries, documents)))
        return scores

    @property
    def head_weights(self) -> list[Any]:
        """None: the network is trained from its start."""
        return []

    def on_device(self, tensors: Iterable[torch.Tensor]) -> list[torch.Tensor]:
        """Return tensors where the network computes."""
        return [tensor.to(runtime.device()) for tensor in tensors]

    def fit(
        self, train: Collection, validation: Collection, seed: int, folder: str, settings: Mapping[str, Any]
    ) -> None:
        """Train the network; see :func:`robustrank.rankers.training.train`."""

        def create_learner() -> NeuralRanker:
            learner = replace(self)
            learner.prepare(train)
            learner.initialise(train)
            return learner

        start = {"ranker": type(self).__name__, **{k: v for k, v in asdict(self).items() if k != "weights"}}
        chosen = TrainingSettings.of(settings, self.training)
        train_ranker(create_learner, train, validation, seed, folder, chosen, start)

    def load(self, folder: str) -> Self:
        """Return the ranker with the weights in ``folder``."""
        return replace(self, weights=folder)

    def save(self, folder: Path) -> None:
        """Write the weights."""
        from safetensors.torch import save_file

        save_file(self.network.state_dict(), folder / "model.safetensors")

    def initialise(self, train: Collection) -> None:
        """Initialise the weights for training."""
        self.__dict__["network"] = self.build().to(runtime.device())

    @cached_property
    def network(self) -> Any:
        """The torch module with the weights of the checkpoint."""
        from safetensors import SafetensorError
        from safetensors.torch import load_file

        path = checked_folder(self.weights) / "model.safetensors"
        network = self.build()
        try:
            network.load_state_dict(load_file(path))
        except (OSError, RuntimeError, SafetensorError) as error:
            raise DataError(
                f"the weights do not match the network: {error}",
                where=str(path),
                hint="give the parameters that the ranker was trained with",
            ) from error
        return network.to(runtime.device()).eval()

    @abstractmethod
    def build(self) -> torch.nn.Module:
        """Return the network with weights drawn from torch's generator."""

    @abstractmethod
    def inputs(self, queries: Sequence[str], documents: Sequence[str]) -> tuple[torch.Tensor, ...]:
        """Return the network's input tensors for n pairs."""

    def idf(self, terms: Sequence[str]) -> list[float]:
        """Return ln((N + 1) / (df + 1)) of each term, by the prepared collection."""
        statistics = getattr(self, "_statistics", None)
        if statistics is None:
            raise PluginError(f"{type(self).__name__} has no corpus statistics", hint="call prepare(collection) first")
        return [math.log((statistics.documents + 1) / (statistics.document_frequency[term] + 1)) for term in terms]

    def query_terms(self, query: str) -> tuple[str, ...]:
        """Return the terms of the query, truncated to ``query_length``."""
        return terms_of(self.language, query)[: self.query_length]

    def document_terms(self, document: str) -> tuple[str, ...]:
        """Return the terms of the document, truncated to ``document_length``."""
        return terms_of(self.language, document)[: self.document_length]


@dataclass
class EmbeddingRanker(NeuralRanker):
    """A neural ranker with word embeddings as input.

    Embeddings from a file are frozen and cover every word of the file, whether it occurs in training or not. Without a
    file, embeddings are trained for the terms that occur at least twice in the documents of the training collection.
    All other terms share random vectors of hash buckets, so that they match only themselves.
    """

    embeddings: str | None = None  # glove, or a file of vectors; null: trained with the network
    dimension: Count = 50  # of trained vectors

    def initialise(self, train: Collection) -> None:
        """Initialise the weights, and the vocabulary of trained vectors."""
        if self.embeddings is None:
            counts = Counter(term for text in train.documents.values() for term in terms_of(train.language, text))
            known = sorted(term for term, count in counts.items() if count >= _MINIMUM)
            self.__dict__["rows"] = {term: row for row, term in enumerate(known)}
        super().initialise(train)

    def save(self, folder: Path) -> None:
        """Write the weights, and the vocabulary of trained vectors."""
        super().save(folder)
        if self.embeddings is None:
            (folder / "terms.json").write_text(json.dumps(list(self.rows)), encoding="utf-8")

    @cached_property
    def rows(self) -> dict[str, int]:
        """Term to the row of its vector."""
        if self.embeddings is not None:
            return self._vectors.rows
        path = checked_folder(self.weights) / "terms.json"
        try:
            return {term: row for row, term in enumerate(json.loads(path.read_text(encoding="utf-8")))}
        except (OSError, ValueError) as error:
            raise DataError(f"the vocabulary cannot be read: {error}", where=str(path)) from error

    def inputs(self, queries: Sequence[str], documents: Sequence[str]) -> tuple[torch.Tensor, ...]:
        """Return term ids int64[n, Q] and int64[n, D], 0 for padding, and the query's idf float32[n, Q]."""
        import torch

        query_terms = [self.query_terms(query) for query in queries]
        document_terms = [self.document_terms(document) for document in documents]
        idf = np.zeros((len(query_terms), self.query_length), dtype=np.float32)
        for row, terms in enumerate(query_terms):
            idf[row, : len(terms)] = self.idf(terms)
        query_ids = self._ids(query_terms, self.query_length)
        document_ids = self._ids(document_terms, self.document_length)
        return torch.from_numpy(query_ids), torch.from_numpy(document_ids), torch.from_numpy(idf)

    def embedding(self) -> torch.nn.Module:
        """Return the embedding module: int64[...] -> float32[..., E]."""
        from robustrank.rankers.neural.embedding import fixed_vectors, trained_vectors

        if self.embeddings is not None:
            return fixed_vectors(self.embeddings, self.language, BUCKETS)
        return trained_vectors(len(self.rows), BUCKETS, self.dimension)

    @property
    def width(self) -> int:
        """The dimension of the vectors."""
        return self.dimension if self.embeddings is None else int(self._vectors.table.shape[1])

    @property
    def _vectors(self) -> WordVectors:
        return word_vectors(self.embeddings or "", self.language)

    def term_id(self, term: str) -> int:
        """Return the row of a term's vector in the network's table; unknown terms share the hash buckets."""
        row = self.rows.get(term)
        if row is not None:
            return 1 + row
        return 1 + len(self.rows) + zlib.crc32(term.encode("utf-8", "surrogatepass")) % BUCKETS

    def _ids(self, texts: Sequence[Sequence[str]], length: int) -> NDArray[np.int64]:
        ids = np.zeros((len(texts), length), dtype=np.int64)
        for row, terms in enumerate(texts):
            ids[row, : len(terms)] = [self.term_id(term) for term in terms]
        return ids
