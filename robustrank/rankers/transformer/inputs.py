"""What a network reads of texts and pairs: tokens as the model's tokenizer gives them, and batches of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from robustrank.rankers.ranker import Encoding
from robustrank.rankers.transformer.batching import Shapes, equal_length_batches

Side = Literal["query", "document", "pair"]
TEXT_SIDES: tuple[Side, Side] = ("query", "document")


@dataclass
class Inputs:
    """Token ids of texts or pairs, with all that goes with them, special tokens included, without padding.

    Attributes:
        columns: Name to one list a text: ``input_ids``, ``attention_mask`` and what else the network reads.
        shared: What holds for all of them, as the length of their prompt.
    """

    columns: dict[str, list[Any]]  # lists or arrays of whole numbers
    shared: dict[str, Any] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.columns["input_ids"])

    @property
    def lengths(self) -> list[int]:
        """The number of tokens of each text."""
        return [len(ids) for ids in self.columns["input_ids"]]

    def distinct(self) -> tuple[Inputs, NDArray[np.int64]]:
        """Return each input once, and int64[n], the index among them of each of the n.

        Texts that differ beyond the truncation, or in what the tokenizer drops, are one input.
        """
        indices: dict[tuple[tuple[int, ...], ...], int] = {}
        rows = zip(*(map(tuple, values) for values in self.columns.values()), strict=True)
        index = np.array([indices.setdefault(row, len(indices)) for row in rows], dtype=np.int64)
        columns = {name: [list(row[i]) for row in indices] for i, name in enumerate(self.columns)}
        return Inputs(columns, self.shared), index


@dataclass(frozen=True)
class EncodedDocument(Encoding):
    """The document's tokens, and the whole input of the network in which they stand.

    Attributes:
        query: The query it was encoded with.
        inputs: A single text or pair.
        positions: int64[L], the positions of the document's tokens in it.
        most: How many tokens the network reads at once; None: any number.
    """

    query: str = ""
    inputs: Inputs = field(default_factory=lambda: Inputs({}))
    positions: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    most: int | None = None

    def replaced(self, start: int, end: int, ids: NDArray[np.int64]) -> EncodedDocument:
        """Return it with other tokens in the place of ``start:end``, one at least, with all else as it is of the first.

        Nothing is tokenised: whether a text has these tokens is not known. The last ones go where there are too many.
        """
        first, last, more = int(self.positions[start]), int(self.positions[end - 1]) + 1, len(ids) - (end - start)
        columns = dict(self.inputs.columns)
        if not more:
            new_ids, row = self.ids.copy(), columns["input_ids"][0].copy()
            new_ids[start:end] = row[first:last] = ids
            columns["input_ids"] = [row]
            return EncodedDocument(
                new_ids, (), self.query, Inputs(columns, self.inputs.shared), self.positions, self.most
            )
        new_ids = np.concatenate([self.ids[:start], ids, self.ids[end:]])
        positions = np.concatenate([self.positions[:start], first + np.arange(len(ids)), self.positions[end:] + more])
        length = len(columns["input_ids"][0]) + more
        kept = len(positions) - max(0, length - (self.most or length))
        for name, (row,) in columns.items():
            new = ids if name == "input_ids" else np.full(len(ids), row[first], dtype=np.int64)
            columns[name] = [np.delete(np.concatenate([row[:first], new, row[last:]]), positions[kept:])]
        inputs = Inputs(columns, self.inputs.shared)
        return EncodedDocument(new_ids[:kept], (), self.query, inputs, positions[:kept], self.most)


class Tokenisation:
    """A network's tokenisation: its prompts, casing, markers, lengths and special tokens.

    Args:
        network: A model of sentence-transformers.
        prompts: The prompt of each side.
        limits: The most tokens of each side, where they differ from the network's.
    """

    def __init__(self, network: Any, prompts: Mapping[Side, str], limits: Mapping[Side, int] | None = None) -> None:
        self.network, self.prompts, self.limits = network, prompts, limits or {}
        self.tokenizer = network.tokenizer
        config = network.config
        self.shapes = Shapes.of(network)
        self.fills = config is not None and _is_bidirectional(config)
        pad = self.tokenizer.pad_token_id
        self.pad = int(pad if pad is not None else getattr(config, "pad_token_id", None) or 0)

    def read(self, texts: Sequence[Any], side: Side) -> Inputs:
        """Return the inputs of texts, or of (query, document) pairs."""
        return _unpadded(self._features(texts, side), self.pad)

    def whole(self, texts: Sequence[Any], side: Side, device: Any) -> dict[str, Any]:
        """Return the features of all texts as one batch, filled up on the model's side: for training."""
        features = self._features(texts, side, padding=True, return_tensors="pt")
        return {name: value.to(device) if hasattr(value, "to") else value for name, value in features.items()}

    def encode(self, query: str, text: Any, side: Side) -> EncodedDocument:
        """Return the document's tokens in a single text or pair.

        Raises:
            NotImplementedError: The tokenizer does not tell which characters a token covers.
        """
        features = self._features([text], side, return_offsets_mapping=True)
        located = self._located(features, 0, side, 1 if side == "pair" else 0)
        features.pop("offset_mapping")
        read = _unpadded(features, self.pad)
        inputs = Inputs({name: [np.array(row, dtype=np.int64)] for name, (row,) in read.columns.items()}, read.shared)
        positions = np.array([i for i, _ in located], dtype=np.int64)
        return EncodedDocument(
            inputs.columns["input_ids"][0][positions],
            tuple(span for _, span in located),
            query,
            inputs,
            positions,
            self.limits.get(side, self.network.max_seq_length),
        )

    def characters_read(self, texts: Sequence[Any], side: Side, part: int = 0) -> list[int]:
        """Return how many characters of each text (of the first or second of each pair) are read: to the last token.

        Raises:
            NotImplementedError: The tokenizer does not tell which characters a token covers.
        """
        features = self._features(texts, side, return_offsets_mapping=True) if texts else {}
        located = [self._located(features, row, side, part) for row in range(len(texts))]
        return [max((end for _, (_, end) in tokens), default=0) for tokens in located]

    def batches(self, inputs: Inputs, max_tokens: int, together: bool = False) -> Iterator[NDArray[np.int64]]:
        """Yield the indices of each batch; texts that share one are filled up to one length.

        Texts of a bidirectional encoder are filled up on the right, where the mask hides it; those of others, in which
        fillings could move positions or the last token, share a batch with texts of the very length alone.

        Args:
            inputs: The texts.
            max_tokens: The most tokens of a batch.
            together: Whether texts of all lengths share batches where they can be filled up, so that batches are few;
                a score depends on its company then, by rounding.
        """
        lengths = [self._filled_length(length) for length in inputs.lengths]
        together = together and self.fills and bool(lengths)
        return equal_length_batches([max(lengths)] * len(lengths) if together else lengths, max_tokens)

    def features(self, inputs: Inputs, batch: NDArray[np.int64], device: Any) -> dict[str, Any]:
        """Return the features of a batch; rows beyond the indices repeat the last row."""
        import torch

        ids, features = inputs.columns["input_ids"], dict(inputs.shared)
        length = self._filled_length(max(len(ids[i]) for i in batch))
        rows = [*batch, *[batch[-1]] * (-len(batch) % self.shapes.texts(length))]
        for name, values in inputs.columns.items():
            padded = np.full((len(rows), length), self.pad if name == "input_ids" else 0, dtype=np.int64)
            for row, i in zip(padded, rows, strict=True):  # torch takes five times as long for lists
                row[: len(values[i])] = values[i]
            features[name] = torch.from_numpy(padded).to(device)
        return features

    def _filled_length(self, length: int) -> int:
        return self.shapes.padded(length) if self.fills else length

    def _located(self, features: Any, row: int, side: Side, part: int) -> list[tuple[int, tuple[int, int]]]:
        """Return the place of each token of a text (or of a part of a pair), and the characters of it that it covers.

        Tokens of the prompt are no tokens of the text.
        """
        sequence_ids = getattr(features, "sequence_ids", None)
        if sequence_ids is None or "offset_mapping" not in features:
            raise NotImplementedError("the tokenizer does not tell which characters a token covers")
        spans, prompt = features["offset_mapping"][row], len(self.prompts[side]) if part == 0 else 0
        return [
            (i, (max(0, spans[i][0] - prompt), spans[i][1] - prompt))
            for i, number in enumerate(sequence_ids(row))
            if number == part and spans[i][1] > prompt
        ]

    def _features(self, texts: Sequence[Any], side: Side, **text_options: Any) -> Any:
        options: dict[str, Any] = {"padding": False, **text_options}
        common = {"return_tensors": options.pop("return_tensors", None)}
        if side in self.limits:
            options["max_length"] = self.limits[side]
        task = {} if side == "pair" else {"task": side}
        return self.network.preprocess(
            list(texts),
            prompt=self.prompts[side] or None,
            processing_kwargs={"text": options, "common": common},
            **task,
        )


def _is_bidirectional(config: Any) -> bool:
    """Whether a network may be filled up on the right without moving a score: an encoder with absolute positions."""
    from transformers.models.auto.modeling_auto import MODEL_FOR_MASKED_LM_MAPPING_NAMES as MASKED

    decodes = getattr(config, "is_decoder", False) or getattr(config, "is_encoder_decoder", False)
    return config.model_type in MASKED and not decodes


def _unpadded(features: Mapping[str, Any], pad: int) -> Inputs:
    """Return what a tokenizer gave, text by text, without padding; a text without tokens is read as a padding token."""
    columns: dict[str, list[list[int]]] = {}
    shared: dict[str, Any] = {}
    count = len(features["input_ids"])
    for name, value in features.items():
        if hasattr(value, "tolist") and getattr(value, "ndim", 0) == 2:
            value = value.tolist()
        if isinstance(value, list) and len(value) == count and all(isinstance(row, list) for row in value):
            columns[name] = value
        else:
            shared[name] = value
    masks = columns.setdefault("attention_mask", [[1] * len(ids) for ids in columns["input_ids"]])
    kept = [[i for i, seen in enumerate(mask) if seen] for mask in masks]
    for name, rows in columns.items():
        empty = [{"input_ids": pad, "attention_mask": 1}.get(name, 0)]
        columns[name] = [[row[i] for i in indices] or empty for row, indices in zip(rows, kept, strict=True)]
    return Inputs(columns, shared)
