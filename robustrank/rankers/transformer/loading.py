"""Loads a model as its authors ship it, by sentence-transformers; refuses what cannot be honoured."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from robustrank.errors import DataError, RobustrankError
from robustrank.rankers.checkpoint import refuse_damage
from robustrank.rankers.model_files import quiet

Kind = Literal["SentenceTransformer", "CrossEncoder", "SparseEncoder", "tokens"]  # tokens: the first module alone

OUTPUTS = ("scores", "sentence_embedding", "token_embeddings")  # the first that a network has is what it gives


def load_network(kind: Kind, folder: Path, fresh: bool = False, **options: Any) -> Any:
    """Return a model in fp32 and evaluation mode: a torch module of sentence-transformers.

    Args:
        kind: The class of sentence-transformers that reads the folder.
        folder: The model's folder.
        fresh: Whether weights may be initialised at random, since training follows; gradients by the weights are then
            computed too.
        options: Further arguments of the class.

    Raises:
        DataError: The folder holds no such model, needs code, lacks weights that the score depends on, or
            is not as its manifest says.
    """
    import torch

    refuse_damage(folder)
    with quiet(), warnings.catch_warnings(), _recorded() as loaded:
        warnings.simplefilter("ignore")
        try:
            network = _read(kind, folder, options)
        except RobustrankError:
            raise
        except Exception as error:  # whatever the libraries raise on files they cannot read
            raise DataError(
                f"sentence-transformers cannot read the model as {kind}: {_first_lines(error)}",
                where=str(folder),
                hint="check that the folder is whole and of the kind that the ranker reads",
            ) from error
    for parameter in network.parameters():
        if parameter.dtype.is_floating_point and parameter.dtype != torch.float32:
            parameter.data = parameter.data.float()
    if not fresh:
        _refuse_missing(network, loaded, folder)
        network.requires_grad_(False)
    return network.eval()


def _read(kind: Kind, folder: Path, options: Mapping[str, Any]) -> Any:
    import sentence_transformers
    import torch
    from sentence_transformers.base.modules import Transformer

    local: dict[str, Any] = {"local_files_only": True, "trust_remote_code": False}
    model_kwargs = {"dtype": torch.float32, "use_safetensors": True}
    if kind == "tokens":
        module = Transformer(
            str(folder),
            model_kwargs={**local, **model_kwargs},
            processor_kwargs={**local, "use_fast": True},
            config_kwargs=dict(local),
            **options,
        )
        return sentence_transformers.SentenceTransformer(modules=[module], device="cpu")
    model_class = getattr(sentence_transformers, kind)
    return model_class(
        str(folder), device="cpu", model_kwargs=model_kwargs, processor_kwargs={"use_fast": True}, **local, **options
    )


@contextmanager
def _recorded() -> Iterator[list[tuple[Any, Mapping[str, Any]]]]:
    """Record, for each network that transformers loads inside the context, which of its weights the files lack."""
    from transformers import PreTrainedModel

    original, loaded = PreTrainedModel.__dict__["from_pretrained"], []

    def from_pretrained(cls: Any, *args: Any, **options: Any) -> Any:
        network, info = original.__func__(cls, *args, **{**options, "output_loading_info": True})
        loaded.append((network, info))
        return network

    setattr(PreTrainedModel, "from_pretrained", classmethod(from_pretrained))  # noqa: B010 - mypy knows it as a method
    try:
        yield loaded
    finally:
        setattr(PreTrainedModel, "from_pretrained", original)  # noqa: B010


def _refuse_missing(network: Any, loaded: list[tuple[Any, Mapping[str, Any]]], folder: Path) -> None:
    """Refuse a model whose output depends on weights that its files lack; the pooler of an encoder may be missing.

    Raises:
        DataError: There are such weights.
    """
    import torch

    if not (folder / "modules.json").exists():  # then sentence-transformers adds what the kind of model needs
        added = [f"{i}.{name}" for i, module in enumerate(network) if i for name, _ in module.named_parameters()]
        if added:
            raise _lacking(added, folder)
    lacking = {
        name: parameter
        for model, info in loaded
        for name, parameter in model.named_parameters()
        if name in {str(key) for kind in ("missing_keys", "mismatched_keys") for key in info.get(kind) or ()}
    }
    if not lacking:
        return
    with torch.enable_grad():
        features = network(_probe(network))
        output = next(features[name] for name in OUTPUTS if name in features)
        gradients = torch.autograd.grad(output.sum(), list(lacking.values()), allow_unused=True)
    used = [name for name, gradient in zip(lacking, gradients, strict=True) if gradient is not None]
    if used:
        raise _lacking(used, folder)


def _lacking(names: list[str], folder: Path) -> DataError:
    return DataError(
        f"the checkpoint lacks weights that the score depends on: {', '.join(names[:3])}"
        + (f" and {len(names) - 3} more" if len(names) > 3 else ""),
        where=str(folder),
        allowed="a checkpoint with all its weights",
        hint="train the ranker first (`train` in the experiment file, or robustrank train), or choose the kind of "
        "ranker that the checkpoint is for",
    )


def _probe(network: Any) -> dict[str, Any]:
    """Return the features of a short text or pair."""
    pair = type(network).__name__ == "CrossEncoder"
    features: dict[str, Any] = network.preprocess([("query", "document")] if pair else ["text"])
    return features


def _first_lines(error: Exception) -> str:
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= 400 else f"{text[:400]}…"
