"""A part of a plan: the cells that ``--only`` names, by the labels or names of their parts."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from robustrank.engine.cell import Cell
from robustrank.errors import UsageError, nearest
from robustrank.plugins.specification import Spec

AXES = ("task", "collection", "ranker", "defense", "attack", "seed")
_SHOWN = 12  # names in a message


@dataclass(frozen=True)
class Selection:
    """Cells by their parts.

    Attributes:
        wanted: For each axis the labels or names of which a cell has one; axes that are left out are not restricted.
        text: As it was given.
    """

    wanted: Mapping[str, tuple[str, ...]]
    text: str

    @classmethod
    def parse(cls, options: Sequence[str]) -> Selection | None:
        """Read ``axis=name,axis=name``; None where nothing is given.

        Names of one axis are alternatives. A comma before what is no axis is part of a name, as labels have commas.

        Raises:
            UsageError: There is no such axis, or no name.
        """
        wanted: dict[str, list[str]] = {}
        for option in options:
            for item in re.split(rf",(?=(?:{'|'.join(AXES)})=)", option):
                axis, _, name = item.partition("=")
                if axis not in AXES or not name:
                    raise UsageError(
                        f"--only {option}: {item!r} selects nothing",
                        allowed=f"axis=name,…; axes: {', '.join(AXES)}",
                        hint=nearest(axis, AXES) if axis not in AXES else None,
                    )
                wanted.setdefault(axis, []).append(name)
        return cls({axis: tuple(names) for axis, names in wanted.items()}, ",".join(options)) if wanted else None

    def of(self, cells: Sequence[Cell]) -> list[Cell]:
        """Return the selected cells, in their order.

        Raises:
            UsageError: None is left, or a name is in no cell.
        """
        for axis, names in self.wanted.items():
            present = list(dict.fromkeys(name for cell in cells for name in _names(cell, axis)))
            for name in names:
                if not any(_matches(candidate, name) for candidate in present):
                    raise UsageError(
                        f"--only {self.text}: no cell has the {axis} {name!r}",
                        allowed=_listed(present) or f"no cell has a {axis}",
                        hint=nearest(name, present),
                    )
        chosen = [cell for cell in cells if self.has(cell)]
        if not chosen:
            there = (
                f"{axis}: {_listed(list(dict.fromkeys(_label(cell, axis) for cell in cells)))}" for axis in self.wanted
            )
            raise UsageError(f"--only {self.text}: no cell has all of these", allowed="; ".join(there))
        return chosen

    def has(self, cell: Cell) -> bool:
        """Return whether a cell is selected."""
        return all(
            any(_matches(candidate, name) for candidate in _names(cell, axis) for name in names)
            for axis, names in self.wanted.items()
        )

    def has_task(self, name: str) -> bool:
        """Return whether cells of the task of this name or label may be selected."""
        return "task" not in self.wanted or any(_matches(w, name) or _matches(name, w) for w in self.wanted["task"])


def _names(cell: Cell, axis: str) -> list[str]:
    """Return the label and the name of what a cell has on an axis; none where it has nothing there."""
    part: Spec | int | None = getattr(cell, axis)
    if isinstance(part, Spec):
        return list(dict.fromkeys([part.label, part.name]))
    return [] if part is None else [str(part)]


def _label(cell: Cell, axis: str) -> str:
    return next(iter(_names(cell, axis)), "(none)")


def _matches(label: str, wanted: str) -> bool:
    return label == wanted or label.startswith(f"{wanted}:")  # a sweep's label selects its points


def _listed(names: Sequence[str]) -> str:
    more = len(names) - _SHOWN
    return ", ".join(names[:_SHOWN]) + (f" and {more} more" if more > 0 else "")
