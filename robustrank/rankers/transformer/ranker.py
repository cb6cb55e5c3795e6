"""Base of transformer rankers: reading of the model, batches, fine-tuning, gradients of embeddings."""

from __future__ import annotations

from abc import abstractmethod
from collections import deque
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, fields, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from robustrank.collections.collection import Collection, evenly_spaced
from robustrank.errors import DataError, PluginError, UsageError
from robustrank.loaded import is_loaded, load_once
from robustrank.plugins.constraints import Amount, Count, Positive, Share, Tokens
from robustrank.printing import shortened
from robustrank.rankers import runtime
from robustrank.rankers.model_files import model_folder, weights_digest
from robustrank.rankers.ranker import BF16_NOISE, FP32_NOISE, Encoding, PointwiseRanker, Scores
from robustrank.rankers.training import TrainingSettings
from robustrank.rankers.training import train as train_ranker
from robustrank.rankers.transformer import onnxruntime_backend
from robustrank.rankers.transformer.batching import leave_out_unread_tokens, prepare_products
from robustrank.rankers.transformer.inputs import EncodedDocument, Inputs, Side, Tokenisation
from robustrank.rankers.transformer.loading import Kind, load_network
from robustrank.steps import Steps

if TYPE_CHECKING:
    import torch

Backend = Literal["torch", "onnxruntime"]
Dtype = Literal["fp32", "bf16", "int8"]
DTYPES: Mapping[Backend, tuple[Dtype, ...]] = {"torch": ("fp32", "bf16"), "onnxruntime": ("fp32", "int8")}
Value = TypeVar("Value")
Compute = Callable[[NDArray[np.int64], dict[str, Any]], Value]
SAMPLE = 1000  # texts of a collection that are tokenised to tell how many are truncated


@dataclass(frozen=True)
class FineTuning(TrainingSettings):
    """Fine-tuning settings of a pretrained ranker."""

    frozen_layers: Amount = 0  # number of lowest layers that are frozen, together with the input embeddings
    head_learning_rate: Positive | None = None  # of the layers above the pretrained encoder; null: learning_rate
    dropout: Share | None = None  # share of activations dropped in training; null: as the model's folder says

    @property
    def head_rate(self) -> float:
        """The learning rate of the layers above the pretrained encoder."""
        return self.learning_rate if self.head_learning_rate is None else self.head_learning_rate


@dataclass
class TransformerRanker(PointwiseRanker):
    """A transformer as a ranker, read as its authors ship it: see :mod:`robustrank.rankers.transformer.loading`."""

    family = "pretrained"
    kind: ClassVar[Kind]
    head: ClassVar[Mapping[str, Any]] = {}  # options of a network that is initialised for training
    document_side: ClassVar[Side] = "document"  # what a document is read in: a single text, or a pair
    training: ClassVar[FineTuning] = FineTuning()

    model: str  # a folder, minilm, or a name on the Hugging Face hub
    revision: str | None = None  # a commit, branch or tag on the hub
    max_length: Tokens | None = None  # tokens the model reads at once, special tokens included; null: as the model says
    dtype: Dtype = "fp32"  # bf16 (torch) and int8 (onnxruntime, a text a batch) are faster and change scores
    backend: Backend = "torch"  # what computes the network; onnxruntime: on the processor alone
    max_tokens: Count | None = None  # tokens in a batch; null: 8192, on accelerators 65536, halved if memory is short

    @cached_property
    def folder(self) -> Path:
        """Where the model's files are."""
        return model_folder(self.model, self.revision)

    @cached_property
    def fingerprint(self) -> str:
        """The content of the model's files, which a name may stand for, and what computes with them beside torch."""
        digest = weights_digest(self.folder)
        return digest if self.backend == "torch" else f"{digest} {onnxruntime_backend.libraries()}"

    @property
    def noise(self) -> float:
        """How far rounding may move a score, relative to the largest score of the call."""
        return BF16_NOISE if self.dtype == "bf16" else FP32_NOISE

    @cached_property
    def network(self) -> Any:
        """The model of sentence-transformers, a torch module, shared by all rankers of this identity.

        Raises:
            DataError: The model cannot be read as its authors ship it.
        """

        def load() -> Any:
            network = self._loaded(fresh=False)
            leave_out_unread_tokens(network)
            if self.backend == "onnxruntime":
                precision: Any = self.dtype
                onnxruntime_backend.compute_in_onnxruntime(network, self.fingerprint, precision, self.folder)
            prepare_products(network)
            return network

        return load_once(self._identity, load)

    @cached_property
    def tokenisation(self) -> Tokenisation:
        """How the model reads texts."""
        return Tokenisation(self.network, self.prompts)

    @property
    def _identity(self) -> tuple[Hashable, ...]:
        """What decides the network in memory: class, weights, parameters, device."""
        parameters = {f.name: getattr(self, f.name) for f in fields(self) if f.name not in ("model", "revision")}
        return type(self), self.fingerprint, repr(parameters), self.device

    @property
    def tokenizer(self) -> Any:
        """The model's tokenizer."""
        return self.network.tokenizer

    @cached_property
    def prompts(self) -> dict[Side, str]:
        """What the model puts before the texts of each side, as its folder says; nothing where it does not."""
        known, default = self.network.prompts, self.network.default_prompt_name
        fallback = known.get(default) or "" if default else ""
        return {
            "query": known.get("query", fallback),
            "document": next((known[name] for name in ("document", "passage", "corpus") if name in known), fallback),
            "pair": fallback,
        }

    @cached_property
    def embedding_table(self) -> NDArray[np.float32]:
        """float32[V, H], the input embeddings."""
        import torch

        def compute() -> NDArray[np.float32]:
            layer = self._embedding_layer
            with torch.no_grad():  # what the layer gives, not its weights: some scale them
                ids = torch.arange(layer.weight.shape[0], device=layer.weight.device)
                table: NDArray[np.float32] = layer(ids).float().cpu().numpy()
            return table

        return load_once(("embeddings", self.network), compute)  # a network in training has a table of its own

    def check(self) -> None:
        """Load the model, which refuses what cannot be honoured, as missing weights."""
        _ = self.network, self.tokenisation

    def reading(self, collection: Collection) -> Sequence[str]:
        """Return how the model is read, and what share of documents and queries it truncates."""
        reader = replace(self)
        if not is_loaded(self._identity):  # rankers that are trained later have a reading, too
            reader.__dict__["network"] = reader._loaded(fresh=True)
        return reader._reading(collection)

    def _reading(self, collection: Collection) -> Sequence[str]:
        prompts = [f"{side} {shortened(repr(self.prompts[side]), 120)}" for side in self._sides if self.prompts[side]]
        by = "" if self.backend == "torch" else f", computed by {self.backend}"
        parts = [
            f"{type(self.network.transformers_model).__name__} in {self.dtype} on {self.device}{by}",
            f"at most {self.network.max_seq_length} tokens",
            *self._details(),
            f"prompts: {', '.join(prompts)}" if prompts else "no prompts",
        ]
        queries = evenly_spaced(list(collection.queries.values()), SAMPLE)
        texts = [collection.documents[doc_id] for doc_id in evenly_spaced(collection.candidate_ids, SAMPLE)]
        return (
            f"{self.model}: {'; '.join(parts)}.",
            f"{self.model} truncates {_share(self._truncated(texts, 'document'), len(texts), 'documents')} and "
            f"{_share(self._truncated(queries, 'query'), len(queries), 'queries')} of {collection.name}.",
        )

    def characters_read(self, query: str, document: str) -> int:
        """Return how many characters of a document are read beside a query: up to the last token that is read."""
        spans = self.encode(query, document).spans
        return max((end for _, end in spans), default=0)

    def tokens_of(self, word: str) -> NDArray[np.int64]:
        """Return the token ids of a word inside a document."""
        return np.array(self.tokenizer(word, add_special_tokens=False)["input_ids"], dtype=np.int64)

    def encode(self, query: str, document: str) -> Encoding:
        """Tokenise the document as :meth:`score` does beside this query.

        Raises:
            PluginError: The tokenizer does not tell which characters a token covers.
        """
        text = (query, document) if self.document_side == "pair" else document
        try:
            return self.tokenisation.encode(query, text, self.document_side)
        except NotImplementedError as error:
            raise PluginError(f"model {self.model!r} gives no white-box access: {error}") from error

    def gradients(
        self, query: str, documents: Sequence[Encoding], embeddings: Sequence[NDArray[np.float32]] | None = None
    ) -> tuple[Scores, list[NDArray[np.float32]]]:
        """Return scores and d score / d embedding; see :class:`robustrank.rankers.ranker.GradientRanker`.

        They are those of the very ids and mask that :meth:`score` reads: the forward pass is the same, and what the
        embedding layer gives for the document's tokens is replaced by what is differentiated.

        Raises:
            PluginError: An encoding is not of this ranker and query, or the ranker computes in int8.
        """
        encoded = [self._checked(encoding, query) for encoding in documents]
        score = self._scorer(query)
        return self._differentiated(lambda _, features: score(features), encoded, embeddings)

    def _differentiated(
        self,
        score: Callable[[NDArray[np.int64], Mapping[str, Any]], torch.Tensor],
        encoded: Sequence[EncodedDocument],
        embeddings: Sequence[NDArray[np.float32]] | None = None,
        together: bool = False,
    ) -> tuple[Scores, list[NDArray[np.float32]]]:
        """Return what ``score`` gives of checked encodings, and its gradients by the embeddings of their tokens.

        ``together`` is that of :meth:`Tokenisation.batches`.
        """
        import torch

        if self.dtype == "int8":
            raise PluginError(
                "a ranker in int8 has no gradients: it computes another function than the network that has them",
                allowed="dtype fp32 or bf16",
                hint="attack it without gradients, or by those of a surrogate",
            )
        scores = np.empty(len(encoded), dtype=np.float32)
        gradients: list[NDArray[np.float32]] = [np.empty(0, dtype=np.float32)] * len(encoded)

        def differentiate(batch: NDArray[np.int64], features: Mapping[str, Any]) -> tuple[Scores, Any]:
            positions = [encoded[i].positions for i in batch]
            given = None if embeddings is None else [embeddings[i] for i in batch]
            with self._precision(), self._leaf(positions, given) as leaves:
                values = score(batch, features)[: len(batch)].float()
            (gradient,) = torch.autograd.grad(values.sum(), leaves, allow_unused=True)
            gradient = torch.zeros_like(leaves[0]) if gradient is None else gradient
            return values.detach().cpu().numpy(), gradient.float().cpu().numpy()

        for batch, (values, differentiated) in self._computed(joined(encoded), differentiate, together):
            scores[batch] = values
            for i, gradient in zip(batch, differentiated, strict=False):
                gradients[i] = gradient[encoded[i].positions]
        return scores, gradients

    def fit(
        self, train: Collection, validation: Collection, seed: int, folder: str, settings: Mapping[str, Any]
    ) -> None:
        """Fine-tune the model; see :func:`robustrank.rankers.training.train`."""
        chosen = FineTuning.of(settings, self.training)

        def create_learner() -> TransformerRanker:
            learner = replace(self)
            learner.__dict__["network"] = learner._loaded(fresh=True, **self.head)
            freeze(learner.network, chosen.frozen_layers)
            if chosen.dropout is not None:
                set_dropout(learner.network, chosen.dropout)
            return learner

        start = {"ranker": type(self).__name__, "start": self.model, "max_length": self.max_length}
        train_ranker(create_learner, train, validation, seed, folder, chosen, start)

    def load(self, folder: str) -> Self:
        """Return the ranker with the weights in ``folder``."""
        return replace(self, model=folder, revision=None)

    def save(self, folder: Path) -> None:
        """Write the model as sentence-transformers does, with all that decides its scores."""
        self.network.save_pretrained(str(folder), safe_serialization=True, create_model_card=False)

    @property
    def head_weights(self) -> list[Any]:
        """The weights above the pretrained encoder, as those of a classifier or a projection."""
        encoder = self.network.transformers_model.base_model
        names = {id(w) for name, w in encoder.named_parameters() if not name.startswith("segment_head.")}
        return [weight for weight in self.network.parameters() if id(weight) not in names]

    @abstractmethod
    def relevance(self, queries: Sequence[str], documents: Sequence[str]) -> torch.Tensor:
        """Return float32[n], differentiable by the weights; see :class:`robustrank.rankers.training.Learner`."""

    @abstractmethod
    def _scorer(self, query: str) -> Callable[[Mapping[str, Any]], torch.Tensor]:
        """Return what gives float32[B] of a batch of documents (or pairs), differentiable by their input embeddings."""

    def _details(self) -> Sequence[str]:
        """Return what else decides a score, in few words each."""
        return ()

    @property
    def _sides(self) -> tuple[Side, ...]:
        return ("pair",) if self.document_side == "pair" else ("query", "document")

    @property
    def device(self) -> str:
        """Where the network computes."""
        return runtime.device()

    @property
    def _embedding_layer(self) -> Any:
        return self.network.transformers_model.get_input_embeddings()

    def _refuse_unknown_runtime(self) -> None:
        """Refuse what the backend does not compute.

        Raises:
            UsageError: The dtype or the device is not the backend's.
        """
        if self.dtype not in DTYPES[self.backend]:
            raise UsageError(
                f"dtype {self.dtype} is not computed by backend {self.backend}",
                where="the ranker's `dtype` and `backend`",
                allowed="; ".join(f"{backend}: {' or '.join(dtypes)}" for backend, dtypes in DTYPES.items()),
            )
        if self.backend == "onnxruntime" and self.device != "cpu":
            raise UsageError(
                f"backend onnxruntime computes on the processor, and the device is {self.device}",
                where="the ranker's `backend`, and the experiment's `device`",
                hint="set device: cpu, or take backend=torch",
            )

    def _loaded(self, fresh: bool, **options: Any) -> Any:
        self._refuse_unknown_runtime()
        network = load_network(self.kind, self.folder, fresh, **options)
        most, said = _positions(network), network.max_seq_length
        if self.max_length is not None:
            if most is not None and self.max_length > most:
                raise DataError(
                    f"max_length is {self.max_length}, and the model has positions for {most} tokens",
                    where=str(self.folder),
                    allowed=f"1 to {most}, or null for what the model says",
                )
            network.max_seq_length = self.max_length
        elif said is not None and (said < 1 or (said > (most or said) and network.config.model_type in _ABSOLUTE)):
            raise DataError(
                f"the model says that it reads at most {said} tokens, and it has positions for {most}",
                where=str(self.folder),
                allowed=f"1 to {most}",
                hint=f"set max_length of the ranker, as max_length={min(512, most or 512)}",
            )
        return network.to(self.device)

    def _truncated(self, texts: Sequence[str], part: Literal["query", "document"]) -> int:
        """Return how many of some documents or queries are not read to their end.

        A document is read beside a query of 16 words where the model reads pairs; a query beside an empty document.
        """
        if self.document_side == "document":
            read = self.tokenisation.characters_read(texts, part)
        elif part == "document":
            read = self.tokenisation.characters_read([(" ".join(["word"] * 16), text) for text in texts], "pair", 1)
        else:
            read = self.tokenisation.characters_read([(text, "") for text in texts], "pair", 0)
        return sum(characters < len(text.rstrip()) for characters, text in zip(read, texts, strict=True))

    @cached_property
    def _memory(self) -> dict[tuple[str, Side], Any]:
        return {}

    def _once(
        self, texts: Sequence[str], side: Side, most: int, encode: Callable[[Mapping[str, Any]], Iterable[Any]]
    ) -> dict[str, Any]:
        """Return what ``encode`` gives of each text, a batch at a time; up to ``most`` of them stay in memory.

        Texts of the same tokens are encoded once.
        """
        memory, distinct = self._memory, list(dict.fromkeys(texts))
        missing = [text for text in distinct if (text, side) not in memory]
        if len(memory) + len(missing) > most:
            memory.clear()
            missing = distinct
        if missing:
            inputs, index = self.tokenisation.read(missing, side).distinct()
            values: dict[int, Any] = {}
            with self._inference():
                for batch, rows in self._computed(inputs, lambda _, features: list(encode(features))):
                    values.update(zip(batch.tolist(), rows, strict=False))
            memory.update(((text, side), values[i]) for text, i in zip(missing, index.tolist(), strict=True))
        return {text: memory[text, side] for text in distinct}

    def _computed(
        self, inputs: Inputs, compute: Compute[Value], together: bool = False
    ) -> Iterator[tuple[NDArray[np.int64], Value]]:
        """Yield the indices of each batch and what ``compute`` gives for them and their features.

        Rows of features beyond the indices repeat the last row. A batch for which memory does not suffice is halved,
        and later ones are no larger. ``together`` is that of :meth:`Tokenisation.batches`.
        """
        steps = Steps(len(inputs), "model inputs")
        tokens = 1 if self.dtype == "int8" else self.max_tokens or self._auto_tokens()  # int8: a text a batch
        waiting = deque(self.tokenisation.batches(inputs, runtime.batch_tokens(self.network, tokens), together))
        while waiting:
            batch = waiting.popleft()
            features = self.tokenisation.features(inputs, batch, self.device)
            size = features["input_ids"].numel()
            if len(batch) > 1 and size > runtime.batch_tokens(self.network, max(tokens, size)):
                waiting.extendleft(np.array_split(batch, 2)[::-1])
                continue
            with runtime.memory(self.network, size if len(batch) > 1 else None) as memory:
                values = compute(batch, features)
            if memory.is_short:
                waiting.appendleft(batch)
                continue
            yield batch, values
            steps.advance(len(batch))

    def _auto_tokens(self) -> int:
        """Return how many tokens a batch begins with where the user says nothing."""
        return 8192 if self.device == "cpu" else 65536

    def _checked(self, encoding: Encoding, query: str) -> EncodedDocument:
        if not isinstance(encoding, EncodedDocument) or (self.document_side == "pair" and encoding.query != query):
            raise PluginError(
                "an encoding that encode() did not give for this query has no gradients",
                hint="call encode(query, document) of the same ranker first",
            )
        return encoding

    @contextmanager
    def _leaf(
        self, positions: Sequence[NDArray[np.int64]], given: Sequence[NDArray[np.float32]] | None
    ) -> Iterator[list[torch.Tensor]]:
        """Have what the embedding layer gives, float32[B, T, H], differentiated by: it is the one item of the list.

        Args:
            positions: The positions of the documents' tokens in each text.
            given: What is put there in place of what the layer gives; None: that itself.
        """
        import torch

        leaves: list[torch.Tensor] = []

        def put(_module: Any, _arguments: Any, output: torch.Tensor) -> torch.Tensor:
            leaf = output.detach().clone()
            for row, (indices, vectors) in enumerate(zip(positions, given or (), strict=given is not None)):
                leaf[row, torch.from_numpy(indices).to(leaf.device)] = torch.from_numpy(vectors).to(leaf)
            leaves.append(leaf.requires_grad_())
            return leaf

        handle = self._embedding_layer.register_forward_hook(put)
        try:
            yield leaves
        finally:
            handle.remove()
        if len(leaves) != 1:
            raise PluginError(
                f"the network called its embedding layer {len(leaves)} times, so it has no gradients here"
            )

    @contextmanager
    def _precision(self) -> Iterator[None]:
        import torch

        with torch.autocast(self.device, dtype=torch.bfloat16) if self.dtype == "bf16" else nullcontext():
            yield

    @contextmanager
    def _inference(self) -> Iterator[None]:
        import torch

        with torch.no_grad(), self._precision():
            yield


def _share(part: int, whole: int, noun: str) -> str:
    return f"{part} of {whole} {noun} ({part / whole:.0%})" if whole else f"none of 0 {noun}"


_OFFSET = ("roberta", "xlm-roberta", "camembert", "mpnet")  # count positions from behind the padding
_ABSOLUTE = (*_OFFSET, "bert", "distilbert", "electra", "albert")  # have a table of positions, and none beyond it


def _positions(network: Any) -> int | None:
    """Return how many tokens a network has positions for; None where its files do not say."""
    config = network.config
    most = getattr(config, "max_position_embeddings", None)
    if not isinstance(most, int) or most <= 0:
        return None
    offset = (getattr(config, "pad_token_id", None) or 0) + 1
    return most - offset if config.model_type in _OFFSET else most


def joined(encoded: Sequence[EncodedDocument]) -> Inputs:
    """Return the inputs of encodings, a text each, as one table."""
    if not encoded:
        return Inputs({"input_ids": []})
    inputs = [encoding.inputs for encoding in encoded]
    columns = {name: [one.columns[name][0] for one in inputs] for name in inputs[0].columns}
    return Inputs(columns, inputs[0].shared)


def set_dropout(network: Any, share: float) -> None:
    """Have every layer drop this share of its activations in training."""
    for module in network.modules():
        if type(module).__name__ == "Dropout":
            module.p = share
        if hasattr(module, "dropout_prob"):  # of attention that torch computes in one call
            module.dropout_prob = share


def freeze(network: Any, layers: int) -> None:
    """Freeze the input embeddings and the lowest ``layers`` layers; 0 freezes nothing.

    Raises:
        UsageError: The model has fewer layers.
    """
    import torch

    if not layers:
        return
    model = network.transformers_model
    stacks = [module for module in model.modules() if isinstance(module, torch.nn.ModuleList)]
    if not stacks or layers > len(stacks[0]):
        available = len(stacks[0]) if stacks else 0
        raise UsageError(f"frozen_layers={layers}, but the model has {available} layers", allowed=f"0 to {available}")
    model.get_input_embeddings().requires_grad_(False)
    for layer in stacks[0][:layers]:
        layer.requires_grad_(False)
