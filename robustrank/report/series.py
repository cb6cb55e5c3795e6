"""Which attacks are one attack at several sizes: those that differ in the size parameter alone."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence

from robustrank.printing import printable
from robustrank.report.entries import Entry


def series(sizes: Mapping[Entry, float]) -> dict[Entry, str]:
    """Return the name of each attack's series, the same for attacks that differ in their size alone.

    Args:
        sizes: The size of each attack. The size parameter is one that has the size as its value in every entry of the
            plug-in.
    """
    names: dict[Entry, str] = {}
    for plug_in in dict.fromkeys(entry.name for entry in sizes):
        alike = [entry for entry in sizes if entry.name == plug_in]
        parameters = {key for entry in alike for key in entry.parameters if all(_has(e, key, sizes[e]) for e in alike)}
        names |= series_without(alike, parameters)
    return names


def series_without(entries: Sequence[Entry], parameters: Collection[str]) -> dict[Entry, str]:
    """Return the name of each entry's series: its plug-in, with what tells series apart; its label where it is alone.

    Args:
        entries: Entries of one plug-in.
        parameters: Those that differ within a series.
    """
    rest = {e: {key: value for key, value in e.parameters.items() if key not in parameters} for e in entries}
    texts = {e: json.dumps(rest[e], sort_keys=True, default=str) for e in entries}
    keys = {key for e in entries for key in rest[e]}
    telling = sorted(key for key in keys if len({json.dumps(rest[e].get(key), default=str) for e in entries}) > 1)
    names = {}
    for entry in entries:
        shown = ",".join(f"{key}={_shown(rest[entry][key])}" for key in telling if key in rest[entry])
        alone = list(texts.values()).count(texts[entry]) == 1
        names[entry] = entry.label if alone else printable(f"{entry.name}:{shown}" if shown else entry.name)
    return names


def _has(entry: Entry, key: str, size: float) -> bool:
    value = entry.parameters.get(key)
    return isinstance(value, int | float) and not isinstance(value, bool) and value == size


def _shown(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, default=str)
