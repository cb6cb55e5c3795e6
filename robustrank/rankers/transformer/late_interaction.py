"""Late interaction: the sum over query tokens of the best match in the document (Khattab, Zaharia, SIGIR 2020)."""

from __future__ import annotations

import json
import shutil
import string
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from robustrank.errors import DataError
from robustrank.plugins.constraints import Tokens
from robustrank.rankers.ranker import Pair, Scores
from robustrank.rankers.transformer.batching import filled
from robustrank.rankers.transformer.inputs import TEXT_SIDES, Inputs, Side, Tokenisation
from robustrank.rankers.transformer.ranker import FineTuning, TransformerRanker

if TYPE_CHECKING:
    import torch

MEMORY = 200_000  # token vectors kept in memory
_PROJECTION = "linear.weight"  # the name ColBERT's checkpoints give it
_PYLATE, _STANFORD = "config_sentence_transformers.json", "artifact.metadata"


@dataclass(frozen=True)
class Settings:
    """What a checkpoint of late interaction says beside its weights.

    Attributes:
        query_marker, document_marker: Tokens before the texts of each side, behind [CLS].
        query_length: Tokens of a query, special tokens and marker included.
        document_length: Tokens of a document; None: as many as the encoder reads.
        expands: Whether queries are filled up to their length with mask tokens, which are matched too.
        attends: Whether the encoder attends to these mask tokens.
        skipped: Tokens of documents that are not matched.
    """

    query_marker: str = ""
    document_marker: str = ""
    query_length: int = 32
    document_length: int | None = None
    expands: bool = False
    attends: bool = False
    skipped: tuple[str, ...] = field(default=tuple(string.punctuation))

    @classmethod
    def of(cls, folder: Path) -> Settings:
        """Read them from a folder in PyLate's format (configuration) or in Stanford's (metadata); defaults in others.

        Raises:
            DataError: The folder is of a kind that is not read.
        """
        said = _json(folder / _STANFORD)
        if said:
            return cls(
                query_marker=str(said.get("query_token_id") or "[unused0]"),
                document_marker=str(said.get("doc_token_id") or "[unused1]"),
                query_length=int(said.get("query_maxlen") or 32),
                document_length=int(said.get("doc_maxlen") or 180),
                expands=True,
                attends=bool(said.get("attend_to_mask_tokens")),
                skipped=tuple(string.punctuation) if said.get("mask_punctuation", True) else (),
            )
        said = _json(folder / _PYLATE)
        if said.get("model_type") == "MultiVectorEncoder":
            raise DataError(
                "the folder is a MultiVectorEncoder of sentence-transformers 6, whose modules are not read here",
                where=str(folder / _PYLATE),
                allowed="folders of PyLate or of Stanford's ColBERT, or a plain encoder",
            )
        if not {"query_prefix", "document_prefix", "query_length", "document_length"} & set(said):
            return cls()
        skipped = said.get("skiplist_words")
        return cls(
            query_marker=said.get("query_prefix") or "",
            document_marker=said.get("document_prefix") or "",
            query_length=int(said.get("query_length") or 32),
            document_length=int(said.get("document_length") or 180),
            expands=said.get("do_query_expansion") is not False,
            attends=bool(said.get("attend_to_expansion_tokens")),
            skipped=tuple(string.punctuation if skipped is None else skipped),
        )


@dataclass
class LateInteractionRanker(TransformerRanker):
    """ColBERT's scoring on any encoder: the sum over query tokens of the largest cosine with a document token.

    Markers, lengths, expansion and skipped tokens are the folder's, where it is one of PyLate or of Stanford's ColBERT.
    The projection of the checkpoint is used if it has one (``linear.weight`` in the model's folder, or in ``1_Dense``);
    otherwise the last layer is used.
    """

    query_length: Tokens | None = None  # tokens of the query, special tokens included; null: as the folder says, or 32
    augment: bool | None = None  # fill the query up with [MASK] tokens; null: as the folder says, or not
    punctuation: bool | None = None  # whether punctuation in documents can be matched; null: as the folder says, or not

    kind = "tokens"
    training = FineTuning(learning_rate=2e-5)

    def check(self) -> None:
        """Load the model, which refuses what cannot be honoured.

        Raises:
            DataError: A marker is no token of the model, or queries cannot be filled up.
        """
        super().check()
        _ = self.projection, self._mask

    @cached_property
    def settings(self) -> Settings:
        """What the folder says, with the ranker's parameters in its stead."""
        said = Settings.of(self.folder)
        skipped = {None: said.skipped, True: (), False: tuple(string.punctuation)}[self.punctuation]
        return Settings(
            said.query_marker,
            said.document_marker,
            said.query_length if self.query_length is None else self.query_length,
            self.max_length or said.document_length,
            said.expands if self.augment is None else self.augment,
            said.attends,
            skipped,
        )

    @cached_property
    def prompts(self) -> dict[Side, str]:
        """The markers, and behind them the prompts of the folder."""
        said = _json(self.folder / _PYLATE).get("prompts") or {}
        settings = self.settings
        return {
            "query": settings.query_marker + (said.get("query") or "").removeprefix(settings.query_marker),
            "document": settings.document_marker + (said.get("document") or "").removeprefix(settings.document_marker),
            "pair": "",
        }

    @cached_property
    def tokenisation(self) -> Tokenisation:
        """How the model reads texts: a marker is one token, also in a text that is lower-cased."""
        from transformers import AddedToken

        markers = {marker for marker in (self.settings.query_marker, self.settings.document_marker) if marker}
        vocabulary = self.tokenizer.get_vocab()
        if unknown := sorted(markers - set(vocabulary)):
            raise DataError(
                f"the markers {', '.join(map(repr, unknown))} are no tokens of the model",
                where=str(self.folder / _PYLATE),
                allowed="tokens of its vocabulary",
            )
        added = [AddedToken(marker, normalized=False, special=True) for marker in sorted(markers)]
        if added:
            self.tokenizer.add_special_tokens({"additional_special_tokens": added})
        limits: dict[Side, int] = {"query": self.settings.query_length}
        if self.settings.document_length is not None:
            limits["document"] = self.settings.document_length
        return Tokenisation(self.network, self.prompts, limits)

    def score(self, pairs: Sequence[Pair]) -> Scores:
        """Return float32[n]; each distinct text is encoded once and cached in memory."""
        scores = np.empty(len(pairs), dtype=np.float32)
        order = sorted(range(len(pairs)), key=lambda i: pairs[i][1])  # pairs of the same document next to each other
        for start in range(0, len(order), 256):
            batch = order[start : start + 256]
            queries = self._vectors([pairs[i][0] for i in batch], "query")
            documents = self._vectors([pairs[i][1] for i in batch], "document")
            for i in batch:
                matches = queries[pairs[i][0]] @ documents[pairs[i][1]].T
                scores[i] = matches.max(axis=1).sum() if matches.size else 0.0
        return scores

    def relevance(self, queries: Sequence[str], documents: Sequence[str]) -> torch.Tensor:
        """Return float32[n], differentiable by the weights."""
        import torch

        self._memory.clear()  # the weights are about to change
        sides = []
        for texts, side in zip((queries, documents), TEXT_SIDES, strict=True):
            inputs = self._read(list(texts), side)
            features = {name: _padded(rows).to(self.device) for name, rows in inputs.columns.items()}
            mask = _padded([self._matched(ids, side).tolist() for ids in inputs.columns["input_ids"]]).to(self.device)
            sides.append((self._token_vectors({**inputs.shared, **features}), mask))
        (query, query_mask), (document, document_mask) = sides
        matches = torch.bmm(query, document.transpose(1, 2)).masked_fill(document_mask[:, None] == 0, -1.0)
        scores: torch.Tensor = (matches.amax(2) * query_mask).sum(1)
        return scores

    def save(self, folder: Path) -> None:
        """Write the encoder, and what the folder says beside it, which training does not change."""
        from safetensors.torch import save_file

        self.network.transformers_model.save_pretrained(folder, safe_serialization=True)
        self.tokenizer.save_pretrained(folder)
        if self.projection is not None:
            save_file({_PROJECTION: self.projection.cpu().contiguous()}, folder / "projection.safetensors")
        for name in (_PYLATE, _STANFORD):
            if (self.folder / name).exists():
                shutil.copyfile(self.folder / name, folder / name)

    @cached_property
    def projection(self) -> torch.Tensor | None:
        """float32[d, H], or None if the checkpoint has no projection.

        Raises:
            DataError: There are other layers than one projection without bias, activation and residual connection.
        """
        from safetensors import safe_open

        listed = _json(self.folder / "modules.json")
        modules = [module for module in listed if isinstance(module, dict)] if isinstance(listed, list) else []
        layers = [module for module in modules if str(module.get("type", "")).rpartition(".")[2] == "Dense"]
        dense = self.folder / (str(layers[0].get("path", "")) if layers else "1_Dense")
        config = _json(dense / "config.json")
        linear = str(config.get("activation_function", "Identity")).endswith("Identity")
        if len(layers) > 1 or not linear or config.get("bias") or config.get("use_residual"):
            raise DataError(
                "the dense layer is not a plain projection", where=str(dense), allowed="one linear map without bias"
            )
        for path in [*sorted(self.folder.glob("*.safetensors")), *sorted(dense.glob("*.safetensors"))]:
            with safe_open(path, framework="pt") as weights:
                if _PROJECTION in weights.keys():  # noqa: SIM118 - the file is not a mapping
                    projection: torch.Tensor = weights.get_tensor(_PROJECTION).float()
                    return projection
        return None

    def _details(self) -> Sequence[str]:
        settings = self.settings
        return (
            f"queries of {settings.query_length} tokens{', filled up with [MASK]' if settings.expands else ''}",
            f"documents of {settings.document_length or self.network.max_seq_length} tokens",
            "no projection" if self.projection is None else f"projection to {len(self.projection)}",
        )

    @cached_property
    def _skipped(self) -> NDArray[np.int64]:
        """Ids of the tokens of documents that are not matched."""
        ids = self.tokenizer.convert_tokens_to_ids(list(self.settings.skipped))
        return np.array(sorted({i for i in ids if i is not None} - {self.tokenizer.unk_token_id}), dtype=np.int64)

    @cached_property
    def _mask(self) -> int:
        """The token that queries are filled up with.

        Raises:
            DataError: They are to be filled up, and the tokenizer has none.
        """
        mask = self.tokenizer.mask_token_id
        if self.settings.expands and mask is None:
            raise DataError("the tokenizer has no mask token", where=str(self.folder), hint="set augment=false")
        return int(mask or 0)

    def _read(self, texts: Sequence[str], side: Side) -> Inputs:
        inputs = self.tokenisation.read(texts, side)
        if side == "query" and self.settings.expands:
            fill = {"input_ids": self._mask, "attention_mask": int(self.settings.attends)}
            for name, rows in inputs.columns.items():
                for row in rows:
                    row += [fill.get(name, 0)] * (self.settings.query_length - len(row))
        return inputs

    def _vectors(self, texts: Sequence[str], side: Side) -> dict[str, NDArray[np.float32]]:
        """Return float32[L, d] of each text: the unit vectors of its tokens that are matched."""
        memory, distinct = self._memory, sorted(set(texts))
        if sum(map(len, memory.values())) > MEMORY:
            memory.clear()
        missing = [text for text in distinct if (text, side) not in memory]
        if missing:
            inputs, index = self._read(missing, side).distinct()
            matched: dict[int, NDArray[np.float32]] = {}
            with self._inference():
                for batch, hidden in self._computed(inputs, lambda _, f: self._token_vectors(f).float().cpu().numpy()):
                    for i, vectors in zip(batch.tolist(), hidden, strict=False):
                        mask = self._matched(inputs.columns["input_ids"][i], side)
                        matched[i] = vectors[: len(mask)][mask]
            memory.update(((text, side), matched[i]) for text, i in zip(missing, index.tolist(), strict=True))
        return {text: memory[text, side] for text in distinct}

    def _matched(self, ids: Sequence[int], side: Side) -> NDArray[np.bool_]:
        """Return bool[L], the tokens that are matched: all of a query, those of a document that are not skipped."""
        if side == "query":
            return np.ones(len(ids), dtype=np.bool_)
        mask: NDArray[np.bool_] = ~np.isin(np.asarray(ids, dtype=np.int64), self._skipped)
        return mask

    def _token_vectors(self, features: Mapping[str, Any]) -> torch.Tensor:
        """Return unit vectors [B, L, d]."""
        import torch

        hidden = self.network(dict(features))["token_embeddings"].float()
        vectors = hidden if self.projection is None else filled(self._project)(hidden)
        return torch.nn.functional.normalize(vectors, dim=-1)

    def _project(self, hidden: torch.Tensor) -> torch.Tensor:
        return hidden if self.projection is None else hidden @ self.projection.to(hidden.device).T

    def _scorer(self, query: str) -> Callable[[Mapping[str, Any]], torch.Tensor]:
        import torch

        of_query = torch.from_numpy(self._vectors([query], "query")[query]).to(self.device)
        skipped = torch.from_numpy(self._skipped).to(self.device)

        def score(features: Mapping[str, Any]) -> torch.Tensor:
            matches = of_query @ self._token_vectors(features).transpose(1, 2)
            unmatched = torch.isin(features["input_ids"], skipped) | (features["attention_mask"] == 0)
            best = matches.masked_fill(unmatched[:, None], -2.0).amax(2)  # below any cosine
            return best.masked_fill(unmatched.all(1)[:, None], 0.0).sum(1)

        return score


def _json(path: Path) -> Any:
    """Return the content of a JSON file, and an empty mapping where there is none."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except ValueError as error:
        raise DataError(f"not valid JSON: {error}", where=str(path)) from error


def _padded(rows: Sequence[Sequence[int]]) -> torch.Tensor:
    """Return int64[n, L]: the rows, padded with zeros (no token, not attended to)."""
    import torch

    return torch.nn.utils.rnn.pad_sequence([torch.tensor(row, dtype=torch.int64) for row in rows], batch_first=True)
