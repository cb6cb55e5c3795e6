"""Marks on parameters that name other plug-ins, so that these are part of the plug-in's identity.

For example ``surrogate: Annotated[str, NestedPlugin("ranker", besides=("victim",))] = "minilm"``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any, get_args


@dataclass(frozen=True)
class NestedPlugin:
    """A parameter that holds the specification of a plug-in, or several.

    Attributes:
        kind: The kind of the plug-in.
        besides: Values that name no plug-in.
    """

    kind: str
    besides: tuple[str, ...] = ()


@dataclass(frozen=True)
class NestedSettings:
    """A parameter that holds some fields of a dataclass of settings, which may name plug-ins in turn.

    Attributes:
        settings: The dataclass; it has a class method ``of``, which fills in the defaults.
        parameter, value: The settings are used where that parameter has that value.
    """

    settings: type
    parameter: str
    value: str


@dataclass(frozen=True)
class NestedTraining:
    """A parameter that holds the training settings of a ranker.

    Attributes:
        ranker: The parameter beside it that holds the ranker's specification.
    """

    ranker: str


@dataclass(frozen=True)
class NamedFiles:
    """A parameter that names files otherwise than by their path or folder, as by a pattern.

    Attributes:
        function: The method of the plug-in that returns the paths.
    """

    function: str


RankerSpec = Annotated[str, NestedPlugin("ranker")]
AttackSpec = Annotated[str, NestedPlugin("attack")]
RetrieverSpec = Annotated[str, NestedPlugin("retriever")]
LlmSpec = Annotated[str, NestedPlugin("llm")]


def marks(hint: Any) -> Iterator[Any]:
    """Yield the marks of a type, also those of its parts, as in ``tuple[AttackSpec, ...]``."""
    yield from getattr(hint, "__metadata__", ())
    for argument in get_args(hint):
        yield from marks(argument)
