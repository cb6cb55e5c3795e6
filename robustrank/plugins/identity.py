"""What produced a number: the identity of a plug-in, kept by the framework for every kind.

It is a hash of the plug-in's code (see :mod:`robustrank.plugins.source_code`), of the versions of the libraries that
compute for it, of all its parameters with their defaults, of the content of files and folders that they name, and of
the identities of plug-ins that they name. A plug-in may add to it by its ``fingerprint``. Labels, paths and the way a
default is written are no part of it.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import fields, is_dataclass
from enum import Enum
from pathlib import Path
from typing import Any

from robustrank.errors import DataError, PluginError, UsageError
from robustrank.paths import given_path
from robustrank.plugins.contents import content_digest
from robustrank.plugins.distributions import library_versions
from robustrank.plugins.failure import place_of, plugin_code
from robustrank.plugins.files import forget_changed_files
from robustrank.plugins.loading import create, find
from robustrank.plugins.nested import NamedFiles, NestedPlugin, NestedSettings, NestedTraining, marks
from robustrank.plugins.parameters import hints_of
from robustrank.plugins.registry import registry
from robustrank.plugins.source_code import closure, forget_closures, plain_name
from robustrank.plugins.specification import Spec, parse

Nested = Callable[[str, Spec], str]  # kind and specification of a plug-in -> its identity or name

_identities: dict[tuple[str, str], str] = {}
_names: dict[tuple[str, str], str] = {}


def identity(kind: str, spec: Spec) -> str:
    """Return what identifies a plug-in with its parameters, as a short hash.

    Raises:
        UsageError: It cannot be created.
        PluginError: It cannot be used, or its ``fingerprint`` raised.
        DataError: A file that it names cannot be read.
    """
    return _remembered(_identities, kind, spec, lambda: digest_of(identity_parts(kind, spec)))


def identity_parts(kind: str, spec: Spec) -> dict[str, Any]:
    """Return the content of :func:`identity`: class, parameters, code, versions of libraries, and the addition."""
    plugin = create(kind, spec)
    modules = _modules(kind, spec, type(plugin))
    parts = {
        "plugin": class_name(type(plugin)),
        "parameters": parameters_of(plugin, spec.parameters, identity),
        "fingerprint": _fingerprint(plugin, f"{kind} {spec.text!r}"),
        **code_parts(*modules),
    }
    if control := getattr(plugin, "control", ""):  # the attack that it is compared with
        try:
            parts["control"] = code_parts(*_modules("attack", parse(control), find("attack", parse(control).name)))
        except UsageError as error:
            what = f"{kind} {spec.name!r} names the control {control!r}: {error.what}"
            raise PluginError(what, where=place_of(type(plugin)), hint=error.hint) from error
    return parts


def canonical_name(kind: str, spec: Spec) -> str:
    """Return what names a plug-in and its parameters in whatever way they were written; its code is left out.

    Random draws are named by it: equal identities draw equally, and an edit of the code does not change the draws.
    """

    def name() -> str:
        plugin = create(kind, spec)
        return _text([class_name(type(plugin)), parameters_of(plugin, spec.parameters, canonical_name)])

    return _remembered(_names, kind, spec, name)


def code_parts(*modules: str) -> dict[str, Any]:
    """Return the hash of the code of modules and of all they import, and the versions of the libraries they import."""
    code = closure(*modules)
    return {"code": code.digest, "libraries": library_versions(code.libraries)}


def training_parts(ranker: Any, settings: Mapping[str, Any], nested: Nested = identity) -> Any:
    """Return the training settings of a ranker, its defaults filled in, and the plug-ins they name.

    Raises:
        UsageError: A setting is unknown or of the wrong type.
    """
    defaults: Any = getattr(ranker, "training", None)
    if not is_dataclass(defaults) or not hasattr(defaults, "of"):
        return _plain(settings)
    return parameters_of(defaults.of(settings, defaults), {}, nested)


def parameters_of(plugin: Any, given: Mapping[str, Any], nested: Nested = identity) -> dict[str, Any]:
    """Return all parameters of a dataclass by name, as JSON holds them; of another class those that were given.

    Args:
        plugin: An instance.
        given: The parameters that it was created with.
        nested: Returns the identity or name of a plug-in that a parameter names.
    """
    if not is_dataclass(plugin):
        return {name: _plain(value) for name, value in sorted(given.items())}
    hints = hints_of(type(plugin))
    names = sorted(field.name for field in fields(plugin) if field.init)
    return {name: _parameter(plugin, getattr(plugin, name), hints.get(name), nested) for name in names}


def class_name(plugin: type) -> str:
    """Return the module and name of a class; for a file plug-in the module's name within its folder."""
    return f"{plain_name(plugin.__module__)}:{plugin.__qualname__}"


def digest_of(parts: Any) -> str:
    """Return a hash of what JSON can hold."""
    return hashlib.sha256(_text(parts).encode("utf-8", "surrogatepass")).hexdigest()[:32]


def refresh() -> None:
    """Take notice of files that changed since they were read: of plug-ins, their helpers, and what parameters name."""
    forget_changed_files()
    forget_closures()
    _identities.clear()
    _names.clear()


def _modules(kind: str, spec: Spec, plugin: type) -> list[str]:
    """Return the module of a plug-in's class, and the one it was registered in."""
    known = registry(kind).get(spec.name)
    named = known.value if known else "" if spec.name.partition(":")[0].endswith(".py") else spec.name
    module = named.partition(":")[0]
    return list(dict.fromkeys([plugin.__module__, *([module] if module else [])]))


def _parameter(plugin: Any, value: Any, hint: Any, nested: Nested) -> Any:
    for mark in marks(hint):
        if isinstance(mark, NestedPlugin):
            return _nested_plugin(value, mark, nested)
        if isinstance(mark, NestedSettings) and getattr(plugin, mark.parameter) == mark.value:
            return parameters_of(mark.settings.of(value), {}, nested)  # type: ignore[attr-defined]
        if isinstance(mark, NestedTraining):
            return training_parts(create("ranker", parse(getattr(plugin, mark.ranker))), value, nested)
        if isinstance(mark, NamedFiles):
            return [_content(path) for path in getattr(plugin, mark.function)()]
    return _plain(value)


def _nested_plugin(value: Any, mark: NestedPlugin, nested: Nested) -> Any:
    if value is None or value in mark.besides:
        return value
    if isinstance(value, str):
        return nested(mark.kind, parse(value))
    return [_nested_plugin(item, mark, nested) for item in value]


def _plain(value: Any) -> Any:
    """Return a value as JSON holds it; a path of something that exists as its content."""
    if isinstance(value, Enum):
        return [type(value).__qualname__, value.name]
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, str | os.PathLike):
        return _text_or_content(os.fspath(value))
    if isinstance(value, Mapping):
        return {"mapping": sorted(([_plain(key), _plain(item)] for key, item in value.items()), key=_text)}
    if isinstance(value, Set):
        return {"set": sorted((_plain(item) for item in value), key=_text)}
    if isinstance(value, Sequence) and not isinstance(value, bytes):
        return [_plain(item) for item in value]
    if is_dataclass(value):
        state: Any = {field.name: getattr(value, field.name) for field in fields(value)}
    else:
        state = vars(value) if hasattr(value, "__dict__") else repr(value)
    return [class_name(type(value)), _plain(state)]


def _text_or_content(text: str) -> Any:
    """Return a text; where it names a file or folder, its content, and the text too where it may be a mere word."""
    try:
        path = given_path(text)
        exists = bool(text.strip("~./")) and path.exists()
    except (OSError, UsageError):  # too long for a path, or none
        exists = False
    if not exists:
        return text
    is_word = "/" not in text and os.sep not in text and not path.suffix
    return [*([text] if is_word else []), _content(path)]


def _content(path: Path) -> list[str]:
    try:
        return [path.suffix, content_digest(path)]
    except OSError as error:
        raise DataError(f"it cannot be read: {error.strerror or error}", where=str(path)) from error


def _fingerprint(plugin: Any, where: str) -> str:
    with plugin_code(where, "its fingerprint"):
        return str(getattr(plugin, "fingerprint", ""))


def _remembered(memory: dict[tuple[str, str], str], kind: str, spec: Spec, make: Callable[[], str]) -> str:
    key = kind, _text([spec.name, _written(spec.parameters)])
    if key not in memory:
        memory[key] = make()
    return memory[key]


def _written(parameters: Mapping[str, Any]) -> str:
    return repr(sorted(parameters.items()))


def _text(parts: Any) -> str:
    return json.dumps(parts, sort_keys=True, ensure_ascii=False)
