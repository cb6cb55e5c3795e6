"""Networks that compute in onnxruntime: the transformer is exported once as a graph, which stays in the cache folder.

Tokens, pooling and whatever else a model has behind its transformer stay as they are, and so do gradients, which torch
computes. In int8 the weights are quantised beforehand, and the activations by the range of their batch: so a batch has
one text, since a score would depend on its company otherwise.
"""

from __future__ import annotations

import hashlib
import logging
import shutil
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from robustrank.errors import DataError, UsageError
from robustrank.kept import kept_folder

if TYPE_CHECKING:
    import torch

Precision = Literal["fp32", "int8"]

_GRAPH = "model.onnx"
_EXPORT = "2"  # another one where what is exported changes
_OPSET = 17  # of ONNX: the first with layer normalisation
_TOLERANCE = 1e-4  # of the largest value: how far a graph in fp32 may be from its network
_EXPORTED = ("a short text", "and a text that has some more words, of which a few are rarer: naïve, 1984")
_CHECKED = ("one more text, of a third length", "this")


def libraries() -> str:
    """Return the versions of the libraries that a score depends on.

    Raises:
        UsageError: One of them is not installed.
    """
    return " ".join(f"{name} {_library(name).__version__}" for name in ("onnxruntime", "onnx"))


def compute_in_onnxruntime(network: Any, identity: str, precision: Precision, where: Path) -> None:
    """Have a network's transformer compute in onnxruntime wherever no gradients are computed.

    Args:
        network: A model of sentence-transformers on the processor.
        identity: What decides the weights.
        precision: fp32, or int8: dynamically quantised.
        where: The model's folder, for messages.

    Raises:
        UsageError: The libraries are not installed.
        DataError: The transformer cannot be exported, or the folder cannot be written.
    """
    transformer = network[0]
    if type(transformer).__name__ != "Transformer":
        raise DataError(
            f"the model begins with a {type(transformer).__name__}, and onnxruntime computes plain transformers alone",
            where=str(where),
            hint="use backend=torch",
        )
    computed = type(network).__name__, type(transformer.model).__name__, transformer.module_output_name
    parts = (_EXPORT, identity, precision, *computed, libraries(), version("torch"), version("transformers"))
    key = hashlib.sha256("\n".join(parts).encode()).hexdigest()[:32]
    folder = kept_folder("graphs", key, lambda new: _export(network, new, precision, where), by_size=False)
    transformer.forward = _Graph(folder / _GRAPH, transformer)


class _Graph:
    """Computes the features of a transformer that it was exported from.

    Args:
        path: The graph.
        transformer: The module, which computes the gradients.
    """

    def __init__(self, path: Path, transformer: Any) -> None:
        import torch

        runtime = _library("onnxruntime")
        options = runtime.SessionOptions()
        options.intra_op_num_threads = torch.get_num_threads()
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # other workers need the cores
        self._session = runtime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        self._names = [given.name for given in self._session.get_inputs()]
        self._plain, self._output = transformer.forward, transformer.module_output_name

    def __call__(self, features: dict[str, Any], **options: Any) -> dict[str, Any]:
        import torch

        if torch.is_grad_enabled():
            computed: dict[str, Any] = self._plain(features, **options)
            return computed
        (values,) = self._session.run(None, {name: features[name].numpy() for name in self._names})
        return {**features, self._output: torch.from_numpy(values)}


def _export(network: Any, folder: Path, precision: Precision, where: Path) -> None:
    """Write the graph of a network's transformer.

    Raises:
        DataError: It cannot be exported, or gives other values than the network.
    """
    try:
        with _quiet():
            _trace(network, folder / _GRAPH)
            difference = _difference(network, folder / _GRAPH)
            if precision == "int8":
                _quantise(folder)
    except Exception as error:  # whatever the libraries raise on networks that they cannot export
        raise _no_graph(" ".join(str(error).split())[:300], where) from error
    if not difference <= _TOLERANCE:
        raise _no_graph(f"its values would be off by {difference:.1e} of the largest", where)


def _trace(network: Any, path: Path) -> None:
    import torch

    transformer, features = network[0], _features(network, _EXPORTED)
    names = [name for name, value in features.items() if isinstance(value, torch.Tensor)]

    class Outputs(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.transformer = transformer

        def forward(self, *given: torch.Tensor) -> torch.Tensor:
            values: torch.Tensor = transformer(dict(zip(names, given, strict=True)))[transformer.module_output_name]
            return values

    with torch.no_grad():
        wide = Outputs()(*(features[name] for name in names)).ndim > 2
        axes = {name: {0: "texts", 1: "tokens"} for name in names}
        torch.onnx.export(
            Outputs().eval(),
            tuple(features[name] for name in names),
            str(path),
            input_names=names,
            output_names=["values"],
            dynamic_axes={**axes, "values": {0: "texts", 1: "tokens"} if wide else {0: "texts"}},
            opset_version=_OPSET,
            dynamo=False,  # the newer exporter needs more libraries and is slower
        )


def _quantise(folder: Path) -> None:
    """Put a graph with weights in int8 in the place of one in fp32."""
    (folder / "fp32").mkdir()
    for path in [path for path in folder.iterdir() if path.is_file()]:  # large weights are in files beside the graph
        path.rename(folder / "fp32" / path.name)
    plain, quantised = folder / "fp32" / _GRAPH, folder / _GRAPH
    quantise = _library("onnxruntime.quantization").quantize_dynamic
    quantise(plain, quantised, per_channel=True, op_types_to_quantize=["MatMul", "Gemm"])  # embeddings stay in fp32
    shutil.rmtree(folder / "fp32")


def _difference(network: Any, path: Path) -> float:
    """Return how far a graph is from its network on texts of other lengths than it was exported with."""
    import torch

    transformer, differences = network[0], []
    graph, name = _Graph(path, transformer), transformer.module_output_name
    with torch.no_grad():
        for texts in (_CHECKED[:1], _CHECKED):
            features = _features(network, texts)
            expected, values = transformer(dict(features))[name], graph(features)[name]
            seen = features["attention_mask"].bool() if expected.ndim > 2 else ...
            differences.append((expected - values)[seen].abs().max() / expected.abs().max())
    return float(max(differences))


def _features(network: Any, texts: Sequence[str]) -> dict[str, Any]:
    """Return the features of texts, or of pairs with one query."""
    pairs = type(network).__name__ == "CrossEncoder"
    features: dict[str, Any] = network.preprocess([("a query", text) for text in texts] if pairs else list(texts))
    return features


def _library(name: str) -> Any:
    try:
        return import_module(name)  # not an import statement: the version is no part of what torch computes
    except ImportError as error:
        raise UsageError(
            f"backend onnxruntime: {name} is not installed", hint='pip install "robustrank[onnxruntime]"'
        ) from error


def _no_graph(reason: str, where: Path) -> DataError:
    return DataError(
        f"the model cannot be exported for onnxruntime: {reason}",
        where=str(where),
        hint="use backend=torch; decoders are exported with transformers 5 alone",
    )


@contextmanager
def _quiet() -> Iterator[None]:
    """Suppress what the exporter and the quantiser say of themselves."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)
