"""A value as YAML gives it, read as the type that a plug-in, a training setting or a key declares."""

from __future__ import annotations

import types
import warnings
from collections.abc import Sequence, Set
from enum import Enum
from functools import cache
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from robustrank.plugins.constraints import Checked, Distinct, Range
from robustrank.plugins.nested import NestedPlugin

_NUMBERS = {int: "integer", float: "number"}
_NAMES = {**_NUMBERS, str: "text", bool: "true or false", type(None): "null", dict: "mapping", Any: "any value"}
_LISTS = (tuple, list, set, frozenset, Sequence, Set)
_LONGEST = 80  # characters of a value in a message


class InvalidValue(ValueError):
    """A value is not of the type; the message says why."""


class InvalidType(TypeError):
    """What should be a type is none."""


def check_type(hint: Any) -> None:
    """Refuse what is no type.

    Raises:
        InvalidType: It is none.
    """
    _reader(hint)


def read_value(hint: Any, value: Any) -> Any:
    """Return a value as the type ``hint``; a single item is taken where a list is meant.

    A number without a :class:`Range` has the range of ``Range()``.

    Raises:
        InvalidValue: It is not of that type, or outside its range.
        InvalidType: ``hint`` is no type.
    """
    from pydantic import ValidationError

    try:
        return _reader(hint).validate_python(_as_list(hint, value))
    except ValidationError as error:
        reasons = dict.fromkeys(detail["msg"].removeprefix("Value error, ") for detail in error.errors()[:3])
        raise InvalidValue("; ".join(reasons)) from error


def is_exactly(hint: Any, value: Any) -> bool:
    """Return whether a value has the type ``hint`` as it is, without being read as one."""
    from pydantic import ValidationError

    try:
        _reader(hint).validate_python(value, strict=True)
    except ValidationError:
        return False
    return True


def in_words(hint: Any) -> str:
    """Return a type with its ranges, for people: "integer, 1 to 100, or null"."""
    if get_origin(hint) is Annotated:
        inner, *marks = get_args(hint)
        named = [mark.allowed for mark in marks if isinstance(mark, Checked)]
        ranges = [str(mark) for mark in marks if isinstance(mark, Range)]
        named += [f"specification of a plug-in ({mark.kind})" for mark in marks if isinstance(mark, NestedPlugin)]
        several = ["one or more, none twice" for mark in marks if isinstance(mark, Distinct)]
        return ", ".join([*(named or [in_words(inner)]), *ranges, *several])
    if get_origin(hint) is Literal:
        return " | ".join(map(str, get_args(hint)))
    if options := _options(hint):
        return ", or ".join(map(in_words, options))
    if isinstance(hint, type) and issubclass(hint, Enum):
        return " | ".join(f"{hint.__name__}.{member.name}" for member in hint)
    if get_origin(hint) in _LISTS:
        return f"list of ({in_words(get_args(hint)[0])})"
    return str(_NAMES.get(get_origin(hint) or hint) or getattr(hint, "__name__", hint))


def excerpt(value: Any) -> str:
    """Return the repr of a value, cut."""
    text = repr(value)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


@cache
def _reader(hint: Any) -> Any:
    from pydantic import ConfigDict, TypeAdapter
    from pydantic.errors import PydanticUserError
    from pydantic.warnings import ArbitraryTypeWarning

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", ArbitraryTypeWarning)
            return TypeAdapter(_bounded(hint), config=ConfigDict(allow_inf_nan=False, arbitrary_types_allowed=True))
    except (PydanticUserError, ArbitraryTypeWarning) as error:
        raise InvalidType(excerpt(hint)) from error


def _bounded(hint: Any) -> Any:
    """Return a type in which every number has a range."""
    if hint in _NUMBERS:
        return Annotated[hint, Range()]
    if get_origin(hint) is Annotated:
        inner, *marks = get_args(hint)
        has_range = any(isinstance(mark, Range) for mark in marks)
        return hint if has_range else Annotated[(_bounded(inner), *marks)]
    if options := _options(hint):
        return Union[tuple(map(_bounded, options))]  # noqa: UP007 - of a tuple
    arguments = get_args(hint)
    if get_origin(hint) in (*_LISTS, dict):
        return get_origin(hint)[tuple(map(_bounded, arguments))]
    return hint


def _as_list(hint: Any, value: Any) -> Any:
    """Return [value] where the type is a list and the value a scalar."""
    options = [_plain(option) for option in _options(hint) or (hint,)]
    if type(None) in options and value is None:
        return value
    means_list = any(get_origin(option) in _LISTS or option in _LISTS for option in options) and str not in options
    return [value] if means_list and (value is None or isinstance(value, str | bool | int | float)) else value


def _options(hint: Any) -> tuple[Any, ...]:
    """Return the types of a union; none of any other type."""
    return get_args(hint) if get_origin(hint) in (Union, types.UnionType) else ()


def _plain(hint: Any) -> Any:
    return get_args(hint)[0] if get_origin(hint) is Annotated else hint
