"""Training settings: a dataclass whose fields users may set, validated as YAML gives them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self

from robustrank.errors import UsageError


@dataclass(frozen=True)
class Settings:
    """Base class of training settings."""

    @classmethod
    def of(cls, settings: Mapping[str, Any], defaults: Self | None = None) -> Self:
        """Return the defaults, overridden by ``settings``.

        Raises:
            UsageError: A setting is unknown or of the wrong type.
        """
        from pydantic import TypeAdapter, ValidationError

        unknown = set(settings) - set(cls.__dataclass_fields__)
        if unknown:
            raise UsageError(
                f"unknown training setting: {', '.join(sorted(unknown))}",
                allowed=", ".join(cls.__dataclass_fields__),
            )
        try:
            return TypeAdapter(cls).validate_python({**asdict(defaults or cls()), **settings})
        except ValidationError as error:
            problems = [f"{detail['loc'][0]}: {detail['msg']}" for detail in error.errors()]
            raise UsageError("training settings: " + "; ".join(problems)) from error
