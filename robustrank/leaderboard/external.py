"""External evaluations: adversarial documents that anybody hands in are replayed against the system, not believed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from robustrank.adversarial import Attacked, read_adversarial, texts_of_cell
from robustrank.analysis.load import LoadedRun, load_run
from robustrank.errors import DataError
from robustrank.experiment import Entry, Experiment, Only
from robustrank.run_files import cell_folders
from robustrank.suites.suite import Suite
from robustrank.text.edited_words import edited_words

Texts = Mapping[tuple[str, str], Mapping[str, Any]]  # the record of a target's clean text, by query and document


def clean_texts(run: Path) -> Texts:
    """Return the targets of a run folder, each with the record of its clean text."""
    return {(r["query_id"], r["doc_id"]): r for cell in cell_folders(run) for r, _ in texts_of_cell(cell)}


def replay_experiment(suite: Suite, experiment: Experiment, documents: Path, attack: str) -> Experiment:
    """Return the experiment that replays adversarial documents against the system of a run.

    Args:
        suite: The suite of the run.
        experiment: Of the run: its system and its device are taken.
        documents: The file of adversarial documents.
        attack: What the attack is called.

    Raises:
        DataError: No task of the suite attacks documents.
    """
    tasks = [task for task in experiment.tasks if task.name == "document-attack"]
    if not tasks:
        raise DataError(f"suite {suite.name} attacks no documents", hint="choose an entry of an adversarial suite")
    replay = Entry(name="replay", parameters={"path": str(documents.absolute())}, label=attack)
    task = tasks[0].model_copy(update={"only": Only()})
    return experiment.model_copy(update={"suite": None, "name": "external", "attacks": [replay], "tasks": [task]})


def refuse_unfit(documents: Path, suite: Suite, texts: Texts) -> None:
    """Refuse adversarial documents that are of other targets, of other texts, or over the suite's budget.

    Args:
        documents: The file.
        suite: The suite, which says how many words may be changed.
        texts: The clean texts of the run's targets.

    Raises:
        DataError: It is so: the first line, with how many words it changes.
    """
    records = read_adversarial(documents)
    if not records:
        raise DataError("there are no adversarial documents", where=str(documents))
    for record in records:
        _refuse_record(record, suite, texts)


def _refuse_record(record: Attacked, suite: Suite, texts: Texts) -> None:
    known = texts.get((record.query_id, record.doc_id))
    if known is None:
        raise DataError(
            f"document {record.doc_id!r} for query {record.query_id!r} is not one of the entry's {len(texts)} targets",
            where=record.where,
        )
    if (known["query"], known["before"]) != (record.query, record.before):
        raise DataError("the query, or the text before, is not that of the collection", where=record.where)
    changed = edited_words(record.before, record.after, record.edits).count
    if suite.words is None or changed > suite.words:
        raise DataError(
            f"{changed} words of document {record.doc_id!r} are changed",
            where=record.where,
            allowed=f"at most {suite.words} in {suite.name}",
        )


def external_rows(replayed: Path, suite: Suite, run: LoadedRun, texts: Texts) -> pd.DataFrame:
    """Return the rows of a replay, after its documents and its system are checked.

    Raises:
        DataError: They are not the suite's, or not of the entry's system.
    """
    again = load_run(replayed)
    first, other = run.cells[0], again.cells[0]
    same = (first.ranker.parameters, first.defense.parameters, first.ranker.name, first.defense.name)
    if (other.ranker.parameters, other.defense.parameters, other.ranker.name, other.defense.name) != same:
        raise DataError("the replay is of another system", where=str(replayed))
    for cell in cell_folders(replayed):
        for record, edits in texts_of_cell(cell):
            fields = {name: record[name] for name in ("query_id", "query", "doc_id", "before", "after")}
            _refuse_record(Attacked(**fields, edits=edits, where=str(cell)), suite, texts)
    return again.rows[again.rows["doc_id"] != ""]
