"""Models in memory: what several rankers of a process read is loaded once, by identity, not by object or path."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any, TypeVar
from weakref import WeakValueDictionary

KEPT = 12  # that stay in memory though nothing uses them: more than the models of a cell

Value = TypeVar("Value")

_used: WeakValueDictionary[Hashable, Any] = WeakValueDictionary()
_recent: OrderedDict[Hashable, Any] = OrderedDict()


def load_once(identity: Hashable, load: Callable[[], Value]) -> Value:
    """Return what is in memory under an identity, or load it.

    It stays in memory while anything holds it, and the last few beyond that, until :func:`release`. Whoever asks for it
    shares it, so nobody may change it.

    Args:
        identity: All that decides the value: content of files, parameters, device; no path.
        load: Makes it, as something that weak references can point to.
    """
    value: Value | None = _used.get(identity)
    if value is None:
        value = _used[identity] = load()
    _recent[identity] = value
    _recent.move_to_end(identity)
    while len(_recent) > KEPT:
        _recent.popitem(last=False)
    return value


def is_loaded(identity: Hashable) -> bool:
    """Return whether something is in memory under an identity."""
    return identity in _used


def release() -> None:
    """Let go of what nothing uses: a run has ended."""
    _recent.clear()
