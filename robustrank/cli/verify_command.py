"""``robustrank verify``: certificates checked again from their own numbers."""

from __future__ import annotations

from pathlib import Path

import click

from robustrank.errors import DataError


@click.command("verify")
@click.argument("path", type=click.Path(path_type=Path, exists=True))
def command(path: Path) -> None:
    """Check the certificates in PATH: a run folder, or a certificates.jsonl of one of its cells.

    Each verdict is derived again from the evidence beside it, and each digest is compared; no model is needed. What is
    checked is the step from the evidence to the verdict, not that the evidence was sampled honestly.
    """
    from robustrank.run_files import cell_folders, refuse_damaged_file

    files = [path] if path.is_file() else [folder / "certificates.jsonl" for folder in cell_folders(path)]
    files = [file for file in files if file.exists()]
    if not files:
        raise DataError("there are no certificates", where=str(path), allowed="a run with the task certified-topk")
    for file in files:
        refuse_damaged_file(file)
    counts = [_verified(file) for file in files]
    total, certified, published = (sum(count[i] for count in counts) for i in range(3))
    click.echo(f"{total} certificates in {len(files)} files hold together; {certified} certify their list")
    if published:
        click.echo(f"{published} more are by the published bound, which does not hold over the whole list")


def _verified(file: Path) -> tuple[int, int, int]:
    """Return how many certificates of a file hold, how many of these certify, and how many are the published kind.

    Raises:
        DataError: One does not hold together.
    """
    from robustrank.certification.certificate import Certificate
    from robustrank.json_lines import read_lines

    total = certified = published = 0
    for where, record in read_lines(file):
        try:
            found = Certificate.from_dict(record)
            found.recheck()
        except DataError as error:
            raise DataError(error.what, where=f"{where}: {error.where or 'unreadable'}") from error
        total += found.holds
        certified += found.holds and found.certified
        published += not found.holds
    return total, certified, published
