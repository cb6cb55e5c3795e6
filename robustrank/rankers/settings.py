"""Training settings: a dataclass whose fields users may set, validated as YAML gives them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Self

from robustrank.plugins.parameters import checked_values, parameters


@dataclass(frozen=True)
class Settings:
    """Base class of training settings."""

    @classmethod
    def of(cls, settings: Mapping[str, Any], defaults: Self | None = None) -> Self:
        """Return the defaults, overridden by ``settings``.

        Raises:
            UsageError: A setting is unknown, of the wrong type, or outside its range.
        """
        known = {parameter.name: parameter for parameter in parameters(cls)}
        values = checked_values(known, settings, "the training", where=None, hint=None)
        return replace(defaults or cls(), **values)
