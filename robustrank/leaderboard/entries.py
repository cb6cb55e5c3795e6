"""A folder of entries: all of them read, each computed again and compared with what its file says."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from robustrank.errors import DataError, RobustrankError
from robustrank.leaderboard.assessment import Assessment, assess
from robustrank.leaderboard.entry import Entry, read_entry
from robustrank.suites.suite import load_suite

PUBLISHED = "published"  # the folder of entries that papers alone report


def entry_files(entries: Path) -> list[Path]:
    """Return the files of the entries, in order: a folder for each suite, and one for what papers report.

    Raises:
        DataError: There are none.
    """
    files = sorted(entries.glob("*/*.json"))
    if not files:
        raise DataError(
            "there are no entries", where=str(entries), allowed="SUITE/NAME.json, as robustrank submit writes"
        )
    return files


def read_entries(entries: Path) -> dict[Path, Entry]:
    """Return the entries of a folder by file.

    Raises:
        DataError: One is not valid, or lies in the folder of another suite.
    """
    by_file = {path: read_entry(path) for path in entry_files(entries)}
    for path, entry in by_file.items():
        if path.parent.name != (expected := entry.suite or PUBLISHED):
            raise DataError(f"the entry is of {expected}", where=str(path), allowed=f"{expected}/{path.name}")
    return by_file


def computed(path: Path, entries: Mapping[Path, Entry]) -> Assessment:
    """Return an entry as it is computed from its runs, beside the attacks of all others.

    Raises:
        DataError: A run is not what it is said to be.
    """
    entry = entries[path]
    if entry.suite is None:
        return Assessment(entry)
    others = [(other, file.parent) for file, other in entries.items() if file != path and other.suite]
    return assess(entry, path.parent, load_suite(entry.suite), others)


def verified(path: Path, entries: Mapping[Path, Entry]) -> Assessment:
    """Return an entry that is as it is computed again.

    Args:
        path: Its file.
        entries: All entries by file.

    Raises:
        DataError: Its file says otherwise, or a run is not what it is said to be.
    """
    entry, assessment = entries[path], computed(path, entries)
    given, expected = (e.model_dump(mode="json", by_alias=True) for e in (entry, assessment.entry))
    different = [key for key in expected if given[key] != expected[key]]
    if different:
        key = different[0]
        raise DataError(
            f"the entry says otherwise than its runs in: {', '.join(different)}",
            where=f"{path}: {key}: {given[key]}",
            allowed=f"{expected[key]}",
            hint=f"robustrank verify {path} --write computes it",
        )
    return assessment


def problems(entries: Mapping[Path, Entry]) -> Iterator[tuple[Path, str]]:
    """Yield each entry that is refused, and why; and each system that two entries of a suite are of."""
    known: dict[tuple[object, ...], Path] = {}
    for path, entry in entries.items():
        system = (entry.suite, entry.system.ranker, entry.system.defense, entry.system.name if not entry.suite else "")
        if system in known:
            yield path, f"the same system as {known[system].name}"
        known[system] = path
        try:
            verified(path, entries)
        except RobustrankError as error:
            yield path, str(error)
