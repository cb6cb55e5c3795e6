"""Which attacks are one attack at several sizes: labels that differ in the size parameter alone."""

from __future__ import annotations

from collections.abc import Mapping

from robustrank.report.unit_table import plug_in


def series(budgets: Mapping[str, float]) -> dict[str, str]:
    """Return the name of each attack's series: its label without the parameter that is its size.

    Args:
        budgets: The size of each attack, by label. The size parameter is one that has the size as its value
            in every label of the plug-in that names it.
    """
    names = {}
    for label in budgets:
        alike = {other: _parameters(other) for other in budgets if plug_in(other) == plug_in(label)}
        sizes = {
            key
            for key in _parameters(label)
            if all(_is(own[key], budgets[other]) for other, own in alike.items() if key in own)
        }
        names[label] = label if not sizes else _without(label, sizes)
    return names


def _without(label: str, sizes: set[str]) -> str:
    kept = ",".join(f"{key}={value}" for key, value in _parameters(label).items() if key not in sizes)
    return f"{plug_in(label)}:{kept}" if kept else plug_in(label)


def _parameters(label: str) -> dict[str, str]:
    pairs = (rowset.partition("=") for rowset in label.partition(":")[2].split(",") if rowset)
    return {key: value for key, _, value in pairs}


def _is(text: str, size: float) -> bool:
    try:
        return float(text) == size
    except ValueError:
        return False
