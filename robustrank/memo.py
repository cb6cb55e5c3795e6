"""What an attack may keep for all targets: values that depend on their keys alone."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


class Memo(Generic[Key, Value]):
    """Remembers values by key; shared by all copies of an attack, whatever is copied for each target.

    The value has to be a function of the key and of what the attack prepared: it must not be drawn from the target's
    generator, nor depend on anything else of the target, or texts depend on the order of the targets.
    """

    def __init__(self) -> None:
        self._values: dict[Key, Value] = {}

    def get(self, key: Key, make: Callable[[], Value]) -> Value:
        """Return the value of a key, made the first time."""
        if key not in self._values:
            self._values[key] = make()
        return self._values[key]
