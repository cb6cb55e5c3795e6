"""What an entry says, computed from the runs beside it: figures, flags and status. None of that is typed."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from robustrank.analysis.load import LoadedRun
from robustrank.certification.certificate import Certificate
from robustrank.engine.attack_checks import check_attacks
from robustrank.engine.verification import Verified, verify_files
from robustrank.errors import DataError
from robustrank.json_lines import line, read_lines
from robustrank.leaderboard.entry import CertificateShare, Entry, External, Measured, Packed, Status, Threat
from robustrank.leaderboard.external import clean_texts, external_rows
from robustrank.leaderboard.flags import flags, is_adaptive
from robustrank.leaderboard.packing import unpacked
from robustrank.leaderboard.run_check import checked_repetition, checked_run
from robustrank.run_files import cell_folders
from robustrank.storage import seal
from robustrank.suites.figures import figures, units
from robustrank.suites.suite import Suite

LEAST_TARGETS = 10  # that the maintainers' run repeats
_CELL = ["task", "collection", "attack", "seed", "fold"]


@dataclass
class Assessment:
    """An entry as it is computed.

    Attributes:
        entry: The entry.
        unchecked: What of its certificates was not checked, and why.
    """

    entry: Entry
    unchecked: list[str] = field(default_factory=list)


def assess(entry: Entry, folder: Path, suite: Suite, others: Iterable[tuple[Entry, Path]] = ()) -> Assessment:
    """Return an entry with everything computed that is computed.

    Args:
        entry: What is declared: the system, who ran what, and external evaluations; the rest of it is not read.
        folder: Where its runs are.
        suite: The suite.
        others: Other entries, each with its folder: their attacks are held against this entry's certificates.

    Raises:
        DataError: A run is not what it is said to be.
    """
    with ExitStack() as stack:
        run_folder = stack.enter_context(unpacked(folder, entry.runs[0]))
        run = checked_run(run_folder, suite)
        _refuse_other_system(entry, run, run_folder)
        certified = _verified(run_folder)
        by_key = {file.parent.name: certificates for file, certificates in certified.certificates.items()}
        broken = check_attacks(by_key, certified.tables, run_folder).broken
        for other, at in others if by_key else ():
            if _system(other) == _system(entry):
                attacks = stack.enter_context(unpacked(at, other.runs[0]))
                _rename(attacks, run)
                broken += check_attacks(by_key, certified.tables, attacks).broken
        external, rows = _with_external(entry, folder, suite, run, run_folder, stack)
        reruns = [
            (packed, checked_repetition(stack.enter_context(unpacked(folder, packed)), suite))
            for packed in entry.runs[1:]
        ]
        status, footnote = _status(entry, suite, run, reruns)
        computed = {
            "suite_sha256": suite.sha256,
            "threat": Threat(
                access_granted=suite.access,
                words=suite.words,
                attacks_adaptive_to_defense=is_adaptive(run.rows, run.cells),
            ),
            "measured": _measured(suite, run.rows, rows),
            "external": external,
            "certificates": _shares(run.rows, certified),
            "not_run": _not_run(run, run_folder),
            "flags": flags(run.rows, run.cells, bool(broken)),
            "status": status,
            "footnote": footnote,
        }
    return Assessment(entry.model_copy(update=computed), list(certified.unchecked))


def _system(entry: Entry) -> tuple[object, ...]:
    """Return what makes two entries of one system."""
    system = entry.system
    return system.ranker, system.defense, system.model, system.prompt_sha256


def _refuse_other_system(entry: Entry, run: LoadedRun, folder: Path) -> None:
    given = {"ranker": entry.system.ranker, "defense": entry.system.defense}
    for name, text in system_of(run).items():
        if given[name] != text:
            raise DataError(
                f"the {name} of the run is {text}", where=str(folder), allowed=f"the entry says {given[name]}"
            )


def system_of(run: LoadedRun) -> dict[str, str | None]:
    """Return the ranker and the defense of a run with all their parameters, in one line each."""
    row = run.rows.iloc[0]
    named = {axis: f"{row[f'{axis}_name']} {row[f'{axis}_parameters']}" for axis in ("ranker", "defense")}
    return {"ranker": named["ranker"], "defense": None if row["defense_name"] == "none" else named["defense"]}


def _verified(folder: Path) -> Verified:
    files = [path / "certificates.jsonl" for path in cell_folders(folder)]
    files = [file for file in files if file.exists()]
    return verify_files(files, folder, None, lists=0) if files else Verified()


def _rename(attacks: Path, run: LoadedRun) -> None:
    """Give the cells of another run of the same system the identities that this run's certificates name."""
    first = run.cells[0]
    records = [record for _, record in read_lines(attacks / "cells.jsonl")]
    for record in records:
        record["ranker"]["identity"], record["defense"]["identity"] = first.ranker.identity, first.defense.identity
    (attacks / "cells.jsonl").write_text("".join(map(line, records)), encoding="utf-8")
    seal(attacks, ["cells.jsonl"])


def _with_external(
    entry: Entry, folder: Path, suite: Suite, run: LoadedRun, run_folder: Path, stack: ExitStack
) -> tuple[list[External], pd.DataFrame]:
    """Return the external evaluations as they are computed, and the rows with theirs."""
    evaluations, frames = [], [run.rows]
    texts = clean_texts(run_folder)
    for external in entry.external:
        replayed = stack.enter_context(unpacked(folder, external.packed))
        rows = external_rows(replayed, suite, run, texts)
        before, after = (_broken_targets(suite, pd.concat(part)) for part in (frames, [*frames, rows]))
        frames.append(rows)
        targets = rows[["query_id", "doc_id"]].drop_duplicates()
        update = {"targets": len(targets), "broken": after - before}
        evaluations.append(external.model_copy(update=update))
    return evaluations, pd.concat(frames, ignore_index=True)


def _broken_targets(suite: Suite, rows: pd.DataFrame) -> int:
    """Return how many targets are broken, by the first measure of worst cases that counts them."""
    measure = next(m for m in suite.measures if m.over == "worst case" and m.measure == "success")
    return int(units(measure, rows)["value"].sum())


def _measured(suite: Suite, rows: pd.DataFrame, with_external: pd.DataFrame) -> list[Measured]:
    """Return each figure with the worst that is known: external evaluations count in the worst case alone."""
    known = {figure.measure: figure.value for figure in figures(suite, with_external)}
    measured = []
    for figure in figures(suite, rows):
        measure = suite.by_name[figure.measure]
        is_worst_case = measure.over == "worst case"
        measured.append(
            Measured(
                measure=figure.measure,
                direction=measure.direction,
                value=figure.value,
                ci=figure.ci,
                n=figure.n,
                unit="target" if figure.unit == "target" else "query",
                over=measure.over,
                known=known[figure.measure] if is_worst_case else figure.value,
            )
        )
    return measured


def _shares(rows: pd.DataFrame, certified: Verified) -> list[CertificateShare]:
    """Return the certified shares of the served lists, each with the certificates' probability of error."""
    certificates: list[Certificate] = [c for of_file in certified.certificates.values() for c in of_file if not c.group]
    verdicts = rows[(rows["measure"] == "certified") & (rows["group"] == "") & rows["value"].notna()]
    shares = []
    for _, part in verdicts.groupby(["k", "radius"], sort=False):
        k, radius = part.iloc[0]["k"], part.iloc[0]["radius"]
        alphas = [c.alpha for c in certificates if c.k == k and ("all" if c.radius is None else c.radius) == radius]
        shares.append(
            CertificateShare(
                k=int(k),
                radius="all" if radius == "all" else int(radius),
                value=float(part["value"].mean()),
                n=len(part),
                alpha=max(alphas, default=0.0),
                verifiable_without_model=bool(alphas),  # with what they were computed from, whatever is at hand here
            )
        )
    return shares


def _not_run(run: LoadedRun, folder: Path) -> list[str]:
    """Return the cells that were skipped, each with its reason."""
    reasons = {path.name: next(read_lines(path / "cell.json"))[1].get("reason", "") for path in cell_folders(folder)}
    skipped = [cell for cell in run.cells if cell.status == "skipped"]
    named = (" · ".join([cell.task.label, *([cell.attack.label] if cell.attack else [])]) for cell in skipped)
    return [f"{name}: {reasons.get(cell.key, '')}" for name, cell in zip(named, skipped, strict=True)]


def _status(
    entry: Entry, suite: Suite, run: LoadedRun, reruns: Sequence[tuple[Packed, LoadedRun]]
) -> tuple[Status, str]:
    """Return the status, and by how much a run that repeats cells differs.

    ``verified``: somebody else has repeated every cell. ``re-measured``: the maintainers have repeated cells with 10
    targets or more. All repeated figures agree, or the status stays ``submitted``.
    """
    reached: Status = "submitted"
    for packed, again in reruns:
        targets, cells, worst = _compared(suite, run, again)
        if worst > suite.tolerance:
            return "submitted", f"{packed.by} measured figures that differ by up to {worst:.3g} ({packed.date})"
        done = sum(cell.status == "done" for cell in run.cells)
        if packed.role != "submitter" and packed.by != entry.runs[0].by and cells == done:
            reached = "verified"
        elif packed.role == "maintainers" and targets >= LEAST_TARGETS and reached == "submitted":
            reached = "re-measured"
    return reached, ""


def _compared(suite: Suite, run: LoadedRun, again: LoadedRun) -> tuple[int, int, float]:
    """Return how many targets, or queries, and cells were repeated, and the largest difference of a value."""
    if system_of(run) != system_of(again):
        raise DataError(f"the run that repeats cells is of another system: {json.dumps(system_of(again))}")
    cells = again.rows[_CELL].drop_duplicates()
    mine = run.rows.merge(cells, on=_CELL)
    worst = 0.0
    for measure in suite.measures:
        first, second = (units(measure, rows).set_index(["seed", "query_id", "doc_id"]) for rows in (mine, again.rows))
        if set(first.index) != set(second.index):
            return 0, 0, float("inf")
        worst = max([worst, *(first["value"] - second["value"]).abs()])
    return len(measured_units(suite, again.rows)), len(cells), float(worst)


def measured_units(suite: Suite, rows: pd.DataFrame) -> set[tuple[str, str]]:
    """Return what a suite's measures are of: the query and the document of each target, which is empty of a query."""
    of_measures = [units(measure, rows) for measure in suite.measures]
    return {unit for values in of_measures for unit in zip(values["query_id"], values["doc_id"], strict=True)}
