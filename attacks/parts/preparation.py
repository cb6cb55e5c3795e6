"""State that an attack computes in ``prepare`` and reads in ``perturb``."""

from __future__ import annotations

from typing import TypeVar

State = TypeVar("State")


def require_prepared(state: State | None) -> State:
    """Return ``state``.

    Raises:
        RuntimeError: It is None, because ``prepare`` was not called.
    """
    if state is None:
        raise RuntimeError("the attack is not prepared: call prepare(interface, collection, rng) before perturb")
    return state
