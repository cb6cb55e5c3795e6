"""Documents as prompts show them: on one line, shortened, and sanitised of what a prompt uses as its structure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal

Sanitise = Literal["none", "labels", "full"]

# Identifiers in the spellings of the prompts: [3], [B], Passage A:, Document 3:
_BRACKETED = re.compile(r"\[\s*(\d+|[A-Za-z])\s*\]")
_NAMED = re.compile(r"\b(Passage|Document|Doc)\s+([A-Z]|\d+)\s*:", re.IGNORECASE)
_TAGS = re.compile(r"</?\s*(?:think|thinking|answer|reason|reasoning|query|document|instruct)\s*>", re.IGNORECASE)
_FENCES = re.compile(r"`{3,}|~{3,}")
# Special tokens of chat templates in common use, whatever the tokenizer: <|im_start|>, [INST], <<SYS>>, <s>, <bos> …
_ROLE_TOKENS = re.compile(
    r"<\|[^|<>]{1,40}\|>|\[/?INST\]|<</?SYS>>|</?s>|<(?:bos|eos|pad|unk)>|<(?:start|end)_of_turn>|<｜[^<>]{1,40}｜>",
    re.IGNORECASE,
)


def one_line(text: str) -> str:
    """Return a text with each run of white space as one space."""
    return " ".join(text.split())


def sanitised(text: str, how: Sanitise, special_tokens: Sequence[str] = ()) -> str:
    """Return a text without what a prompt could take for its structure.

    Args:
        text: The text.
        how: ``labels`` rewrites identifiers, as [3] to (3) and "Passage A:" to "Passage (A)"; ``full`` also removes
            special tokens, tags of reasoning and answers, and code fences, until none is left.
        special_tokens: Those of the model's tokenizer.
    """
    if how == "none":
        return text
    if how == "full":
        text = _without_structure(text, special_tokens)
    return _NAMED.sub(r"\1 (\2)", _BRACKETED.sub(r"(\1)", text))


def _without_structure(text: str, special_tokens: Sequence[str]) -> str:
    tokens = sorted((token for token in special_tokens if token.strip()), key=len, reverse=True)
    before = None
    while text != before:  # what is removed may join what makes another token
        before = text
        for token in tokens:
            text = text.replace(token, " ")
        for pattern in (_ROLE_TOKENS, _TAGS, _FENCES):
            text = pattern.sub(" ", text)
    return text


def first_words_end(text: str, count: int) -> int:
    """Return where the first ``count`` words of a text end; its length if it has fewer."""
    for number, match in enumerate(re.finditer(r"\S+", text), start=1):
        if number == count:
            return match.end()
    return len(text)


def prepared(text: str, words: int, how: Sanitise, special_tokens: Sequence[str] = ()) -> str:
    """Return the first words of a text, sanitised, on one line."""
    return one_line(sanitised(text[: first_words_end(text, words)], how, special_tokens))
