"""A cross-encoder whose head begins as the cosine of its two segments: it keeps what a bi-encoder knows.

One encoder reads query and document together, as one segment to its embeddings, with full attention between them. The
score is that of the mean vectors of the two parts: their cosine, and a linear function of both that training learns.
So an encoder that was tuned as a bi-encoder ranks before any training of the head, where a fresh classifier would rank
at random.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from robustrank.errors import DataError
from robustrank.rankers.transformer.cross_encoder import PairRanker
from robustrank.rankers.transformer.ranker import FineTuning

if TYPE_CHECKING:
    import torch

HEAD = "segment_head"
SCALE = 20.0  # of the cosine, before training


@dataclass
class SegmentCosineRanker(PairRanker):
    """Scores a pair by the cosine of its two segments, read together, and a learned linear function of their vectors.

    Any encoder whose tokenizer tells the segments of a pair by token types, as BERT's. A checkpoint without a trained
    head, as ``minilm``, is read with the cosine alone, and is no worse for it than a lexical ranker.
    """

    model: str  # a folder, a name on the Hugging Face hub, or minilm

    kind = "tokens"
    training = FineTuning(learning_rate=4e-5, head_learning_rate=1e-3)

    def save(self, folder: Path) -> None:
        """Write encoder, head and tokenizer."""
        self.network.transformers_model.save_pretrained(folder, safe_serialization=True)
        self.tokenizer.save_pretrained(folder)

    def _details(self) -> tuple[str, ...]:
        return ("trained head" if _saved_head(self.folder) else "untrained head: the cosine of the segments",)

    def _loaded(self, fresh: bool, **options: Any) -> Any:
        network = super()._loaded(fresh, **options)
        if "token_type_ids" not in network.tokenizer.model_input_names:
            raise DataError(
                "the tokenizer does not tell the two segments of a pair",
                where=str(self.folder),
                allowed="encoders with token types, as BERT",
            )
        head = _head(network.config.hidden_size)
        if saved := _saved_head(self.folder):
            head.load_state_dict(saved)
        network.transformers_model.add_module(HEAD, head.requires_grad_(fresh).to(self.device))
        return network

    def _relevance(self, features: Mapping[str, Any]) -> torch.Tensor:
        import torch

        segments, mask = features["token_type_ids"], features["attention_mask"]
        read = {**features, "token_type_ids": torch.zeros_like(segments)}
        hidden = self.network(read)["token_embeddings"].float()
        with torch.autocast(self.device, enabled=False):
            parts = [_mean(hidden, mask * (segments == segment)) for segment in (0, 1)]
            scores: torch.Tensor = getattr(self.network.transformers_model, HEAD)(*parts)
        return scores


def _head(width: int) -> Any:
    """Return a torch module: two unit vectors float32[B, width] to float32[B]."""
    import torch

    class Head(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.scale = torch.nn.Parameter(torch.tensor(SCALE))
            self.linear = torch.nn.Linear(4 * width, 1)
            torch.nn.init.zeros_(self.linear.weight)
            torch.nn.init.zeros_(self.linear.bias)

        def forward(self, query: torch.Tensor, document: torch.Tensor) -> torch.Tensor:
            product = query * document
            learned = self.linear(torch.cat([query, document, product, (query - document).abs()], dim=1))[:, 0]
            scores: torch.Tensor = self.scale * product.sum(1) + learned
            return scores

    return Head()


def _mean(hidden: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Return the unit mean vector of the tokens of a mask, float32[B, H]; zeros where there is none."""
    import torch

    sums: torch.Tensor = (hidden * mask[:, :, None].to(hidden.dtype)).sum(1)
    return torch.nn.functional.normalize(sums, dim=1)


def _saved_head(folder: Path) -> dict[str, torch.Tensor]:
    """Return the weights of the head that a folder holds, by their names in the head; none if it holds none."""
    from safetensors import safe_open

    weights = {}
    for path in sorted(folder.glob("*.safetensors")):
        with safe_open(path, framework="pt") as file:
            for name in file.keys():  # noqa: SIM118 - the file is not a mapping
                if name.startswith(f"{HEAD}."):
                    weights[name.removeprefix(f"{HEAD}.")] = file.get_tensor(name).float()
    return weights
