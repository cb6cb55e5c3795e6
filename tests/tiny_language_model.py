"""A causal language model small enough to make in a test: random weights over a vocabulary learned from a few texts."""

from __future__ import annotations

import tempfile
from functools import cache
from pathlib import Path

TEXTS = [
    "The quick brown fox jumps over the lazy dog near the river bank.",
    "Aircraft wings generate lift because the air pressure above them is lower.",
    "Ministers met in the capital to discuss the budget and the economy.",
    "It is known that pressure on wings grows with speed and that shock waves heat walls.",
]


@cache
def tiny_language_model() -> str:
    """Return the folder of the model; it goes when the process ends."""
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import GPT2Config, GPT2LMHeadModel, PreTrainedTokenizerFast

    folder = Path(_temporary().name)
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.train_from_iterator(
        TEXTS, trainers.BpeTrainer(vocab_size=400, special_tokens=["<s>"], show_progress=False)
    )
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, bos_token="<s>", eos_token="<s>").save_pretrained(folder)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        config = GPT2Config(
            vocab_size=400, n_positions=512, n_embd=16, n_layer=1, n_head=2, bos_token_id=0, eos_token_id=0
        )
        GPT2LMHeadModel(config).save_pretrained(folder)
    return str(folder)


@cache
def _temporary() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="robustrank-tiny-language-model-")
