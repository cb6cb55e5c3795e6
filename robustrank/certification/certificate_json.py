"""Reads certificates from JSON: every field of its type, none missing, none more."""

from __future__ import annotations

import math
import reprlib
from collections.abc import Callable, Mapping
from typing import Any

from robustrank.certification.certificate import SCHEMA, Certificate, Witness
from robustrank.certification.draws import Draws
from robustrank.certification.evidence import Evidence
from robustrank.certification.origin import Origin
from robustrank.errors import DataError

Kind = tuple[str, Callable[[object], bool]]  # what is allowed, in words, and whether a value is


def read_certificate(raw: object) -> Certificate:
    """Return the certificate that :meth:`Certificate.to_dict` wrote.

    Raises:
        DataError: A field is missing, unknown or of another type, the schema is another, or the checksum differs.
    """
    content = dict(_typed(raw, _CERTIFICATE, "certificate"))
    digest, _ = content.pop("digest"), content.pop("schema")
    documents = tuple(Evidence(**_typed(d, _EVIDENCE, "document of a certificate")) for d in content["documents"])
    parts = {
        name: kind(**_typed(content[name], fields, f"{name} of a certificate")) if content[name] is not None else None
        for name, kind, fields in _PARTS
    }
    certificate = Certificate(**{**content, **parts, "documents": documents})
    if digest != certificate.to_dict()["digest"]:
        raise DataError("checksum mismatch", where=certificate.title)
    return certificate


def _typed(raw: object, kinds: Mapping[str, Kind], what: str) -> dict[str, Any]:
    """Return an object that has the fields of ``kinds`` and no further, each of its kind."""
    if not isinstance(raw, dict) or set(raw) != set(kinds):
        keys = ", ".join(map(repr, raw))[:200] if isinstance(raw, dict) else f"a {type(raw).__name__}"
        raise DataError(f"not a valid {what}: {keys or 'no fields'}", allowed=f"the fields {', '.join(kinds)}")
    for name, (allowed, is_allowed) in kinds.items():
        if not is_allowed(raw[name]):
            raise DataError(f"not a valid {what}: {name} is {reprlib.repr(raw[name])}", allowed=allowed)
    return raw


def _is_integer(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) <= _LARGEST


def _is_number(value: object) -> bool:
    return _is_integer(value) or (isinstance(value, float) and math.isfinite(value))


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _is_words(value: object) -> bool:
    return isinstance(value, dict) and all(_is_text(word) and index.isdecimal() for index, word in value.items())


def _optional(kind: Kind) -> Kind:
    allowed, is_allowed = kind
    return f"{allowed} or null", lambda value: value is None or is_allowed(value)


_LARGEST = 2**63  # every seed is below it
_TEXT, _NUMBER, _INTEGER = ("a text", _is_text), ("a number", _is_number), ("an integer", _is_integer)
_OBJECT = ("an object", lambda value: isinstance(value, dict))
_CERTIFICATE: dict[str, Kind] = {
    "schema": (f"{SCHEMA}", lambda value: value == SCHEMA and _is_integer(value)),
    "query_id": _TEXT,
    "k": _INTEGER,
    "radius": _optional(_INTEGER),
    "alpha": _NUMBER,
    "kind": _TEXT,
    "bound": _TEXT,
    "table": _TEXT,
    "documents": ("a list", lambda value: isinstance(value, list)),
    "certified": ("true or false", lambda value: isinstance(value, bool)),
    "witness": _optional(_OBJECT),
    "origin": _optional(_OBJECT),
    "draws": _optional(_OBJECT),
    "digest": _TEXT,
}
_EVIDENCE: dict[str, Kind] = {
    "doc_id": _TEXT,
    "mean": _NUMBER,
    "lower": _NUMBER,
    "upper": _NUMBER,
    "rho": _NUMBER,
    "samples": _INTEGER,
    "text": _TEXT,
    "scores": _TEXT,
    "ceiling": _NUMBER,
}
_WITNESS: dict[str, Kind] = {
    "doc_id": _TEXT,
    "words": ("words by the index of a word", _is_words),
    "score": _NUMBER,
}
_ORIGIN: dict[str, Kind] = {
    "query": _TEXT,
    "collection": _TEXT,
    "ranker": _TEXT,
    "defense": _TEXT,
    "seed": _INTEGER,
}
_DRAWS: dict[str, Kind] = {
    "seed": _INTEGER,
    "samples": _INTEGER,
    "most": _INTEGER,
    "size": _optional(_INTEGER),
    "keep": _optional(_NUMBER),
    "centre": _NUMBER,
    "scale": _NUMBER,
}
_PARTS: tuple[tuple[str, Callable[..., Any], dict[str, Kind]], ...] = (
    ("witness", Witness, _WITNESS),
    ("origin", Origin, _ORIGIN),
    ("draws", Draws, _DRAWS),
)
