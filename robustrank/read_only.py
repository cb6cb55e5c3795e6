"""Read-only forms of large values, shared in place of copies: an attempt to write raises TypeError or ValueError."""

from __future__ import annotations

from collections import OrderedDict, defaultdict
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from typing import Any, TypeVar

import numpy as np

Key = TypeVar("Key")
Value = TypeVar("Value", covariant=True)


class ReadOnlyMapping(Mapping[Key, Value]):
    """A mapping that nothing changes, so that those who share it need no copy."""

    def only(self, keys: Iterable[Key]) -> Mapping[Key, Value]:
        """Return it with these keys alone."""
        return {key: self[key] for key in keys}

    def __copy__(self) -> ReadOnlyMapping[Key, Value]:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> ReadOnlyMapping[Key, Value]:
        return self


_WRITERS: dict[type, str] = {
    dict: "__setitem__ __delitem__ __ior__ clear pop popitem setdefault update move_to_end subtract",
    list: "__setitem__ __delitem__ __iadd__ __imul__ append clear extend insert pop remove reverse sort",
    set: "__iand__ __ior__ __isub__ __ixor__ add clear difference_update discard intersection_update pop remove "
    "symmetric_difference_update update",
}


def read_only(value: Any) -> Any:
    """Return a value that equals ``value``, is of its class, and cannot be changed; nor can containers in it.

    Arrays become views; dictionaries, lists and sets instances of a subclass. Anything else is returned itself.
    """
    if isinstance(value, np.ndarray):
        view = value.view()
        view.flags.writeable = False
        return view
    if type(value) is tuple:
        return tuple(map(read_only, value))
    base = next((base for base in _WRITERS if isinstance(value, base)), None)
    if base is None:
        return value
    original: Any = dict if isinstance(value, OrderedDict) else type(value)
    cls: Any = _read_only_class(original, base)
    copied = cls.__new__(cls)  # a Counter's constructor writes
    if base is dict:
        dict.update(copied, {key: read_only(item) for key, item in value.items()})
        copied.__dict__["factory"] = getattr(value, "default_factory", None)
    elif base is list:
        list.extend(copied, map(read_only, value))
    else:
        set.update(copied, value)
    return copied


@cache
def _read_only_class(cls: Any, base: type) -> type:
    methods: dict[str, Any] = {name: _refusal(name) for name in _WRITERS[base].split() if hasattr(cls, name)}
    if issubclass(cls, defaultdict):
        methods["__missing__"] = _default
    return type(f"ReadOnly{cls.__name__}", (cls,), methods)


def _default(self: Any, key: Any) -> Any:
    """Return the default of a missing key, which is not stored."""
    if self.factory is None:
        raise KeyError(key)
    return self.factory()


def _refusal(name: str) -> Callable[..., Any]:
    def refuse(self: Any, *_: Any, **__: Any) -> Any:
        raise TypeError(f"{name} of a large {type(self).__mro__[1].__name__} that all targets share: copy it first")

    return refuse
