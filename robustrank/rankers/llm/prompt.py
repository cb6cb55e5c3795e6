"""Prompts as backends get them: turns of a chat, or a plain text, and the start of the answer."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from robustrank.records import Document

Role = Literal["system", "user", "assistant"]
ROLES: tuple[Role, ...] = ("system", "user", "assistant")


@dataclass(frozen=True)
class Turn:
    """One message of a chat."""

    role: Role
    text: str


@dataclass(frozen=True)
class Shown:
    """A document as a prompt shows it."""

    label: str  # its identifier in the prompt, as "3" or "B"; empty where there is none
    text: str  # prepared: shortened, sanitised
    document: Document  # as the request has it
    score: float | None = None  # of the first stage


@dataclass(frozen=True)
class Prompt:
    """What a language model reads.

    Attributes:
        turns: The messages of a chat; none where ``text`` is a plain text.
        text: What a model without a chat reads.
        prefix: The start of the answer, which the model continues.
        query, shown: What the prompt shows. No model sees them; a scripted backend may, and a replay does not
            depend on them.
    """

    turns: tuple[Turn, ...] = ()
    text: str = ""
    prefix: str = ""
    query: str = field(default="", compare=False)
    shown: tuple[Shown, ...] = field(default=(), compare=False)

    @property
    def digest(self) -> str:
        """The SHA-256 of all that a model reads, in hexadecimal."""
        parts = [[(turn.role, turn.text) for turn in self.turns], self.text, self.prefix]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()

    @property
    def plain(self) -> str:
        """Return all that is read as one text, for models without a chat template: turns are separated by a line."""
        return "\n\n".join([*(turn.text for turn in self.turns), self.text]).strip("\n") + (
            f"\n\n{self.prefix}" if self.turns else self.prefix
        )

    def label_of(self, doc_ids: Sequence[str]) -> str:
        """Return the label of the first of these documents that the prompt shows; for scripts."""
        labels = {shown.document.doc_id: shown.label for shown in self.shown}
        return next(labels[doc_id] for doc_id in doc_ids if doc_id in labels)
