"""Language models of transformers on this machine: causal ones, and encoder-decoders such as monoT5.

Prompts are read one at a time, so that an answer does not depend on its company, not even in its last bits.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from robustrank.errors import DataError
from robustrank.language_model import Continuations, LanguageModel, language_model, language_model_digest
from robustrank.plugins.constraints import Tokens
from robustrank.rankers import runtime
from robustrank.rankers.llm.backend import TOP, Answer, Backend, CallFailed, Decoding, NextToken
from robustrank.rankers.llm.prompt import Prompt
from robustrank.rankers.model_files import load_model, load_tokenizer, model_folder, weights_digest


@dataclass
class TransformersBackend(Backend):
    """A causal language model on this machine: a folder with safetensors, a GGUF file, or a name on the hub.

    A chat is rendered by the tokenizer's chat template; where there is none, its turns are joined by empty lines.
    """

    model: str  # a folder with safetensors, a .gguf file, smollm2, or a name on the Hugging Face hub
    revision: str | None = None  # commit, branch or tag on the hub
    thinking: bool = False  # what chat templates get as enable_thinking
    start: bool = True  # whether <|endoftext|>, or else the tokenizer's first token, is put before a plain text
    end: str = ""  # text behind a plain text that is embedded, as <|endoftext|>

    @property
    def fingerprint(self) -> str:
        """The model's files."""
        return language_model_digest(self.model, self.revision)

    @property
    def context(self) -> int | None:
        """The positions that the network has."""
        config = self._model.network.config
        return getattr(config, "max_position_embeddings", None) or getattr(config, "n_positions", None)

    @property
    def special_tokens(self) -> tuple[str, ...]:
        """Those of the tokenizer, and its added tokens."""
        tokenizer = self._model.tokenizer
        return tuple(dict.fromkeys([*tokenizer.all_special_tokens, *tokenizer.get_added_vocab()]))

    @property
    def about(self) -> tuple[str, ...]:
        """How chats are rendered."""
        return ("It runs in float32 with a batch of one prompt, by its chat template if it has one.",)

    def check(self) -> None:
        """Refuse a model that is missing."""
        language_model_digest(self.model, self.revision)

    def count_tokens(self, prompt: Prompt) -> int:
        """Return the number of tokens of a prompt."""
        return len(self._ids(prompt))

    def generate(self, prompt: Prompt, decoding: Decoding) -> Answer:
        """Return the continuation, greedy at temperature 0; each token is read once."""
        ids = self._fitting(prompt, 1)
        rng = np.random.default_rng(decoding.seed)
        written: list[int] = []
        reader = Continuations(self._model, ids, start=False)
        limit = min(decoding.max_tokens, (self.context or 10**9) - len(ids))
        while len(written) < limit:
            token = _chosen(reader.log_probabilities()[0], decoding, rng)
            if token in self._ends:
                return self._answer(written, "stop", len(ids))
            written.append(token)
            if decoding.stop and (cut := _cut(self._model.tokenizer.decode(written), decoding.stop)) is not None:
                return Answer(cut, finish_reason="stop", tokens_in=len(ids), tokens_out=len(written))
            if len(written) < limit:
                reader.extend([0], [token])
        return self._answer(written, "length", len(ids))

    def next_token(self, prompt: Prompt, spellings: Sequence[str]) -> NextToken:
        """Return the distribution of the next token."""
        ids = self._fitting(prompt, 0)
        logs = Continuations(self._model, ids, start=False).log_probabilities()[0]
        return distribution(logs, self._model.tokenizer, spellings, len(ids))

    def log_likelihood(self, prompt: Prompt, continuation: str) -> tuple[float, int]:
        """Return the log-likelihood of a continuation's tokens by one forward pass."""
        tokens = self._model.tokenizer(continuation, add_special_tokens=False)["input_ids"]
        if not tokens:
            return 0.0, 0
        ids = self._fitting(prompt, len(tokens))
        return self._model.mean_log_probability(ids, tokens) * len(tokens), len(tokens)

    def embed(self, prompt: Prompt) -> NDArray[np.float32]:
        """Return the last token's state, of length 1."""
        import torch

        end = "" if prompt.turns else self.end
        ids = [*self._fitting(prompt, 1), *self._model.tokenizer(end, add_special_tokens=False)["input_ids"]]
        with torch.inference_mode():
            base = self._model.network.base_model
            states = base(torch.tensor([ids], device=runtime.device()), use_cache=False).last_hidden_state
            vector: NDArray[np.float32] = torch.nn.functional.normalize(states[0, -1].float(), dim=-1).cpu().numpy()
        return vector

    def rendered(self, prompt: Prompt) -> str:
        """Return the text that is tokenised: by the chat template, or of the prompt as it is."""
        if not self._is_chat(prompt):
            return prompt.plain
        chat = [{"role": turn.role, "content": turn.text} for turn in prompt.turns]
        text: str = self._model.tokenizer.apply_chat_template(
            chat, tokenize=False, add_generation_prompt=True, enable_thinking=self.thinking
        )
        return text if text.endswith(prompt.prefix) else text + prompt.prefix  # as the empty thought of Qwen3

    @cached_property
    def _model(self) -> LanguageModel:
        return language_model(self.model, self.revision)

    @cached_property
    def _ends(self) -> frozenset[int]:
        """The tokens that end an answer."""
        generation = getattr(self._model.network, "generation_config", None)
        ends = [self._model.tokenizer.eos_token_id, getattr(generation, "eos_token_id", None)]
        flat = [token for end in ends for token in (end if isinstance(end, list) else [end])]
        return frozenset(token for token in flat if token is not None)

    def _answer(self, tokens: list[int], reason: str, read: int) -> Answer:
        text = self._model.tokenizer.decode(tokens)
        return Answer(text, finish_reason=reason, tokens_in=read, tokens_out=len(tokens))

    def _fitting(self, prompt: Prompt, more: int) -> list[int]:
        """Return the tokens of a prompt that leaves room for ``more``."""
        ids = self._ids(prompt)
        if self.context is not None and len(ids) + more > self.context:
            raise CallFailed(f"the prompt has {len(ids)} tokens, and the model reads {self.context}", where=self.model)
        return ids

    def _ids(self, prompt: Prompt) -> list[int]:
        ids: list[int] = self._model.tokenizer(self.rendered(prompt), add_special_tokens=False)["input_ids"]
        start = [self._model.start] if self.start and not self._is_chat(prompt) else []
        return ids if ids[:1] == start else [*start, *ids]

    def _is_chat(self, prompt: Prompt) -> bool:
        return bool(prompt.turns and self._model.tokenizer.chat_template)


@dataclass
class Seq2SeqBackend(Backend):
    """An encoder-decoder on this machine, as monoT5: the distribution of the first token that it writes."""

    model: str  # a folder with safetensors, or a name on the Hugging Face hub
    revision: str | None = None  # commit, branch or tag on the hub
    max_length: Tokens = 512  # tokens of a prompt; of a longer one the end is not read, and the call fails

    @property
    def fingerprint(self) -> str:
        """The model's files."""
        return weights_digest(model_folder(self.model, self.revision))

    @property
    def context(self) -> int:
        """Tokens of a prompt."""
        return self.max_length

    def check(self) -> None:
        """Refuse a model that is missing."""
        model_folder(self.model, self.revision)

    def count_tokens(self, prompt: Prompt) -> int:
        """Return the number of tokens of a prompt."""
        return len(self._tokenizer(prompt.plain)["input_ids"])

    def next_token(self, prompt: Prompt, spellings: Sequence[str]) -> NextToken:
        """Return the distribution of the first token that the decoder writes."""
        import torch

        ids = self._tokenizer(prompt.plain)["input_ids"]
        if len(ids) > self.max_length:
            raise CallFailed(f"the prompt has {len(ids)} tokens, and the model reads {self.max_length}")
        start = self._network.config.decoder_start_token_id
        if start is None:
            raise DataError("the model has no decoder_start_token_id", where=self.model)
        with torch.inference_mode():
            inputs, first = (torch.tensor([part], device=runtime.device()) for part in (ids, [start]))
            logits = self._network(input_ids=inputs, decoder_input_ids=first).logits[0, -1].float()
            logs: NDArray[np.float32] = torch.log_softmax(logits, dim=-1).cpu().numpy()
        return distribution(logs, self._tokenizer, spellings, len(ids))

    @cached_property
    def _network(self) -> Any:
        folder = model_folder(self.model, self.revision)
        return load_model("AutoModelForSeq2SeqLM", folder).to(runtime.device())

    @cached_property
    def _tokenizer(self) -> Any:
        return load_tokenizer(model_folder(self.model, self.revision))


def distribution(logs: NDArray[np.float32], tokenizer: Any, spellings: Sequence[str], read: int) -> NextToken:
    """Return the most probable tokens, and the log-probabilities of spellings that are single tokens.

    Args:
        logs: float32[V], log-probabilities.
        tokenizer: Of the model.
        spellings: Texts; of two that are the same token the first stays.
        read: Tokens of the prompt.
    """
    best = np.argsort(-logs, kind="stable")[:TOP]
    top = tuple((tokenizer.decode([int(token)]), float(logs[token])) for token in best)
    ids: dict[int, str] = {}
    for spelling in spellings:
        tokens = tokenizer(spelling, add_special_tokens=False)["input_ids"]
        if len(tokens) == 1 and tokens[0] != tokenizer.unk_token_id:
            ids.setdefault(tokens[0], spelling)
    spelled: Mapping[str, float] = {spelling: float(logs[token]) for token, spelling in ids.items()}
    return NextToken(top, spelled, is_complete=True, tokens_in=read)


def _chosen(logs: NDArray[np.float32], decoding: Decoding, rng: np.random.Generator) -> int:
    """Return the next token: the most probable, or one drawn from the nucleus at a temperature."""
    if decoding.temperature == 0:
        return int(logs.argmax())
    scaled = logs.astype(np.float64) / decoding.temperature
    shares = np.exp(scaled - scaled.max())
    order = np.argsort(-shares, kind="stable")
    sums = np.cumsum(shares[order] / shares.sum())
    nucleus = order[: int(np.searchsorted(sums, decoding.top_p)) + 1]
    return int(rng.choice(nucleus, p=shares[nucleus] / shares[nucleus].sum()))


def _cut(text: str, stops: Sequence[str]) -> str | None:
    """Return a text before the first stop in it; None where there is none."""
    ends = [position for stop in stops if (position := text.find(stop)) >= 0]
    return text[: min(ends)] if ends else None
