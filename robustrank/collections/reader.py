"""The contract of collection readers."""

from __future__ import annotations

from abc import ABC, abstractmethod

from robustrank.collections.collection import Collection


class CollectionReader(ABC):
    """Builds a collection. Subclass as a frozen dataclass: fields are parameters, described beside them.

    A constructor only stores its parameters, so that listing and planning read no files.
    """

    @abstractmethod
    def read(self) -> Collection:
        """Return the collection, built with :func:`robustrank.collections.check.checked`.

        Raises:
            DataError: A file is missing, unreadable or inconsistent.
        """
