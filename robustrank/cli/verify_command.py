"""``robustrank verify``: verifies saved certificates from their evidence."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from robustrank.cli.options import json_option
from robustrank.errors import DataError
from robustrank.json_lines import read_lines
from robustrank.rows import Row, checked_row
from robustrank.run_files import cell_folders, cell_of, refuse_damaged_file

if TYPE_CHECKING:
    from robustrank.certification.certificate import Certificate


@click.command("verify")
@click.argument("path", type=click.Path(path_type=Path, exists=True))
@json_option("the counts")
def command(path: Path, as_json: bool) -> None:
    """Verify the certificates in PATH: a run folder, or the certificates.jsonl of a cell.

    Each verdict is derived again from its evidence, and each checksum is compared; no model is needed. Evidence that
    samples cannot give is refused, and so are certificates that contradict each other or the rows of their cell. That
    the evidence was sampled from the ranker, the texts and the table of the run is not verified.
    """
    files = [path] if path.is_file() else [folder / "certificates.jsonl" for folder in cell_folders(path)]
    rows = {file: _rows(file) for file in files}
    files = [file for file in files if file.exists() or any(row.measure == "certified" for row in rows[file])]
    if not files:
        raise DataError("no certificates found", where=str(path), allowed="a run with the task certified-topk")
    certificates = [certificate for file in files for certificate in _verified(file, rows[file])]
    valid = [certificate for certificate in certificates if certificate.holds]
    certified = sum(certificate.certified and not certificate.is_trivial for certificate in valid)
    trivial = sum(certificate.is_trivial for certificate in valid)
    published = len(certificates) - len(valid)
    if as_json:
        counts = {"verified": len(valid), "certified": certified, "trivial": trivial, "published_bound": published}
        click.echo(json.dumps({"files": list(map(str, files)), **counts}, indent=1))
        return
    click.echo(f"{len(valid)} certificates verified in {len(files)} files; {certified} certify their list")
    if trivial:
        click.echo(f"{trivial} are of lists of at most K documents, which no document can enter: they prove nothing")
    if published:
        click.echo(f"{published} more by the published bound, which is not valid over the whole list")


def _rows(file: Path) -> list[Row]:
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


def _verified(file: Path, rows: list[Row]) -> list[Certificate]:
    """Return the certificates of a file.

    Raises:
        DataError: It has none, one is not valid, or they contradict each other or the rows of their cell.
    """
    from robustrank.certification.certificate import Certificate
    from robustrank.certification.verification import refuse_contradictions, refuse_other_rows

    certificates = []
    for where, record in read_lines(file):
        try:
            certificate = Certificate.from_dict(record)
            certificate.verify()
        except DataError as error:
            place = f"{where}: {error.where}" if error.where else where
            raise DataError(error.what, where=place, allowed=error.allowed) from error
        certificates.append((where, certificate))
    if not certificates:
        raise DataError("there is no certificate in the file", where=str(file), allowed="a certificate on each line")
    refuse_contradictions(certificates)
    if cell_of(file) is not None:
        refuse_other_rows(certificates, rows)
    return [certificate for _, certificate in certificates]
