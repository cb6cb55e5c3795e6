"""The committed results: a report holds what today's code makes of the rows beside it."""

from __future__ import annotations

import re
import shutil
import subprocess
from functools import cache
from pathlib import Path

import pytest

from robustrank.analysis.catalogue import catalogue_of
from robustrank.analysis.load import declared_report, load_rows
from robustrank.report.charts import SERIES, charts
from robustrank.report.plots import look
from robustrank.report.write import csv

RESULTS = Path(__file__).parents[1] / "results"
REMADE = sorted(path.parent.name for path in RESULTS.glob("*/cells.jsonl"))
LARGE = {"five-tasks", "certified"}
EACH = [pytest.param(name, marks=[pytest.mark.slow] if name in LARGE else []) for name in REMADE]


@cache
def catalogue(name):
    """The tables and figures of the rows of a result."""
    return catalogue_of(load_rows(RESULTS / name), declared_report(RESULTS / name))


def test_the_quickstart_is_among_the_results_with_rows():
    assert "quickstart" in REMADE


def test_the_readme_names_every_result():
    text = (RESULTS / "README.md").read_text(encoding="utf-8")
    assert all(f"`{path.name}`" in text for path in RESULTS.iterdir() if path.is_dir() and "__" not in path.name)


@pytest.mark.parametrize("name", EACH)
def test_a_report_is_short_and_fits_a_page(name):
    folder = RESULTS / name / "report"
    lines = (folder / "report.md").read_text(encoding="utf-8").splitlines()
    assert len(lines) <= 120
    assert 1 <= sum(line.startswith("## ") for line in lines) <= 5
    files = list(folder.rglob("*.*"))
    assert max(len(path.name) for path in files) < 60
    for path in folder.glob("tables/*.tex"):
        tex = path.read_text(encoding="ascii")
        assert "resizebox" not in tex
        assert not re.search(r"\\\\tiny|\\fontsize", tex), "no type below 7 pt"
        assert max(len(caption) for caption in re.findall(r"\\caption\{(.*)\}\n", tex)) <= 215, "escapes included"


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="pdflatex is not on PATH")
@pytest.mark.parametrize("name", EACH)
def test_a_report_compiles_without_an_overfull_line(name, tmp_path):
    shutil.copytree(RESULTS / name / "report", tmp_path / "report")
    command = ["pdflatex", "-interaction=nonstopmode", "report.tex"]
    done = subprocess.run(command, cwd=tmp_path / "report", capture_output=True, timeout=200, check=False)
    output = done.stdout.decode("latin-1")
    assert done.returncode == 0, output[-1000:]
    assert "Overfull" not in output
    assert "Missing character" not in output


@pytest.mark.parametrize("name", EACH)
def test_figures_can_be_told_apart(name):
    folder = RESULTS / name
    for chart in (chart for figure, values in catalogue(name).figures() for chart in charts(figure, values)):
        assert (folder / "report" / "figures" / f"{chart.name}.pdf").exists()
        assert len({look(number) for number in chart.looks.values()}) == len(chart.looks)
        for points in chart.panels.values():
            assert len({(point.series, point.dashed) for point in points}) <= SERIES


@pytest.mark.parametrize("name", EACH)
def test_a_report_holds_what_its_rows_say(name):
    folder = RESULTS / name
    expected = {f"{table.name}.csv": csv(table) for table in catalogue(name).tables}
    committed = {path.name: path.read_bytes().decode() for path in (folder / "report" / "tables").glob("*.csv")}
    assert committed.keys() == expected.keys()
    assert [file for file in expected if committed[file] != expected[file]] == []
