"""The content of objects in memory: of functions, models and what they hold, as an identity.

A function is its compiled code, its defaults, what it encloses and the globals that it names; an object is the code of
its class and its attributes. Modules are followed as those of plug-ins are. What cannot be looked into, as a
connection or an object of a compiled library, has no identity.
"""

from __future__ import annotations

import dis
import functools
import hashlib
import logging
import os
import re
import sys
from collections.abc import Mapping, Set
from enum import Enum
from types import BuiltinFunctionType, CodeType, FunctionType, MethodType, ModuleType
from typing import Any

import numpy as np

from robustrank.plugins.distributions import is_followed, library_versions
from robustrank.plugins.identity import code_parts, digest_of

_NO_CONTENT = frozenset("__dict__ __weakref__ __doc__ __module__ __firstlineno__ __annotations__".split())


class NoIdentityError(Exception):
    """An object holds something that cannot be told apart; the message names its class."""


def object_identity(value: Any) -> str:
    """Return what identifies an object's code and content, as a short hash.

    Raises:
        NoIdentityError: It cannot be told.
    """
    return digest_of([_Content().of(value), library_versions(())])


class _Content:
    """Describes objects, each once."""

    def __init__(self) -> None:
        self._seen: dict[int, int] = {}
        self._kept: list[Any] = []  # or the id of a dead object could be another's

    def of(self, value: Any) -> Any:
        """Return the content of a value as JSON holds it."""
        if value is None or type(value) in (bool, int, float, str):
            return value
        if isinstance(value, bytes | complex | range | slice) or value is Ellipsis:
            return [type(value).__name__, repr(value)]
        if id(value) in self._seen:
            return ["again", self._seen[id(value)]]
        self._seen[id(value)] = len(self._seen)
        self._kept.append(value)
        return self._structure(value)

    def _structure(self, value: Any) -> Any:
        name = type(value).__name__
        if isinstance(value, Enum):
            return [name, value.name]
        if isinstance(value, str | int | float):  # of a subclass
            return [self._class(type(value)), repr(value)]
        if isinstance(value, ModuleType):
            return self._module(value.__name__)
        if isinstance(value, CodeType):
            return self._code(value)
        if isinstance(value, FunctionType):
            return self._function(value)
        if isinstance(value, BuiltinFunctionType):
            owner = value.__self__
            return [value.__qualname__, None if isinstance(owner, ModuleType) else self.of(owner), value.__module__]
        if isinstance(value, type):
            return self._class(value)
        if isinstance(value, MethodType):
            return [self.of(value.__func__), self.of(value.__self__)]
        if isinstance(value, functools.partial):
            return ["partial", *map(self.of, (value.func, value.args, value.keywords))]
        if isinstance(value, staticmethod | classmethod):
            return [name, self.of(value.__func__)]
        if isinstance(value, property):
            return [name, *map(self.of, (value.fget, value.fset))]
        if isinstance(value, functools.cached_property):
            return [name, self.of(value.func)]
        if isinstance(value, logging.Logger | os.PathLike | re.Pattern | np.dtype | np.ufunc):
            return [name, str(value)]
        if _is_of("torch", value, "dtype", "device", "Size"):
            return [name, str(value)]
        if _is_of("tokenizers", value, "Tokenizer"):
            return [name, value.to_str()]
        if callable(value) and hasattr(value, "__wrapped__") and not hasattr(type(value), "__wrapped__"):
            return [name, self.of(value.__wrapped__)]  # as what functools.cache returns
        if isinstance(value, np.ndarray | np.generic):
            return self._array(np.asarray(value))
        if _is_of("torch", value, "Tensor"):
            plain = value.detach().cpu().contiguous()
            return self._array(plain.float().numpy() if plain.is_floating_point() else plain.numpy(), str(value.dtype))
        if type(value) in (list, tuple):
            return [name, *map(self.of, value)]
        if isinstance(value, Mapping):
            content = [[self.of(key), self.of(item)] for key, item in value.items()]
            return [self._class(type(value)), *content]
        if isinstance(value, Set):
            return [name, *sorted((self.of(item) for item in value), key=repr)]
        return self._object(value)

    def _module(self, name: str) -> Any:
        return [name, library_versions([name.partition(".")[0]]) if _is_library(name) else code_parts(name)]

    def _function(self, function: FunctionType) -> Any:
        cells = [self._enclosed(cell) for cell in function.__closure__ or ()]
        defaults = [self.of(function.__defaults__), self.of(function.__kwdefaults__)]
        if _is_library(module := str(function.__globals__.get("__name__"))):
            return [function.__qualname__, self._module(module), cells, defaults]
        names = sorted(set(_global_names(function.__code__)))
        named = {name: self.of(function.__globals__[name]) for name in names if name in function.__globals__}
        return [function.__qualname__, self._code(function.__code__), cells, named, defaults]

    def _enclosed(self, cell: Any) -> Any:
        try:
            return self.of(cell.cell_contents)
        except ValueError:  # an empty cell
            return "empty"

    def _code(self, code: CodeType) -> Any:
        imported = sorted({i.argval for i in dis.get_instructions(code) if i.opname == "IMPORT_NAME" and i.argval})
        constants = [self._code(c) if isinstance(c, CodeType) else _constant(c) for c in code.co_consts]
        names = [list(code.co_names), list(code.co_varnames), list(code.co_freevars)]
        return [code.co_code.hex(), constants, names, [self._module(name) for name in imported]]

    def _class(self, cls: type) -> Any:
        name, module = f"{cls.__module__}:{cls.__qualname__}", cls.__module__
        if _is_library(module) or getattr(sys.modules.get(module), "__spec__", None) is not None:
            return [name, self._module(module)]
        attributes = {key: value for key, value in vars(cls).items() if key not in _NO_CONTENT}
        slots = {key for key, value in attributes.items() if type(value).__name__ == "member_descriptor"}
        content = {key: self.of(value) for key, value in sorted(attributes.items()) if key not in slots}
        return [name, [self.of(base) for base in cls.__bases__], content]

    def _array(self, array: np.ndarray[Any, Any], dtype: str = "") -> Any:
        if array.dtype.hasobject:
            raise NoIdentityError("an array of objects")
        digest = hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()
        return [dtype or str(array.dtype), list(array.shape), digest]

    def _object(self, value: Any) -> Any:
        cls = type(value)
        reduces = any({"__reduce__", "__reduce_ex__"} & vars(base).keys() for base in cls.__mro__[:-1])
        if not hasattr(value, "__dict__") or reduces or cls.__module__.partition(".")[0] in _OPAQUE:
            raise NoIdentityError(f"a {cls.__module__}.{cls.__qualname__}")
        attributes = {name: self.of(item) for name, item in sorted(vars(value).items())}
        return [self.of(cls), attributes]


_OPAQUE = frozenset({"socket", "ssl", "io", "http", "threading", "subprocess", "random"})


def _is_of(library: str, value: Any, *names: str) -> bool:
    """Return whether a value is of one of these classes of a library, which is not imported for it."""
    module = sys.modules.get(library)
    return module is not None and isinstance(value, tuple(getattr(module, name) for name in names))


def _is_library(module: str) -> bool:
    """Return whether a module is told apart by a version: one of Python's, or of an installed distribution."""
    top = module.partition(".")[0]
    return top != "__main__" and (top in sys.stdlib_module_names or not is_followed(top))


def _constant(value: Any) -> Any:
    """Return a constant of compiled code: numbers, texts, and tuples and frozen sets of them."""
    if isinstance(value, frozenset):
        return ["frozenset", *sorted(map(repr, value))]
    return [_constant(item) for item in value] if isinstance(value, tuple) else [type(value).__name__, repr(value)]


def _global_names(code: CodeType) -> list[str]:
    """Return the global names that code reads, with those of the functions inside it."""
    names = [i.argval for i in dis.get_instructions(code) if i.opname in ("LOAD_GLOBAL", "LOAD_NAME")]
    return [*names, *(name for c in code.co_consts if isinstance(c, CodeType) for name in _global_names(c))]
