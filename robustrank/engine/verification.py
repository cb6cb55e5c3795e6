"""Verifies the certificates of a run: by their numbers, and against all that is at hand of what they come from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from robustrank.certification.certificate import Certificate
from robustrank.certification.certificate_json import read_certificate
from robustrank.certification.evidence_file import read_evidence
from robustrank.certification.recomputation import Known, refuse_other_numbers, refuse_other_texts
from robustrank.certification.verification import (
    Located,
    refuse_contradictions,
    refuse_other_origins,
    refuse_other_rows,
    refuse_other_table,
)
from robustrank.engine.certified_cells import AtHand, find_at_hand, replay
from robustrank.errors import DataError
from robustrank.json_lines import read_lines
from robustrank.paths import default_cache
from robustrank.rows import Coordinates, Row, checked_row
from robustrank.run_files import cell_of, read_cell, refuse_damaged_file
from robustrank.text.table import SubstitutionTable

EVIDENCE = "evidence.jsonl"


@dataclass
class Verified:
    """What was verified.

    Attributes:
        certificates: The certificates, by file.
        by_copies: How many were computed again from the scores of their copies.
        by_texts: How many were compared with the texts and the table that they are of.
        by_ranker: How many were repeated by their ranker.
        tables: The tables that are saved beside them, by fingerprint.
        unchecked: What was not checked, and why.
    """

    certificates: dict[Path, list[Certificate]] = field(default_factory=dict)
    by_copies: int = 0
    by_texts: int = 0
    by_ranker: int = 0
    tables: dict[str, SubstitutionTable] = field(default_factory=dict)
    unchecked: dict[str, None] = field(default_factory=dict)


def verify_files(
    files: Sequence[Path], run: Path | None, cache: Path | None, lists: int, is_trusted: bool = False
) -> Verified:
    """Verify files of certificates.

    Args:
        files: Each certificates.jsonl.
        run: The run folder that they are of; None for a file of no run.
        cache: The folder of scores and trained weights, for rankers; by default that of all runs.
        lists: How many lists of each cell its ranker certifies again.
        is_trusted: Whether code that the run names, and that is not installed by name, may run.

    Raises:
        DataError: A file has no certificate, one is not valid, or they contradict each other, their rows, or what they
            were computed from.
    """
    verified = Verified()
    records = _cell_records(run)
    cells = {file: _cell_of(file, records) for file in files}
    at_hand = AtHand()
    if run is not None:
        certified = [cell for cell in cells.values() if cell is not None]
        at_hand = find_at_hand(run, certified, cache or default_cache(), is_trusted)
    for file in files:
        _verify_file(file, cells[file], at_hand, lists, verified)
    verified.unchecked |= at_hand.missing
    return verified


def rows_of(file: Path) -> list[Row]:
    """Return the rows of the cell that a file is of; none where it is of no cell.

    Raises:
        DataError: The cell is damaged, or its rows are not valid.
    """
    if cell_of(file) is None:
        return []
    path, rows = file.with_name("rows.jsonl"), []
    for name in filter(Path.exists, (file, path)):
        refuse_damaged_file(name)
    for where, record in read_lines(path):
        try:
            rows.append(checked_row(record))
        except ValueError as error:
            raise DataError(f"not a valid row: {error}", where=where) from error
    return rows


def _verify_file(file: Path, cell: Coordinates | None, at_hand: AtHand, lists: int, verified: Verified) -> None:
    located = _read(file)
    refuse_contradictions(located)
    if cell_of(file) is not None:
        refuse_other_rows(located, rows_of(file))
    if cell is not None:
        refuse_other_origins(located, cell)
    certificates = [certificate for _, certificate in located]
    verified.certificates[file] = certificates
    known, path = Known(), file.with_name(EVIDENCE)
    if path.exists():
        refuse_damaged_file(path)
        known = read_evidence(path)
        refuse_other_table(located, known.table)
        verified.tables |= {known.table.fingerprint: known.table} if known.table else {}
    elif any(document.scores for certificate in certificates for document in certificate.documents):
        verified.unchecked[f"the scores of copies: {path} is missing"] = None
    collection = at_hand.collections.get(cell.collection.identity) if cell else None
    if collection is None:
        verified.unchecked.setdefault("that texts are those of the collection, which is not at hand")
    else:
        known.queries, known.documents = collection.queries, collection.documents
        for where, certificate in located:
            with _at(where):
                refuse_other_texts(certificate, known)
                verified.by_texts += 1
    if known.scores:
        for group in _groups(located):
            with _at(group[0][0]):
                is_recomputed = refuse_other_numbers([certificate for _, certificate in group], known)
                verified.by_copies += len(group) if is_recomputed else 0
    if cell is not None and cell.key in at_hand.contexts:
        with _at(str(file)):
            verified.by_ranker += replay(at_hand.contexts[cell.key], certificates, lists)


def _read(file: Path) -> list[Located]:
    """Return the certificates of a file, each valid by its numbers."""
    located = []
    for where, record in read_lines(file):
        with _at(where):
            certificate = read_certificate(record)
            certificate.verify()
        located.append((where, certificate))
    if not located:
        raise DataError("there is no certificate in the file", where=str(file), allowed="a certificate on each line")
    return located


def _groups(located: Iterable[Located]) -> Iterator[list[Located]]:
    """Yield the certificates of each list, bound and radius."""
    groups: dict[tuple[str, str, int | None], list[Located]] = {}
    for where, certificate in located:
        groups.setdefault((certificate.query_id, certificate.bound, certificate.radius), []).append(
            (where, certificate)
        )
    yield from groups.values()


def _cell_records(run: Path | None) -> dict[str, tuple[str, object]] | None:
    """Return the records of a run's cells.jsonl, each with its place, by key; None where there is none."""
    if run is None or not (run / "cells.jsonl").exists():
        return None
    records: dict[str, tuple[str, object]] = {}
    for where, record in read_lines(run / "cells.jsonl"):
        if isinstance(key := record.get("key"), str):
            records.setdefault(key, (where, record))
    return records


def _cell_of(file: Path, records: Mapping[str, tuple[str, object]] | None) -> Coordinates | None:
    """Return what the run tells of the cell of a file; None where it tells nothing."""
    folder = cell_of(file)
    if folder is None or records is None:
        return None
    if folder.name not in records:
        raise DataError("the run's cells.jsonl does not name this cell", where=str(folder))
    return read_cell(*records[folder.name])


@contextmanager
def _at(where: str) -> Iterator[None]:
    """Tell in an error of a certificate the file and the line."""
    try:
        yield
    except DataError as error:
        place = f"{where}: {error.where}" if error.where else where
        raise DataError(error.what, where=place, allowed=error.allowed) from error
