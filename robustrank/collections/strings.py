"""Many strings in few arrays: in memory, or memory-mapped from a folder so that opening them reads nothing."""

from __future__ import annotations

import mmap
from collections.abc import Iterable, Iterator
from hashlib import blake2b
from itertools import accumulate
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

_CHUNK = 4096  # strings that are read at once when all are


class Strings:
    """Strings by number.

    Attributes:
        blob: All of them in UTF-8, one behind the other.
        ends: int64[n], where each ends in the blob.
    """

    def __init__(self, blob: bytes | mmap.mmap, ends: NDArray[np.int64]) -> None:
        self.blob, self.ends = blob, ends

    @classmethod
    def of(cls, strings: Iterable[str]) -> Strings:
        """Return them in memory."""
        parts = [encoded(string) for string in strings]
        return cls(b"".join(parts), np.fromiter(accumulate(map(len, parts)), np.int64, len(parts)))

    @classmethod
    def open(cls, folder: Path, name: str) -> Strings:
        """Open what :meth:`save` has written."""
        with (folder / f"{name}.bin").open("rb") as file:
            empty = file.seek(0, 2) == 0  # which cannot be mapped
            blob = b"" if empty else mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        return cls(blob, open_array(folder / f"{name}.ends.npy"))

    def save(self, folder: Path, name: str) -> None:
        """Write them into a folder, in two files."""
        (folder / f"{name}.bin").write_bytes(self.blob)
        np.save(folder / f"{name}.ends.npy", self.ends)

    def __len__(self) -> int:
        return len(self.ends)

    def __getitem__(self, number: int) -> str:
        """Return a string by its number, from 0."""
        start = int(self.ends[number - 1]) if number else 0
        return self.blob[start : int(self.ends[number])].decode("utf-8", "surrogatepass")

    def __iter__(self) -> Iterator[str]:
        start = 0
        for first in range(0, len(self), _CHUNK):
            for end in self.ends[first : first + _CHUNK].tolist():
                yield self.blob[start:end].decode("utf-8", "surrogatepass")
                start = end


class Names:
    """Distinct strings by number, and their numbers by string.

    Attributes:
        strings: The strings.
        hashes: uint64[n], their hashes, ascending.
        numbers: int64[n], the number of the string of each hash.
    """

    def __init__(self, strings: Strings, hashes: NDArray[np.uint64], numbers: NDArray[np.int64]) -> None:
        self.strings, self.hashes, self.numbers = strings, hashes, numbers

    @classmethod
    def of(cls, names: Iterable[str]) -> Names:
        """Return them in memory."""
        strings = Strings.of(names)
        hashes = np.fromiter(map(_hash, strings), np.uint64, len(strings))
        numbers = np.argsort(hashes, kind="stable")
        return cls(strings, hashes[numbers], numbers)

    @classmethod
    def open(cls, folder: Path, name: str) -> Names:
        """Open what :meth:`save` has written."""
        hashes, numbers = (open_array(folder / f"{name}.{part}.npy") for part in ("hashes", "numbers"))
        return cls(Strings.open(folder, name), hashes, numbers)

    def save(self, folder: Path, name: str) -> None:
        """Write them into a folder, in four files."""
        self.strings.save(folder, name)
        np.save(folder / f"{name}.hashes.npy", self.hashes)
        np.save(folder / f"{name}.numbers.npy", self.numbers)

    def __len__(self) -> int:
        return len(self.strings)

    def find(self, name: str) -> int | None:
        """Return the number of a string; None where it is not there."""
        wanted = np.uint64(_hash(name))
        place = int(np.searchsorted(self.hashes, wanted))
        while place < len(self) and self.hashes[place] == wanted:
            number = int(self.numbers[place])
            if self.strings[number] == name:
                return number
            place += 1
        return None


def open_array(path: Path) -> NDArray[Any]:
    """Return the array of a file, memory-mapped and read-only; an empty one, which cannot be mapped, is read."""
    try:
        array: NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
    except ValueError:
        array = np.load(path, allow_pickle=False)
    return array


def encoded(string: str) -> bytes:
    """Return a string in UTF-8, halves of surrogate pairs as they are."""
    return string.encode("utf-8", "surrogatepass")


def _hash(name: str) -> int:
    return int.from_bytes(blake2b(encoded(name), digest_size=8).digest(), "little")
