"""From a name or specification to a plug-in's class or instance."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from robustrank.errors import PluginError, UsageError, nearest
from robustrank.plugins.failure import place_of, plugin_code, storable
from robustrank.plugins.files import class_in_file
from robustrank.plugins.parameters import checked_parameters
from robustrank.plugins.registry import KINDS, Plugin, registry
from robustrank.plugins.specification import Spec


def find(kind: str, name: str) -> type[Any]:
    """Return the class behind a name, a file ``path.py[:Class]`` or an import path ``module:Class``.

    Raises:
        UsageError: No plug-in has that name; the nearest names are in the hint.
        PluginError: It cannot be used.
    """
    plugin = registry(kind).get(name)
    if plugin is not None:
        return plugin.load()
    target, _, attribute = name.partition(":")
    if target.endswith(".py"):
        return class_in_file(target, attribute, KINDS[kind])
    if attribute:
        return Plugin(KINDS[kind], name, name, "its import path").load()
    raise UsageError(
        f"there is no {kind} named {name!r}",
        allowed=", ".join(registry(kind)) or "none is installed",
        hint=nearest(name, registry(kind)) or f"robustrank list {kind}s; or give a file: path/to/{kind}.py",
    )


def create(kind: str, spec: Spec) -> Any:
    """Return the plug-in of ``spec``, its parameters checked against its dataclass fields.

    Raises:
        UsageError: Unknown plug-in or parameter, a missing parameter, or a value of the wrong type.
        PluginError: The plug-in cannot be used, or its constructor failed.
    """
    plugin = find(kind, spec.name)
    values = checked_parameters(plugin, spec, kind)
    with plugin_code(f"{kind} {spec.name!r}", f"its constructor, {place_of(plugin)}"):
        try:
            return plugin(**values)
        except (ValueError, TypeError) as error:
            hint = f"robustrank describe {kind} {spec.name}"
            raise UsageError(f"{kind} {spec.text!r}: {storable(str(error))}", hint=hint) from error


def availability(kind: str) -> Iterator[tuple[Plugin, type[Any] | None, str]]:
    """Yield every plug-in of a kind with its class, or with the reason why it is unavailable."""
    for plugin in registry(kind).values():
        try:
            yield plugin, plugin.load(), ""
        except PluginError as error:
            yield plugin, None, error.what
