"""A causal language model small enough to make in a test: random weights over a vocabulary learned from a few texts."""

from __future__ import annotations

import tempfile
from functools import cache
from pathlib import Path

from tests.rankers.tiny_models import tokenizer

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

    folder = Path(_temporary().name) / "language-model"
    words = Tokenizer(models.BPE())
    words.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    words.decoder = decoders.ByteLevel()
    words.train_from_iterator(TEXTS, trainers.BpeTrainer(vocab_size=400, special_tokens=["<s>"], show_progress=False))
    PreTrainedTokenizerFast(tokenizer_object=words, bos_token="<s>", eos_token="<s>").save_pretrained(folder)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        config = GPT2Config(
            vocab_size=400, n_positions=512, n_embd=16, n_layer=1, n_head=2, bos_token_id=0, eos_token_id=0
        )
        GPT2LMHeadModel(config).save_pretrained(folder)
    return str(folder)


@cache
def tiny_label_model() -> str:
    """Return the folder of a model of random weights that knows few tokens beside labels: one is always probable."""
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import GPT2Config, GPT2LMHeadModel, PreTrainedTokenizerFast

    folder = Path(_temporary().name) / "label-model"
    known = ["<s>", "[UNK]", "Yes", "yes", "No", "no", "true", "false", *"01234", *"ABCDEF", "wings", "budget", "fox"]
    words = Tokenizer(models.WordLevel({word: number for number, word in enumerate(known)}, "[UNK]"))
    words.pre_tokenizer = pre_tokenizers.Whitespace()
    tokens = PreTrainedTokenizerFast(tokenizer_object=words, bos_token="<s>", eos_token="<s>", unk_token="[UNK]")
    tokens.save_pretrained(folder)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        config = GPT2Config(
            vocab_size=len(known), n_positions=512, n_embd=16, n_layer=1, n_head=2, initializer_range=0.5
        )
        GPT2LMHeadModel(config).save_pretrained(folder)
    return str(folder)


@cache
def tiny_paraphraser() -> str:
    """Return the folder of a sequence-to-sequence model with random weights."""
    import torch
    from transformers import BartConfig, BartForConditionalGeneration

    words = tokenizer("bert")
    config = BartConfig(
        len(words), 64, encoder_layers=1, decoder_layers=1, encoder_attention_heads=2, decoder_attention_heads=2,
        d_model=16, encoder_ffn_dim=16, decoder_ffn_dim=16, pad_token_id=0, bos_token_id=2, eos_token_id=3,
        decoder_start_token_id=2, forced_eos_token_id=None,
    )  # fmt: skip
    folder = Path(_temporary().name) / "paraphraser"
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        BartForConditionalGeneration(config).save_pretrained(folder)
    words.save_pretrained(folder)
    return str(folder)


@cache
def _temporary() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="robustrank-tiny-language-model-")
