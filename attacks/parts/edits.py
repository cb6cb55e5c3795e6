"""Perturbations built from edits."""

from __future__ import annotations

from collections.abc import Iterable

from robustrank.attack import Edit, Perturbation, apply_edits


def perturbation_of(text: str, edits: Iterable[Edit], exhausted: bool = False) -> Perturbation:
    """Return the perturbation that applies ``edits`` to ``text``.

    Raises:
        ValueError: Edits overlap, are out of order, or lie outside the text.
    """
    applied = tuple(edits)
    return Perturbation(apply_edits(text, applied), applied, exhausted=exhausted)
