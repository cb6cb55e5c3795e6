"""Writes the trigger of a search over slots into a document."""

from __future__ import annotations

from typing import Literal

from robustrank.attack import Perturbation

from .edits import perturbation_of
from .insertion import Position, insertion
from .lexicon import Lexicon, Trigger

Direction = Literal["promote", "demote"]


def sign_of(direction: Direction) -> int:
    """Return 1 for a trigger that is to raise scores, -1 for one that is to lower them."""
    return 1 if direction == "promote" else -1


def with_trigger(
    document: str, trigger: Trigger, lexicon: Lexicon, position: Position, exhausted: bool = False
) -> Perturbation:
    """Return the document with the words of a trigger inserted; a note says how many slots are empty, if any."""
    chosen = lexicon.written(trigger)
    note = f"{len(trigger) - len(chosen)} of {len(trigger)} slots have no word" * (chosen != trigger)
    if not chosen:
        return Perturbation(document, note=note, exhausted=exhausted)
    edited = perturbation_of(document, (insertion(document, " ".join(chosen), position),), exhausted)
    return Perturbation(edited.text, edited.edits, note, exhausted)
