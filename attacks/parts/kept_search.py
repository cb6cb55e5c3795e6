"""How far a search came: of two that differ in their number of steps, the longer goes on where the shorter ended."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from time import monotonic
from typing import Any

import numpy as np

from robustrank.storage import write_file
from robustrank.victim import QueryInterface

SECONDS = 30.0  # between two states of a search that is under way


class KeptSearch:
    """The states of one search by the number of steps after which they were.

    Queries to the victim up to a state that is taken over count as if they were made now.

    Args:
        interface: The victim; its ``search_file`` has the states.
        rng: The search's generator, whose state is part of each.
    """

    def __init__(self, interface: QueryInterface, rng: np.random.Generator) -> None:
        self._meter, self._file, self._rng = interface.meter, interface.search_file, rng
        self._before, self._kept = interface.meter.queries, monotonic()
        self._states: dict[str, Any] = _read(self._file) if self._file else {}

    def resume(self, steps: int) -> tuple[int, Any]:
        """Return the last state that a search of ``steps`` passes, behind its number of steps; 0 and None without."""
        done = max((int(step) for step in self._states if int(step) <= steps), default=0)
        if not done:
            return 0, None
        state = self._states[str(done)]
        self._rng.bit_generator.state = state["rng"]
        self._meter.spend(state["queries"], state["queries"])
        return done, state["search"]

    def keep_now_and_then(self, step: int, search: Callable[[], Mapping[str, Any]]) -> None:
        """Keep a state if half a minute has passed since the last: what a kill may lose."""
        if monotonic() - self._kept > SECONDS:
            self.keep(step, search())

    def keep(self, step: int, search: Mapping[str, Any]) -> None:
        """Keep a state, plain data, beside the others."""
        self._kept = monotonic()
        if self._file:
            queries = self._meter.queries - self._before
            self._states[str(step)] = {"rng": self._rng.bit_generator.state, "queries": queries, "search": search}
            self._file.parent.mkdir(parents=True, exist_ok=True)
            write_file(self._file, json.dumps(self._states))


def _read(file: Path) -> dict[str, Any]:
    """Return the states of a file; none where it is not there, or damaged: then the search begins anew."""
    try:
        states: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return states
