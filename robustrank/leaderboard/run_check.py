"""Whether a run is what a suite asks for, and whether its files agree with each other: what no hash can tell."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from robustrank.adversarial import texts_of_cell
from robustrank.analysis.load import LoadedRun, load_run
from robustrank.engine.cell import grid
from robustrank.errors import DataError
from robustrank.experiment import Experiment, load
from robustrank.json_lines import read_lines
from robustrank.rows import ROW_COLUMNS
from robustrank.run_files import cell_folders
from robustrank.suites.suite import Suite

_UNIT = ["query_id", "doc_id"]
_RERUN = "run the suite again into an empty folder, and submit that"


def checked_run(folder: Path, suite: Suite) -> LoadedRun:
    """Return a run of a suite, whole and consistent.

    Raises:
        DataError: It is of another suite, or of an edited one; cells or targets are missing or broke; its rows are not
            those of its cells, or contradict each other; or its code was changed and not committed.
    """
    run = checked_repetition(folder, suite)
    _refuse_incomplete(run, load(folder / "experiment.yaml"), folder)
    return run


def checked_repetition(folder: Path, suite: Suite) -> LoadedRun:
    """Return a run of some cells of a suite, consistent.

    Raises:
        DataError: As :func:`checked_run` raises it, but of missing cells.
    """
    run = load_run(folder)
    _refuse_other_suite(run, load(folder / "experiment.yaml"), suite, folder)
    _refuse_other_rows(run, folder)
    _refuse_contradictions(run, folder)
    _refuse_other_shares(run, folder)
    _refuse_uncommitted(folder)
    return run


def _refuse_other_suite(run: LoadedRun, experiment: Experiment, suite: Suite, folder: Path) -> None:
    origins = {(cell.suite, cell.suite_sha256) for cell in run.cells}
    if origins != {(suite.name, suite.sha256)}:
        named = ", ".join(f"{name or 'no suite'} {digest[:12]}" for name, digest in sorted(origins))
        raise DataError(
            f"the run is of {named}", where=str(folder), allowed=f"{suite.name} {suite.sha256[:12]}", hint=_RERUN
        )
    given = experiment.model_dump(exclude={"name", "description"})
    expected = suite.around(experiment).model_dump(exclude={"name", "description"})
    changed = [key for key in expected if given[key] != expected[key]]
    if changed:
        raise DataError(
            f"experiment.yaml differs from the suite's in: {', '.join(changed)}", where=str(folder), hint=_RERUN
        )
    if len(experiment.specs("rankers")) != 1 or len(experiment.specs("defenses")) != 1:
        raise DataError("the run has several systems", where=str(folder), allowed="one ranker, with one defense")


def _refuse_incomplete(run: LoadedRun, experiment: Experiment, folder: Path) -> None:
    """Refuse missing cells, cells that broke, and targets that some attack was not tried on."""

    def named(cell: Any) -> tuple[Any, ...]:
        parts = (cell.task, cell.collection, cell.ranker, cell.defense, cell.attack)
        return (*(part.label if part else "" for part in parts), cell.seed, cell.fold)

    states = {named(cell): cell.status for cell in run.cells}
    for cell in grid(experiment):
        state = states.pop(named(cell), "missing")
        if state not in ("done", "skipped"):
            raise DataError(f"cell {cell.title}: {state}", where=str(folder), hint=f"robustrank run … --out {folder}")
    if states:
        raise DataError(f"{len(states)} cells are not the suite's", where=str(folder), hint=_RERUN)
    rows = run.rows
    if (broken := rows[rows["status"].isin(["error", "failed"])]).size:
        first = broken.iloc[0]
        raise DataError(
            f"{len(broken)} rows failed, as {first['measure']} of query {first['query_id']!r}: {first['note']}",
            where=str(folder),
            hint="a submission has no failed rows: see the notes, and run again",
        )
    if (unread := rows[rows["measure"] == "ranks_as_input"]).size:
        raise DataError(f"the system ranks as its input: {unread.iloc[0]['note']}", where=str(folder))
    attacked = rows[(rows["measure"] == "success") & (rows["condition"] == "attacked")]
    for (task, seed, _), of_task in attacked.groupby(["task", "seed", "cutoff"], dropna=False):
        targets = {attack: frozenset(map(tuple, part[_UNIT].to_numpy())) for attack, part in of_task.groupby("attack")}
        every = frozenset().union(*targets.values())
        for attack, of_attack in targets.items():
            if missing := every - of_attack:
                raise DataError(
                    f"{task}, seed {seed}: attack {attack!r} has no result for {len(missing)} of {len(every)} targets",
                    where=str(folder),
                    hint=_RERUN,
                )


def _refuse_other_rows(run: LoadedRun, folder: Path) -> None:
    """Refuse a rows.csv that does not hold the rows of the cells, and texts whose ranks are not those of the rows."""
    by_cell = dict(iter(run.rows.groupby("cell", sort=False)))
    folders = {path.name: path for path in cell_folders(folder)}
    for cell in run.cells:
        part = by_cell.get(cell.key)
        records = [record for _, record in read_lines(folders[cell.key] / "rows.jsonl")] if cell.key in folders else []
        if len(records) != (0 if part is None else len(part)):
            raise DataError(f"rows.csv has other rows than the cell {cell.key}", where=str(folder), hint=_RERUN)
        if part is None:
            continue
        for record, row in zip(records, part[list(ROW_COLUMNS)].to_dict("records"), strict=True):
            if not _same({"pool": "", **record}, row):
                raise DataError(
                    f"rows.csv differs from the cell {cell.key} in {row['measure']} of query {row['query_id']!r}",
                    where=str(folder),
                    hint=_RERUN,
                )
        _refuse_other_texts(part, folders[cell.key])


def _same(record: Mapping[str, Any], row: Mapping[Any, Any]) -> bool:
    return all(_plain(record[column]) == _plain(row[column]) for column in ROW_COLUMNS)


def _plain(value: Any) -> Any:
    return None if value is None or value is pd.NA or (isinstance(value, float) and math.isnan(value)) else value


def _refuse_other_texts(rows: pd.DataFrame, cell: Path) -> None:
    """Refuse attacked texts whose saved metrics are not those of the rows."""
    known = {
        (row["query_id"], row["doc_id"], row["measure"], row["condition"]): row["value"]
        for row in rows[rows["measure"].isin(["rank", "success"]) & rows["cutoff"].isna()].to_dict("records")
    }
    for record, _ in texts_of_cell(cell):
        for fact in record.get("metrics", ()):
            name = record["query_id"], record["doc_id"], fact["measure"], fact["condition"]
            if fact.get("cutoff") is None and name in known and _plain(known[name]) != _plain(fact["value"]):
                raise DataError(
                    f"{name[2]} of document {name[1]!r} for query {name[0]!r} is {known[name]} in the rows, and "
                    f"{fact['value']} beside its text",
                    where=str(cell),
                    hint=_RERUN,
                )


def _refuse_contradictions(run: LoadedRun, folder: Path) -> None:
    """Refuse successes that do not follow from the ranks."""
    of_targets = run.rows[(run.rows["doc_id"] != "") & run.rows["cutoff"].isna()]
    keys = ["cell", *_UNIT]
    ranks = of_targets[of_targets["measure"] == "rank"].set_index(keys)
    clean = ranks[ranks["condition"] == "clean"]["value"]
    for condition in ("attacked", "control"):
        after = ranks[ranks["condition"] == condition]["value"]
        for cutoff in (None, 10):
            of_cutoff = run.rows["cutoff"].isna() if cutoff is None else run.rows["cutoff"] == cutoff
            wanted = (run.rows["measure"] == "success") & (run.rows["condition"] == condition) & of_cutoff
            success = run.rows[wanted & (run.rows["doc_id"] != "")].set_index(keys)["value"].dropna()
            pairs = pd.concat([success, after, clean], axis=1, join="inner", keys=["success", "after", "before"])
            is_better = pairs["after"] < pairs["before"] if cutoff is None else pairs["after"] <= cutoff
            wrong = pairs[pairs["success"] != is_better.astype(float)]
            if len(wrong):
                _, query_id, doc_id = wrong.index[0]
                first = wrong.iloc[0]
                raise DataError(
                    f"success of document {doc_id!r} for query {query_id!r} is {first['success']:g}, and its rank went "
                    f"from {first['before']:g} to {first['after']:g}; {len(wrong)} rows are so",
                    where=str(folder),
                    hint=_RERUN,
                )


def _refuse_other_shares(run: LoadedRun, folder: Path) -> None:
    """Refuse lists that hold an added document, and no share of them, or the other way round."""
    keys = ["cell", "query_id", "condition", "cutoff"]
    of_lists = run.rows[(run.rows["doc_id"] == "") & run.rows["cutoff"].notna()]
    of_measure = (of_lists[of_lists["measure"] == name].set_index(keys)["value"] for name in ("success", "added_share"))
    pairs = pd.concat(of_measure, axis=1, join="outer", keys=["success", "share"])
    wrong = pairs[pairs["success"] != (pairs["share"] > 0).astype(float)]
    if len(wrong):
        (_, query_id, _, cutoff), first = wrong.index[0], wrong.iloc[0]
        raise DataError(
            f"success at {cutoff} of query {query_id!r} is {first['success']:g}, and the share of its documents that "
            f"were added is {first['share']:g}; {len(wrong)} rows are so",
            where=str(folder),
            hint=_RERUN,
        )


def _refuse_uncommitted(folder: Path) -> None:
    provenance = json.loads((folder / "provenance.json").read_text(encoding="utf-8"))
    environments = provenance.get("environments") or []
    if not environments:
        raise DataError("provenance.json names no environment", where=str(folder), hint=_RERUN)
    for environment in environments:
        if str(environment.get("commit") or "").endswith("-dirty"):
            raise DataError(
                f"the code of the run was changed after commit {environment['commit'].removesuffix('-dirty')[:12]}",
                where=str(folder),
                hint="commit, or install a release, and run the suite again",
            )
