"""``robustrank verify``: verifies saved certificates from their evidence."""

from __future__ import annotations

from pathlib import Path

import click

from robustrank.errors import DataError


@click.command("verify")
@click.argument("path", type=click.Path(path_type=Path, exists=True))
def command(path: Path) -> None:
    """Verify the certificates in PATH: a run folder, or the certificates.jsonl of a cell.

    Each verdict is derived again from its evidence, and each checksum is compared; no model is needed. This verifies
    the step from the evidence to the verdict, not that the evidence was sampled correctly.
    """
    from robustrank.run_files import cell_folders, refuse_damaged_file

    files = [path] if path.is_file() else [folder / "certificates.jsonl" for folder in cell_folders(path)]
    files = [file for file in files if file.exists()]
    if not files:
        raise DataError("no certificates found", where=str(path), allowed="a run with the task certified-topk")
    for file in files:
        refuse_damaged_file(file)
    counts = [_verify_file(file) for file in files]
    valid, certified, published = (sum(count[i] for count in counts) for i in range(3))
    click.echo(f"{valid} certificates verified in {len(files)} files; {certified} certify their list")
    if published:
        click.echo(f"{published} more by the published bound, which is not valid over the whole list")


def _verify_file(file: Path) -> tuple[int, int, int]:
    """Return the counts of valid certificates, of certified lists, and of certificates by the published bound.

    Raises:
        DataError: A certificate is not valid.
    """
    from robustrank.certification.certificate import Certificate
    from robustrank.json_lines import read_lines

    valid = certified = published = 0
    for where, record in read_lines(file):
        try:
            certificate = Certificate.from_dict(record)
            certificate.verify()
        except DataError as error:
            raise DataError(error.what, where=f"{where}: {error.where or 'unreadable'}") from error
        valid += certificate.holds
        certified += certificate.holds and certificate.certified
        published += not certificate.holds
    return valid, certified, published
