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
    files = [path] if path.is_file() else sorted(path.glob("cells/*/certificates.jsonl"))
    if not files:
        raise DataError("there are no certificates", where=str(path), allowed="a run with the task certified-topk")
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
    import json

    from robustrank.certification.certificate import Certificate

    total = certified = published = 0
    for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1):
        try:
            found = Certificate.from_dict(json.loads(line))
            found.recheck()
        except json.JSONDecodeError as error:
            raise DataError(f"the line is not JSON: {error}", where=f"{file}, line {number}") from error
        except DataError as error:
            raise DataError(error.what, where=f"{file}, line {number}: {error.where or 'unreadable'}") from error
        total += found.holds
        certified += found.holds and found.certified
        published += not found.holds
    return total, certified, published
