"""``robustrank verify``: verifies saved certificates by their numbers, and against what they come from."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from robustrank.cli.entry_verification import Wanted, verify_entry
from robustrank.cli.options import cache_option, json_option
from robustrank.errors import DataError
from robustrank.printing import counted
from robustrank.run_files import cell_folders, cell_of

if TYPE_CHECKING:
    from robustrank.engine.attack_checks import AttackChecks
    from robustrank.engine.verification import Verified
    from robustrank.leaderboard.entry import Role


@click.command("verify")
@click.argument("path", type=click.Path(path_type=Path, exists=True))
@click.option(
    "--against",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Another run, whose attacks on the same rankers and defenses are held against the certificates, too.",
)
@click.option(
    "--replay",
    type=click.IntRange(min=0),
    default=1,
    show_default=True,
    help="Lists of each cell that its ranker certifies again, where code, data and models are here; 0 is none.",
)
@click.option("--trust", is_flag=True, help="Run plug-ins from files and modules that the run names.")
@click.option(
    "--external",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Of an entry: replay these adversarial documents against its system, and write down what they break.",
)
@click.option("--repeat", "repeats", type=click.Choice(["drawn", "all"]), help="Of an entry: measure cells again.")
@click.option("--seed", default="", help="Of the draw of --repeat drawn: the commit that merged the entry.")
@click.option("--by", help="Who repeats, or wrote the adversarial documents.")
@click.option(
    "--role",
    type=click.Choice(["maintainers", "third party"]),
    default="third party",
    show_default=True,
    help="Of --by, with --repeat.",
)
@click.option("--link", default="", help="Where it is told how the adversarial documents were written.")
@click.option("--write", "is_written", is_flag=True, help="Of an entry: write what is computed into its file.")
@cache_option
@json_option("the counts")
def command(
    path: Path,
    against: Path | None,
    replay: int,
    trust: bool,
    external: Path | None,
    repeats: str | None,
    seed: str,
    by: str | None,
    role: Role,
    link: str,
    is_written: bool,
    cache: Path | None,
    as_json: bool,
) -> None:
    """Verify the certificates in PATH: a run folder, or the certificates.jsonl of a cell; or an entry's .json file.

    Each verdict is derived again from its numbers; these are computed again from the scores of the copies that are
    saved beside the certificates, and what an edit can change from the texts and the substitution table. Certificates
    that contradict each other, or the rows and the origin of their cell, are refused, and so are attacks that enter a
    certified served list. Where the run's rankers are here, some lists are certified again. What is not checked is
    said. Of an entry of the leaderboard, figures, flags and status are computed again.
    """
    if path.suffix == ".json":
        verify_entry(path, Wanted(external, repeats, seed, by, role, link, is_written, cache))
        return
    from robustrank.engine.attack_checks import check_attacks
    from robustrank.engine.verification import rows_of, verify_files

    files = [path] if path.is_file() else [folder / "certificates.jsonl" for folder in cell_folders(path)]
    files = [file for file in files if file.exists() or any(row.measure == "certified" for row in rows_of(file))]
    if not files:
        raise DataError("no certificates", where=str(path), allowed="a run with the task certified-topk")
    folder = cell_of(files[0])
    run = folder.parent.parent if folder else None
    verified = verify_files(files, run, cache, replay, trust)
    by_key = {file.parent.name: certificates for file, certificates in verified.certificates.items()}
    runs = [other for other in (run, against) if other is not None and (other / "cells.jsonl").exists()]
    checks = [check_attacks(by_key, verified.tables, other) for other in dict.fromkeys(runs)]
    _refuse_broken(checks)
    counts = _counts(verified, checks)
    if as_json:
        names = {"files": list(map(str, files)), **counts, "not_checked": list(verified.unchecked)}
        click.echo(json.dumps(names, indent=1))
        return
    _print(counts, len(files), list(verified.unchecked))


def _refuse_broken(checks: list[AttackChecks]) -> None:
    broken = [text for check in checks for text in check.broken]
    if broken:
        raise DataError(
            f"attacks within the threat model enter {counted(len(broken), 'certified served list')}: {broken[0]}",
            hint="the certificate is wrong, or its list was another than the one attacked",
        )


def _counts(verified: Verified, checks: list[AttackChecks]) -> dict[str, int]:
    certificates = [certificate for of_file in verified.certificates.values() for certificate in of_file]
    valid = [certificate for certificate in certificates if certificate.holds]
    return {
        "verified": len(valid),
        "certified": sum(certificate.certified and not certificate.is_trivial for certificate in valid),
        "trivial": sum(certificate.is_trivial for certificate in valid),
        "published_bound": len(certificates) - len(valid),
        "by_copies": verified.by_copies,
        "by_texts": verified.by_texts,
        "by_ranker": verified.by_ranker,
        "attacked_texts": sum(check.texts for check in checks),
        "attack_checks": sum(check.checked for check in checks),
        "exact_ranker_entered": sum(check.lucky for check in checks),
    }


def _print(counts: dict[str, int], files: int, unchecked: list[str]) -> None:
    """Print what was verified, and how."""
    click.echo(f"{counts['verified']} certificates verified in {files} files; {counts['certified']} certify their list")
    if counts["trivial"]:
        click.echo(
            f"{counts['trivial']} are of lists of at most K documents, which no document can enter: they prove nothing"
        )
    if counts["published_bound"]:
        click.echo(f"{counts['published_bound']} more by the published bound, which is not valid over the whole list")
    click.echo(
        f"computed again: {counts['by_copies']} from the scores of copies, {counts['by_ranker']} by their ranker; "
        f"{counts['by_texts']} compared with their texts"
    )
    if counts["attack_checks"]:
        texts = counted(counts["attacked_texts"], "attacked text")
        entered = counted(counts["exact_ranker_entered"], "list")
        click.echo(f"{texts} within the threat model, and none enters a certified served list")
        click.echo(f"{entered} certified of the exact ranker alone entered, which its certificate does not exclude")
    for text in unchecked:
        click.echo(f"not checked: {text}")
