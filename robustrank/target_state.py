"""Each target gets its own copy of an attack's mutable state, so that a text never depends on the targets before it.

Copied are plain containers and objects of the attack's own package. Shared by all targets are the framework's objects
(rankers, tables, views of gradients), those of libraries, and what is large: large containers and arrays are handed
out read-only.
"""

from __future__ import annotations

import copy
import random
import sys
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Iterable, Iterator
from functools import partial
from types import GeneratorType, MethodType
from typing import Any

import numpy as np

from robustrank.attack import Attack
from robustrank.errors import PluginError
from robustrank.rankers.ranker import Ranker
from robustrank.read_only import read_only

MAX_COPIED_ITEMS = 20_000  # of a container; a larger one is shared, read-only
MAX_COPIED_BYTES = 1 << 20  # of an array
_CONTAINERS = (dict, list, set, tuple, frozenset, deque, defaultdict, OrderedDict, Counter)
_COPIED = (random.Random, np.random.Generator, np.random.RandomState, MethodType, partial, bytearray)
_ATOMS = (str, int, float, bool, bytes, complex, type(None))
_FRAMEWORK = "robustrank"
_CATALOGUE = "robustrank.attacks"  # its modules are not the framework's


class TargetStates:
    """Makes the copies of one attack, after it was prepared."""

    def __init__(self, attack: Attack) -> None:
        self._attack = attack
        self._own = {_package(cls.__module__) for cls in type(attack).__mro__} - {_FRAMEWORK, "abc", "builtins"}
        self._shared: dict[int, Any] = {}  # by the id of what it stands for: what all copies have in its place
        self._flat: list[Any] = []  # containers of strings and numbers, copied as a whole
        self._seen: list[Any] = []  # keeps ids valid
        self._visit(attack)

    def copy(self) -> Attack:
        """Return an attack with a state of its own."""
        memo = {**self._shared, **{id(value): copy.copy(value) for value in self._flat}}
        try:
            return copy.deepcopy(self._attack, memo)
        except (TypeError, ValueError) as error:
            raise PluginError(
                f"attack {type(self._attack).__name__} cannot be copied: {error}",
                hint="each target gets its own copy of the attack; keep what cannot be copied out of its attributes",
            ) from error

    def _visit(self, root: Any) -> None:
        waiting, visited = [root], set()
        while waiting:
            value = waiting.pop()
            if isinstance(value, _ATOMS) or id(value) in visited:
                continue
            visited.add(id(value))
            self._seen.append(value)
            waiting += self._parts(value)

    def _parts(self, value: Any) -> Iterable[Any]:
        """Decide how a value is copied, and return what in it is to be decided on its own."""
        if type(value) in _CONTAINERS:
            return self._container(value)
        if isinstance(value, np.ndarray):
            if value.nbytes > MAX_COPIED_BYTES:
                self._shared[id(value)] = read_only(value)
            return ()
        if isinstance(value, GeneratorType):
            raise PluginError(
                f"attack {type(self._attack).__name__} holds the generator {value.__qualname__!r}",
                hint="a generator cannot be copied for each target; make it in perturb, or keep a list",
            )
        if isinstance(value, MethodType):
            return (value.__self__,)
        if isinstance(value, partial):
            return (value.func, *value.args, *value.keywords.values())
        if self._is_own(value):
            return _attributes(value)
        if not isinstance(value, _COPIED):
            self._shared[id(value)] = value
        return ()

    def _container(self, value: Any) -> Iterable[Any]:
        if isinstance(value, tuple | frozenset) and all(isinstance(item, _ATOMS) for item in value):
            return ()
        if len(value) > MAX_COPIED_ITEMS and not isinstance(value, deque):
            self._shared[id(value)] = read_only(value)
            return ()
        parts = list(_items(value))
        if all(isinstance(part, _ATOMS) for part in parts):
            self._flat.append(value)
            return ()
        return parts

    def _is_own(self, value: Any) -> bool:
        """Return whether a value is of a class of the attack's package, and no model."""
        torch: Any = sys.modules.get("torch")
        models = (Ranker, torch.nn.Module, torch.Tensor) if torch else (Ranker,)
        return _package(type(value).__module__) in self._own and not isinstance(value, models)


def _package(module: str) -> str:
    """Return the package whose code a module shares its state with."""
    if module == _CATALOGUE or module.startswith(f"{_CATALOGUE}."):
        return _CATALOGUE
    return module.partition(".")[0]


def _items(value: Any) -> Iterator[Any]:
    if isinstance(value, dict):
        yield from value.keys()
        yield from value.values()
        if isinstance(value, defaultdict):
            yield value.default_factory
    else:
        yield from value


def _attributes(value: Any) -> Iterator[Any]:
    yield from getattr(value, "__dict__", {}).values()
    for cls in type(value).__mro__:
        slots = cls.__dict__.get("__slots__", ())
        for name in (slots,) if isinstance(slots, str) else slots:
            if hasattr(value, name):
                yield getattr(value, name)
    if isinstance(value, _CONTAINERS):  # a subclass of a container
        yield from _items(value)
