"""The contract of collection readers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

from robustrank.collections.collection import Collection


class CollectionReader(ABC):
    """Builds a collection. Subclass as a frozen dataclass: fields are parameters, described beside them.

    A constructor only stores its parameters, so that listing and planning read no files.

    Attributes:
        is_kept: Whether what is read depends on nothing but code, parameters, and the content of files and folders that
            parameters name. A large collection is then kept as it was read, until one of them changes.
    """

    is_kept: ClassVar[bool] = False

    @abstractmethod
    def read(self) -> Collection:
        """Return the collection, built with :func:`robustrank.collections.check.checked`.

        Raises:
            DataError: A file is missing, unreadable or inconsistent.
        """
