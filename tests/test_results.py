"""The committed results: a report holds what today's code makes of the rows beside it."""

from __future__ import annotations

from pathlib import Path

import pytest

from robustrank.report import csv_tables, markdown
from robustrank.report.build import make_tables, settings_for
from robustrank.report.load import load_rows
from robustrank.report.rowset import RowSet

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
    rowset = RowSet.of_run(load_rows(folder))
    tables = make_tables(rowset, settings_for(rowset, None))
    expected = {f"{table.name}.csv": csv_tables.table(table) for table in tables}
    expected |= {f"{table.name}.md": markdown.table(table) for table in tables}
    committed = {
        path.name: path.read_bytes().decode()
        for path in (folder / "report" / "tables").iterdir()
        if path.suffix in (".csv", ".md")
    }
    assert committed.keys() == expected.keys()
    assert [file for file in expected if committed[file] != expected[file]] == []
