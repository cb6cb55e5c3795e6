"""What happens to files: a power cut, a full disk, a bad sector, a person."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def zero(path: Path) -> None:
    path.write_bytes(bytes(path.stat().st_size))


def zero_second_half(path: Path) -> None:
    raw = path.read_bytes()
    path.write_bytes(raw[: len(raw) // 2] + bytes(len(raw) - len(raw) // 2))


def fill_with_garbage(path: Path) -> None:
    path.write_bytes(bytes((7 * i * i + 13) % 256 for i in range(path.stat().st_size)))


def change_one_bit(path: Path) -> None:
    raw = path.read_bytes()
    middle = len(raw) // 2
    path.write_bytes(raw[:middle] + bytes([raw[middle] ^ 1]) + raw[middle + 1 :])


def empty(path: Path) -> None:
    path.write_bytes(b"")


DAMAGES: dict[str, Callable[[Path], None]] = {
    "cut in half": cut,
    "zeroed": zero,
    "second half zeroed": zero_second_half,
    "garbage": fill_with_garbage,
    "one bit changed": change_one_bit,
    "emptied": empty,
    "deleted": Path.unlink,
}
