"""Late interaction: each query token is matched with its most similar document token (Khattab, Zaharia, SIGIR 2020)."""

from __future__ import annotations

import json
import string
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from robustrank.errors import DataError
from robustrank.plugins.constraints import Tokens
from robustrank.rankers.ranker import Encoding, Pair, Scores
from robustrank.rankers.transformer import FineTuning, TransformerRanker, document_encoding

if TYPE_CHECKING:
    import torch

MEMORY = 200_000  # token vectors kept in memory
_PROJECTION = "linear.weight"  # the name ColBERT's checkpoints give it


@dataclass
class LateInteractionRanker(TransformerRanker):
    """ColBERT's scoring on any encoder: the sum over query tokens of the largest cosine with a document token.

    The projection of the checkpoint is used if it has one (``linear.weight`` in the model's folder, or in ``1_Dense``);
    otherwise the last layer is used. The [Q] and [D] marker tokens are not inserted: a ColBERT checkpoint that was
    trained with them scores differently here than in the published code.
    """

    query_length: Tokens = 32  # tokens of the query, special tokens included
    augment: bool = False  # fill the query up to query_length with [MASK] tokens, as ColBERT does
    punctuation: bool = False  # whether punctuation in documents can be matched
    max_length: Tokens = 256  # tokens of a document, special tokens included

    auto_class = "AutoModel"
    training = FineTuning(learning_rate=2e-5)

    def score(self, pairs: Sequence[Pair]) -> Scores:
        """Return float32[n]; each distinct text is encoded once and cached in memory."""
        scores = np.empty(len(pairs), dtype=np.float32)
        order = sorted(range(len(pairs)), key=lambda i: pairs[i][1])  # pairs of the same document next to each other
        for start in range(0, len(order), 256):
            batch = order[start : start + 256]
            queries = self._vectors({pairs[i][0] for i in batch}, is_query=True)
            documents = self._vectors({pairs[i][1] for i in batch}, is_query=False)
            for i in batch:
                matches = queries[pairs[i][0]] @ documents[pairs[i][1]].T
                scores[i] = matches.max(axis=1).sum() if matches.size else 0.0
        return scores

    def relevance(self, queries: Sequence[str], documents: Sequence[str]) -> torch.Tensor:
        """Return float32[n], differentiable by the weights."""
        import torch

        self._memory.clear()  # the weights are about to change
        sides = []
        for texts, is_query in ((queries, True), (documents, False)):
            encoded = self._tokenise(list(texts), is_query)
            tensors = {name: _padded(rows) for name, rows in encoded.items()}
            mask = _padded([self._match_mask(ids, is_query).tolist() for ids in encoded["input_ids"]])
            sides.append((self._projected(self.network(**tensors).last_hidden_state), mask))
        (query, query_mask), (document, document_mask) = sides
        matches = torch.bmm(query, document.transpose(1, 2)).masked_fill(document_mask[:, None] == 0, -1.0)
        scores: torch.Tensor = (matches.amax(2) * query_mask).sum(1)
        return scores

    def save(self, folder: Path) -> None:
        """Write weights and tokenizer, and the projection, which training does not change."""
        from safetensors.torch import save_file

        super().save(folder)
        if self.projection is not None:
            save_file({_PROJECTION: self.projection.contiguous()}, folder / "projection.safetensors")

    def encode(self, query: str, document: str) -> Encoding:
        """Tokenise the document as :meth:`score` does."""
        encoded = self.tokenizer(document, truncation=True, max_length=self.max_length, return_offsets_mapping=True)
        return document_encoding(encoded, 0)

    @cached_property
    def projection(self) -> torch.Tensor | None:
        """float32[d, H], or None if the checkpoint has no projection.

        Raises:
            DataError: The dense layer has a bias, an activation or a residual connection.
        """
        from safetensors import safe_open

        dense = self.folder / "1_Dense"
        if (dense / "config.json").exists():
            config = json.loads((dense / "config.json").read_text(encoding="utf-8"))
            linear = str(config.get("activation_function", "Identity")).endswith("Identity")
            if not linear or config.get("bias") or config.get("use_residual"):
                raise DataError(
                    "the dense layer is not a plain projection", where=str(dense), allowed="a linear map without bias"
                )
        for path in [*sorted(self.folder.glob("*.safetensors")), *sorted(dense.glob("*.safetensors"))]:
            with safe_open(path, framework="pt") as weights:
                if _PROJECTION in weights.keys():  # noqa: SIM118 - the file is not a mapping
                    projection: torch.Tensor = weights.get_tensor(_PROJECTION).float()
                    return projection
        return None

    @cached_property
    def _memory(self) -> dict[tuple[str, bool], NDArray[np.float32]]:
        return {}

    @cached_property
    def _skipped(self) -> NDArray[np.int64]:
        """Token ids of punctuation."""
        ids = self.tokenizer.convert_tokens_to_ids(list(string.punctuation))
        return np.array(sorted(set(ids) - {self.tokenizer.unk_token_id}), dtype=np.int64)

    def _vectors(self, texts: Iterable[str], is_query: bool) -> dict[str, NDArray[np.float32]]:
        """Return float32[L, d] of each text: the unit vectors of its tokens."""
        memory, ordered = self._memory, sorted(texts)
        if sum(map(len, memory.values())) > MEMORY:
            memory.clear()
        missing = [text for text in ordered if (text, is_query) not in memory]
        if missing:
            encoded = self._tokenise(missing, is_query)
            with self._inference():
                for batch, tensors in self._batches(dict(encoded)):
                    hidden = self._projected(self.network(**tensors).last_hidden_state.float()).numpy()
                    for i, vectors in zip(batch.tolist(), hidden, strict=False):
                        mask = self._match_mask(encoded["input_ids"][i], is_query)
                        memory[missing[i], is_query] = vectors[: len(mask)][mask]
        return {text: memory[text, is_query] for text in ordered}

    def _tokenise(self, texts: list[str], is_query: bool) -> Any:
        limit = self.query_length if is_query else self.max_length
        encoded = self.tokenizer(texts, truncation=True, max_length=limit)
        if not (is_query and self.augment):
            return encoded
        if self.tokenizer.mask_token_id is None:
            raise DataError("the tokenizer has no mask token", where=str(self.folder), hint="set augment=false")
        fill = {"input_ids": self.tokenizer.mask_token_id}  # [MASK] tokens get vectors, but attention mask 0
        for name, rows in encoded.items():
            for row in rows:
                row += [fill.get(name, 0)] * (limit - len(row))
        return encoded

    def _match_mask(self, ids: Sequence[int], is_query: bool) -> NDArray[np.bool_]:
        """Return bool[L], the tokens that are matched: all tokens of a query, no punctuation of a document."""
        if is_query or self.punctuation:
            return np.ones(len(ids), dtype=np.bool_)
        mask: NDArray[np.bool_] = ~np.isin(np.asarray(ids, dtype=np.int64), self._skipped)
        return mask

    def _projected(self, hidden: torch.Tensor) -> torch.Tensor:
        """Return unit vectors [..., d] of the last layer's [..., H]."""
        import torch

        vectors = hidden if self.projection is None else hidden @ self.projection.T
        return torch.nn.functional.normalize(vectors, dim=-1)

    def _differentiable_score(self, query: str, encoding: Encoding, leaf: torch.Tensor) -> torch.Tensor:
        import torch

        ids, embeddings = self._document_embeddings(encoding, leaf)
        document = self._projected(self.network(inputs_embeds=embeddings).last_hidden_state)[0]
        query_vectors = torch.tensor(self._vectors([query], is_query=True)[query])
        matches = query_vectors @ document[torch.from_numpy(self._match_mask(ids, is_query=False))].T
        return matches.amax(1).sum()


def _padded(rows: Iterable[Sequence[int]]) -> torch.Tensor:
    """Return int64[n, L]: the rows, padded with zeros (no token, not attended to)."""
    import torch

    return torch.nn.utils.rnn.pad_sequence([torch.tensor(row, dtype=torch.int64) for row in rows], batch_first=True)
