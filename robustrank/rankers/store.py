"""What keeps answers on disk for a score cache: any bytes, by the digest of what they answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol


class Store(Protocol):
    """Values by keys.

    Raises:
        DataError: Its folder cannot be written, in every method. Damaged values are no error: they are not known.
    """

    def get_many(self, keys: Sequence[bytes]) -> dict[bytes, bytes]:
        """Return the values that are known."""

    def put_many(self, values: Mapping[bytes, bytes]) -> None:
        """Keep values, in place of earlier ones."""

    def claim(self, keys: Sequence[bytes]) -> set[bytes]:
        """Return the keys that the caller is to compute: not those that another process is computing now."""

    def release(self, keys: Sequence[bytes]) -> None:
        """Give up claims without an answer; a claim ends by itself with the answer."""

    def close(self) -> None:
        """Close what is open; the next call opens it again."""
