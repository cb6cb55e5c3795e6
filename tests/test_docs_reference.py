"""docs/experiments.md has every key of the experiment file, docs/output-files.md and docs/measures.md every name."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import get_type_hints

import pytest
from pydantic import BaseModel

from robustrank import experiment
from robustrank.cli.main import invoke
from robustrank.cli.page import allowed_values
from robustrank.plugins import find, registry
from robustrank.plugins.values import in_words
from robustrank.report_settings import ColumnChoice, Gate, Report, UserTable
from robustrank.rows import COLUMNS, SCHEMA_VERSION, Coordinates
from robustrank.tables import EACH, TABLE
from tests.tiny_collection import write_experiment, write_tiny

ROOT = Path(__file__).parents[1]


def tables(page: str) -> Iterator[list[list[str]]]:
    """Yield the tables of a page: rows of cells, without the heading."""
    lines = [*(ROOT / "docs" / page).read_text(encoding="utf-8").splitlines(), ""]
    rows: list[list[str]] = []
    for line in lines:
        if line.startswith("|"):
            rows.append([cell.strip() for cell in line.strip("|").split(" | ")])
        elif rows:
            yield [[cell.strip() for cell in row] for row in rows[2:]]
            rows = []


def described(model: type[BaseModel]) -> list[list[str]]:
    """Return key, allowed values and default of each key that a model adds to the one it extends."""
    inherited = model.__base__.model_fields if model.__base__ is experiment.Entry else {}
    hints = get_type_hints(model, include_extras=True)
    rows = []
    for key, field in model.model_fields.items():
        if key not in inherited and key != "parameters":  # which are further keys
            default = (
                "required" if field.is_required() else f"`{as_yaml(field.get_default(call_default_factory=True))}`"
            )
            rows.append([f"`{key}`", re.sub(MODELS, as_word, allowed_values(in_words(hints[key]) or "empty")), default])
    return rows


MODELS = r"\b(\w*Entry|Training|SuiteOrigin|Only|Report|UserTable|ColumnChoice|Gate)\b"


def as_word(model: re.Match[str]) -> str:
    return "entry" if model[0].endswith("Entry") else "mapping"


def as_yaml(value: object) -> str:
    """Return a default as an experiment file has it."""
    if isinstance(value, experiment.Entry):
        return value.name
    if isinstance(value, BaseModel):
        return "{}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(as_yaml, value))}]"
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    return str(value) or "''"


@pytest.mark.parametrize(
    "model",
    [
        experiment.Experiment,
        experiment.Entry,
        experiment.RankerEntry,
        experiment.CollectionEntry,
        experiment.TaskEntry,
        experiment.Only,
        experiment.Training,
        Report,
        UserTable,
        ColumnChoice,
        Gate,
    ],
)
def test_every_key_of_the_experiment_file_has_its_line(model):
    wanted = described(model)
    on_page = [[row[:3] for row in table] for table in tables("experiments.md") if len(table[0]) == 4]
    assert wanted in on_page, "\n".join(f"| {' | '.join(row)} |" for row in wanted)


def test_every_column_and_key_of_the_output_has_its_line():
    first = [[row[0] for row in table] for table in tables("output-files.md")]
    assert [f"`{name}`" for name in COLUMNS] in first
    keys = {name for cell in first[2] for name in re.findall(r"`(\w+)`", cell)}
    assert keys == {"schema", *(field.name for field in fields(Coordinates))}
    assert SCHEMA_VERSION == 3, "does docs/output-files.md still hold?"


def test_every_file_of_a_run_has_its_line(tmp_path):
    rest = "rankers: [bm25]\nattacks: [keyword-stuffing]\ntasks: [iid-variance, 'document-attack:targets=[last-2]']\n"
    file = write_experiment(tmp_path / "exp.yaml", write_tiny(tmp_path / "tiny"), rest)
    options = ["--out", str(tmp_path / "run"), "--cache", str(tmp_path / "cache"), "--workers", "0", "--no-report"]
    assert invoke(["run", str(file), *options]) == 0
    files = [path.relative_to(tmp_path / "run") for path in (tmp_path / "run").rglob("*") if path.is_file()]
    names = {re.sub(r"^cells/[0-9a-f]+/", "cells/KEY/", str(path)) for path in files}
    listed = {row[0].strip("`") for row in next(tables("output-files.md"))}
    assert names <= listed
    assert {"cells/KEY/adversarial.jsonl", "cells/KEY/runs/clean.trec"} <= names


def measured_names() -> set[str]:
    """Return the names of measures in the tasks: of facts and rows, and keys of values by name."""
    names = set()
    sources = [*(ROOT / "tasks").glob("*.py"), *(ROOT / "tasks" / "parts").glob("*.py")]
    for path in [*sources, ROOT / "robustrank" / "text" / "quality.py"]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                called = getattr(node.func, "id", getattr(node.func, "attr", ""))
                names |= {arg.value for arg in node.args[:1] if called in ("Fact", "row") and is_text(arg)}
            elif isinstance(node, ast.Dict):
                names |= {key.value for key in node.keys if key is not None and is_text(key)}
    return names


def is_text(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


NO_MEASURES = {"status", "metrics", "variant", "easy-5", "hard-5", "value"}  # other keys of the tasks' dictionaries


def test_every_measure_of_the_tasks_has_its_line():
    listed = {name for table in tables("measures.md") for row in table for name in re.findall(r"`([^`]+)`", row[0])}
    names = measured_names()
    assert len(names) > 30
    assert names - listed - NO_MEASURES - {"nDCG@10"} == set()


def test_every_measure_of_the_tables_has_its_line():
    listed = {name for table in tables("measures.md") for row in table for name in re.findall(r"`([^`]+)`", row[0])}
    declared = [table for task in registry("task") for table in find("task", task).report().tables]
    shown = {fact.measure for table in declared for column in table.columns for fact in column.facts}
    assert len(shown) > 20
    assert shown - listed - {"nDCG@10", EACH, TABLE} == set()


def test_the_conveniences_are_counted():
    (table,) = tables("conveniences.md")
    assert [row[0] for row in table] == [str(number) for number in range(1, 41)]
    states = [row[2] for row in table]
    counts = f"{states.count('yes')} yes, {states.count('half')} half, {states.count('no')} no"
    assert counts in (ROOT / "docs" / "conveniences.md").read_text(encoding="utf-8")
    assert set(states) == {"yes", "half", "no"}
    assert all(row[3:] for row in table if row[2] != "no")
