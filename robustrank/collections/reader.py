"""The contract of collection plug-ins."""

from __future__ import annotations

from abc import ABC, abstractmethod

from robustrank.collections.collection import Collection


class CollectionReader(ABC):
    """Builds a collection. Subclass as a frozen dataclass: fields are parameters, described beside them.

    A constructor only keeps its parameters, so that listing and planning open no file.
    """

    @abstractmethod
    def read(self) -> Collection:
        """Return the collection, made with :func:`robustrank.collections.check.checked`.

        Raises:
            DataError: Something is missing, unreadable or does not fit together.
        """


def at_least_one(**parameters: int) -> None:
    """Refuse counts below one.

    Raises:
        ValueError: A parameter is below one.
    """
    for name, value in parameters.items():
        if value < 1:
            raise ValueError(f"{name} is {value}, and at least 1 is needed")
