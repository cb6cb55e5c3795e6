"""The committed results: a report holds what today's code makes of the rows beside it."""

from __future__ import annotations

from pathlib import Path

import pytest

from robustrank.analysis.catalogue import catalogue_of
from robustrank.analysis.load import declared_report, load_rows
from robustrank.report.write import csv

RESULTS = Path(__file__).parents[1] / "results"
REMADE = sorted(path.parent.name for path in RESULTS.glob("*/cells.jsonl"))


def test_the_quickstart_is_among_the_results_with_rows():
    assert "quickstart" in REMADE


def test_the_readme_names_every_result():
    text = (RESULTS / "README.md").read_text(encoding="utf-8")
    assert all(f"`{path.name}`" in text for path in RESULTS.iterdir() if path.is_dir())


@pytest.mark.parametrize("name", REMADE)
def test_a_report_holds_what_its_rows_say(name):
    folder = RESULTS / name
    catalogue = catalogue_of(load_rows(folder), declared_report(folder))
    expected = {f"{table.name}.csv": csv(table) for table in catalogue.tables()}
    committed = {path.name: path.read_bytes().decode() for path in (folder / "report" / "tables").glob("*.csv")}
    assert committed.keys() == expected.keys()
    assert [file for file in expected if committed[file] != expected[file]] == []
