"""Changes to the content of an experiment file before it is checked: ``--set key=value`` and ``--limit``."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from robustrank.errors import UsageError, nearest
from robustrank.plugins import find, parameters, parse
from robustrank.plugins.values import excerpt
from robustrank.yaml_text import YamlError, read_yaml

LISTED = ("collections", "rankers", "defenses", "attacks", "tasks")  # keys that list plug-ins


def overridden(raw: Any, settings: Sequence[str]) -> Any:
    """Return the content of an experiment file with parts of it set.

    Args:
        raw: The content; it is not changed.
        settings: Each ``path=value``: keys joined by dots, and a value in YAML. An item of a list is named by its
            position from 0, and a plug-in also by its label or name: ``rankers.bm25.k1=1.2``, ``seeds=[1, 2]``.

    Raises:
        UsageError: A path leads to nothing, or a value is not YAML.
    """
    changed = copy.deepcopy(raw)
    for setting in settings:
        if "=" not in setting:
            raise UsageError(f"--set {setting}: there is no value", allowed="key=value, as rankers.bm25.k1=1.2")
        changed = _changed(changed, f".{setting}", "", setting)
    return changed


def _changed(value: Any, rest: str, path: str, setting: str) -> Any:
    """Return a value with the part of it changed to which ``rest`` leads: ``.key.key=value``."""
    if rest.startswith("="):
        try:
            return read_yaml(rest[1:])
        except YamlError as error:
            raise UsageError(f"--set {setting}: the value cannot be read: {error}") from error
    if path in LISTED or isinstance(value, list):
        items = value if isinstance(value, list) else [] if value is None else [value]
        return _in_list(items, rest, path, setting)
    is_entry = path.partition(".")[0] in LISTED and path.count(".") == 1
    value = _entry(value) if is_entry else {} if value is None else value
    if not isinstance(value, Mapping):
        raise UsageError(f"--set {setting}: {path} is {excerpt(value)}, which has no parts")
    key = re.split(r"[.=]", rest[1:], maxsplit=1)[0]
    if is_entry and key in (value.get("sweep") or {}):
        raise UsageError(f"--set {setting}: {path} sweeps {key}", hint=f"set {path}.sweep.{key}, as [1, 2]")
    inner = _changed(value.get(key), rest[1 + len(key) :], f"{path}.{key}" if path else key, setting)
    return {**value, key: inner}


def _in_list(items: list[Any], rest: str, path: str, setting: str) -> list[Any]:
    """Return a list with an item changed, which ``rest`` names: the longest name counts, since labels have dots."""
    named: dict[str, list[int]] = {}
    for position, item in enumerate(items):
        for name in _names(item) if path in LISTED else ():
            named.setdefault(name, []).append(position)
    named |= {str(position): [position] for position in range(len(items))}
    chosen = max((name for name in named if re.match(re.escape(name) + "[.=]", rest[1:])), key=len, default=None)
    if chosen is None:
        given, known = re.split(r"[.=]", rest[1:], maxsplit=1)[0], [n for n in named if not n.isdigit()]
        raise UsageError(
            f"--set {setting}: {path} has no item {given!r}",
            allowed=", ".join(known or named) or f"nothing: there are no {path}",
            hint=nearest(given, known),
        )
    if len(named[chosen]) > 1:
        raise UsageError(
            f"--set {setting}: {len(named[chosen])} of {path} are called {chosen!r}",
            allowed=f"a label, or a position: {', '.join(map(str, named[chosen]))}",
        )
    position = named[chosen][0]
    changed = _changed(items[position], rest[1 + len(chosen) :], f"{path}.{position}", setting)
    return [*items[:position], changed, *items[position + 1 :]]


def _names(item: Any) -> list[str]:
    """Return what a plug-in's entry may be called: its label, its name, and what it is written as."""
    given = item if isinstance(item, str) else item.get("name") if isinstance(item, Mapping) else None
    label = item.get("label") if isinstance(item, Mapping) else None
    names = [label, given, parse(given).name if isinstance(given, str) else None]
    return list(dict.fromkeys(name for name in names if isinstance(name, str)))


def _entry(value: Any) -> Any:
    """Return a plug-in's entry as a mapping."""
    if not isinstance(value, str):
        return value
    spec = parse(value)
    return {"name": spec.name, **spec.parameters}


def limited(raw: Any, limit: int, concerns: Callable[[str], bool] = lambda task: True) -> Any:
    """Return the content of an experiment file with at most so many queries of a collection in each task.

    Args:
        raw: The content; what is not as a file has to be is left for the check of the file.
        limit: How many queries, the first of each collection.
        concerns: Whether a task of this name or label is limited.

    Raises:
        UsageError: A task does not measure the first queries of a collection.
    """
    if not isinstance(raw, Mapping):
        return raw
    tasks = raw.get("tasks")
    tasks = [tasks] if isinstance(tasks, str | Mapping) else tasks
    if not isinstance(tasks, list):
        return raw
    return {
        **raw, "tasks": [limited_task(task, limit) if any(map(concerns, _names(task))) else task for task in tasks]
    }  # fmt: skip


def limited_task(task: Any, limit: int) -> Any:
    """Return the entry of a task with at most ``limit`` queries.

    Raises:
        UsageError: The task does not measure the first queries of a collection, or sweeps their number.
    """
    given = _entry(task)
    if not isinstance(given, Mapping) or not isinstance(given.get("name"), str):
        return task
    spec = parse(given["name"])
    known = {parameter.name: parameter for parameter in parameters(find("task", spec.name))}
    is_swept = "queries" in (given.get("sweep") or {})
    if is_swept or "queries" not in known or known["queries"].default is not None:
        fault = "sweeps its queries" if is_swept else "does not measure the first queries of a collection"
        raise UsageError(
            f"limit {limit}: the task {spec.name!r} {fault}",
            hint=f"leave the limit out, and set the task's parameters: robustrank describe task {spec.name}",
        )
    queries = given.get("queries", spec.parameters.get("queries"))
    return {**given, "queries": min(limit, queries) if isinstance(queries, int) else limit}
