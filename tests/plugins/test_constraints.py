"""Every number of a specification has a range, declared beside it, and what lies outside is refused by its name."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any, get_args

import pytest

from robustrank.attack import Attack
from robustrank.errors import PluginError, RobustrankError, UsageError
from robustrank.imitation import Imitation
from robustrank.plugins import KINDS, Count, Parameter, Range, Spec, availability, parameters
from robustrank.plugins.constraints import LARGEST, Checked, Distinct, Several
from robustrank.plugins.parameters import checked_parameters
from robustrank.plugins.values import InvalidValue, read_value
from robustrank.rankers.settings import Settings

SETTINGS = [Imitation]


def owners() -> Iterator[tuple[str, str, type]]:
    """Yield kind, name and class of every built-in plug-in, and of every class of training settings."""
    settings = set(SETTINGS)
    for kind in KINDS:
        for plugin, cls, reason in availability(kind):
            assert cls is not None, reason
            if plugin.origin.startswith("robustrank "):
                yield kind, plugin.name, cls
                training = getattr(cls, "training", None)
                settings |= {type(training)} if isinstance(training, Settings) else set()
    for cls in sorted(settings, key=lambda cls: cls.__name__):
        yield "settings", cls.__name__, cls


def numbers(hint: Any) -> Iterator[Any]:
    """Yield the types of the numbers in a type, each with its marks."""
    if hint in (int, float) or (hasattr(hint, "__metadata__") and get_args(hint)[0] in (int, float)):
        yield hint
    else:
        for argument in get_args(hint):
            yield from numbers(argument)


def ranges(hint: Any) -> list[Range]:
    """Return the ranges of the numbers in a type; a number without one fails the test."""
    found = []
    for number in numbers(hint):
        declared = [mark for mark in getattr(number, "__metadata__", ()) if isinstance(mark, Range)]
        assert len(declared) == 1, f"{number} has no range"
        found += declared
    return found


def has_booleans(hint: Any) -> bool:
    """Return whether a type allows true and false, too."""
    return hint is bool or any(map(has_booleans, get_args(hint)))


NUMERIC = [
    pytest.param(kind, name, cls, parameter, id=f"{kind}-{name}-{parameter.name}")
    for kind, name, cls in owners()
    for parameter in parameters(cls)
    if any(numbers(parameter.hint))
]


def refusal(kind: str, name: str, cls: Any, values: dict[str, Any]) -> RobustrankError:
    required = {} if kind == "settings" else {p.name: "x" for p in parameters(cls) if p.required}
    with pytest.raises(UsageError) as refused:
        cls.of(values) if kind == "settings" else checked_parameters(cls, Spec(name, {**required, **values}), kind)
    return refused.value


@pytest.mark.parametrize(("kind", "name", "cls", "parameter"), NUMERIC)
def test_every_number_has_a_range_and_what_is_outside_is_refused(
    kind: str, name: str, cls: type, parameter: Parameter
) -> None:
    in_mapping = "mapping" in parameter.allowed
    for allowed in ranges(parameter.hint):
        outside = [math.nan, math.inf, -math.inf, True, False, 10**400, allowed.low - 1, allowed.high + 1]
        outside = [value for value in outside if not (isinstance(value, bool) and has_booleans(parameter.hint))]
        outside += [allowed.low] if allowed.above is not None else []
        outside += [allowed.high] if allowed.below is not None else []
        for value in outside:
            error = refusal(kind, name, cls, {parameter.name: {1: value} if in_mapping else value})
            assert parameter.name in error.what
            assert name in error.what or kind == "settings"
            assert in_mapping or str(allowed) in (error.allowed or "")
            assert len(str(error).encode()) < 2000


def test_there_are_as_many_numbers_as_there_were() -> None:
    assert len(NUMERIC) > 140  # a walk over nothing would pass


def test_an_undeclared_number_has_the_widest_range() -> None:
    assert read_value(float, LARGEST) == LARGEST
    for value in (LARGEST + 1, -LARGEST - 1, True, math.nan, 10**400):
        with pytest.raises(InvalidValue):
            read_value(int, value)
        with pytest.raises(InvalidValue):
            read_value(dict[str, list[int]], {"a": [value]})


@pytest.mark.parametrize(
    ("constraint", "words", "inside", "outside"),
    [
        (Range(at_least=1), "1 to 1,000,000,000", [1, LARGEST], [0, LARGEST + 1]),
        (Range(above=0, at_most=1), "above 0, at most 1", [0.1, 1], [0, 1.1]),
        (Range(at_least=0, below=1), "at least 0, below 1", [0, 0.9], [-0.1, 1]),
        (Range(), "-1,000,000,000 to 1,000,000,000", [-LARGEST, LARGEST], [math.nan, math.inf]),
    ],
)
def test_a_range_in_words_and_in_numbers(constraint, words, inside, outside):
    assert str(constraint) == words
    assert all(number in constraint for number in inside)
    assert not any(number in constraint for number in outside)


@pytest.mark.parametrize(
    ("hint", "value", "read"),
    [
        (tuple[str, ...], "a", ("a",)),
        (Several[Count], 3, (3,)),
        (tuple[Count | None, ...], None, (None,)),
        (tuple[str, ...] | None, None, None),
        (tuple[str, ...] | None, "a", ("a",)),
        (list[float], 1, [1.0]),
        (str | tuple[str, ...], "a", "a"),
    ],
)
def test_a_scalar_is_taken_where_a_list_of_one_is_meant(hint, value, read):
    assert read_value(hint, value) == read


def test_a_list_of_several_is_neither_empty_nor_repeats_an_item():
    for value, says in (((), "at least one"), ((1, 2, 1), "duplicate 1"), ((0,), "1 to")):
        with pytest.raises(InvalidValue, match=says):
            read_value(Several[Count], value)


def test_a_function_may_check_a_value():
    hint = Annotated[str, Checked(int, "a text of digits")]
    assert read_value(hint, "7") == "7"
    with pytest.raises(InvalidValue, match="invalid literal"):
        read_value(hint, "seven")
    assert Distinct() in Several[int].__metadata__


def test_a_default_outside_its_own_range_is_the_plug_ins_fault():
    @dataclass
    class Odd(Attack):
        words: Count = 0

    with pytest.raises(PluginError, match=r"words = int: 0: it must be 1 to") as refused:
        checked_parameters(Odd, Spec("odd"), "attack")
    assert "test_constraints.py:" in str(refused.value.where)
