"""The report on disk: complete, the same bytes for the same rows, legible in every format."""

from __future__ import annotations

import csv
import html
import io

import pytest
from rich.console import Console

from robustrank.analysis.catalogue import catalogue_of
from robustrank.analysis.estimated import RenderedTable, TableRow, Value
from robustrank.analysis.load import load_rows
from robustrank.errors import DataError, UsageError
from robustrank.report import latex, markdown
from robustrank.report.terminal import pieces, show
from robustrank.report.view import view
from robustrank.report.write import write_report
from robustrank.tables import Column
from tests.report_rows import entries, relabelled, row


def written(folder, **options):
    """Write the report of a run, and return the content of its files by name."""
    write_report(folder, **options)
    return {path.name: path.read_bytes() for path in (folder / "report").rglob("*.*")}


def odd_table():
    labels = ("<b>bm25</b> | x", "[red]minilm[/red] *y*")
    values = (Value(-0.25, (-0.5, 0.0), 12, {"†": 0.01}, "†", best=True), Value(None))
    columns = (Column("change", (), percent=True, digits=1, signed=True, higher_is_better=True), Column("AP", ()))
    lines = tuple(TableRow(entries(label, "none"), values, units=12) for label in labels)
    return RenderedTable(
        "odd", "A & B.", "p < 0.05", ("ranker", "defense"), "queries", columns, lines, ("1 row failed.",)
    )


@pytest.mark.slow
def test_the_report_remade_is_the_same_to_the_byte(small_run):
    first = written(small_run, baseline="bm25", seed=3)
    # Rows in another order.
    lines = (small_run / "rows.csv").read_text().splitlines(keepends=True)
    (small_run / "rows.csv").write_text("".join([lines[0], *reversed(lines[1:])]))
    again = written(small_run, baseline="bm25", seed=3)
    assert [name for name in first if first[name] != again.get(name)] == []
    names = ("summary.tex", "budget.pdf", "report.tex", "report.md", "appendix.md", "report.html", "summary.json")
    assert set(names) <= set(first)


def test_what_an_earlier_report_left_is_removed_and_what_others_left_is_not(write):
    folder = write([row("AP", 0.5), row("AP", 0.5, task="their-task")])
    write_report(folder, baseline=None)
    assert (folder / "report" / "tables" / "their-task-means-1.tex").exists()
    (folder / "report" / "tables" / "notes.txt").write_text("mine")
    write([row("AP", 0.5)])
    write_report(folder, baseline=None)
    names = {path.name for path in (folder / "report" / "tables").iterdir()}
    assert "their-task-means-1.tex" not in names
    assert {"notes.txt", "iid-variance.tex"} <= names


def test_rows_that_all_failed_still_make_a_report(write):
    more = {"task": "document-attack", "attack": "a:size=1", "doc_id": "d", "condition": "attacked"}
    folder = write([row("AP", None, status="failed"), row("success", None, status="failed", **more)])
    assert "report.tex" in written(folder)
    text = (folder / "report" / "report.md").read_text()
    assert text.count("1 row failed") == 2
    assert ".000" not in text


def test_one_ranker_and_one_query_make_a_report(write):
    rows = [row(name, 0.5) for name in ("AP", "nDCG@10")]
    more = {"task": "document-attack", "attack": "a:size=1"}
    rows += [row("success", 1.0, doc_id="d", condition=name, **more) for name in ("attacked", "control")]
    rows += [row("budget", 1.0, doc_id="d", **more)]
    rows += [row("nDCG@10", 0.5, condition=name, **more) for name in ("clean", "attacked")]
    files = written(write(rows))
    assert "[" not in files["iid-variance.md"].decode().split("| bm25")[1]  # no interval
    assert not [name for name in files if name.endswith(".png")]  # a figure of one mark is the table's job


def test_errors_come_before_anything_is_written(write, tmp_path):
    folder = write([row("AP", 0.5)])
    with pytest.raises(UsageError):
        write_report(folder, baseline="nobody")
    with pytest.raises(DataError):
        write_report(tmp_path / "nowhere", baseline=None)
    assert not (folder / "report").exists()
    (folder / "report").write_text("in the way")
    with pytest.raises(DataError, match="cannot write"):
        write_report(folder, baseline=None)


def test_csv_holds_twelve_digits(write):
    folder = write([row("AP", 1 / 3), row("AP", 0.1, "q2")])
    write_report(folder, baseline=None)
    text = (folder / "report" / "tables" / "iid-variance.csv").read_text()
    records = list(csv.DictReader(io.StringIO(text)))
    assert records[0]["estimate"] == "0.216666666667"
    assert (records[0]["ranker"], records[0]["column"], records[0]["n"], records[0]["p_baseline"]) == (
        "bm25",
        "AP",
        "2",
        "",
    )


def test_markdown_keeps_odd_labels_in_their_cells():
    lines = markdown.table(view(odd_table())).splitlines()
    assert lines[0] == "## A \\& B."
    table = [line for line in lines if line.startswith("|")]
    assert table[2] == r"| \<b\>bm25\</b\> \| x | none | 12 | **−25.0**† [−50.0, 0.0] | – |"
    assert table[3].startswith(r"| \[red\]minilm\[/red\] \*y\* | none |")
    assert "- 1 row failed." in lines


def test_the_terminal_shows_labels_as_they_are_and_keeps_its_width():
    console = Console(width=70, file=io.StringIO(), color_system=None)
    for piece in pieces(view(odd_table()), 70):
        console.print(piece)
    text = console.file.getvalue()
    assert "[red]minilm[/red] *y*" in text
    assert "−25.0†" in text
    assert max(map(len, text.splitlines())) <= 70


def test_a_wide_table_is_cut_into_pieces_with_all_its_columns():
    columns = tuple(Column(f"measure number {i}", ()) for i in range(12))
    rendered = RenderedTable(
        "wide", "C.", "", ("ranker",), "queries", columns, (TableRow(entries("bm25"), (Value(0.5),) * 12),)
    )
    parts = list(pieces(view(rendered), 60))
    assert sum(len(piece.columns) - 1 for piece in parts) == 13  # with the count of queries
    assert len(parts) > 1
    assert len(list(pieces(view(rendered), 10))) == 13  # no room at all: a column a piece


def test_show_prints_the_summary_first(small_run):
    console = Console(width=140, file=io.StringIO(), color_system=None)
    show(catalogue_of(load_rows(small_run), baseline="bm25", rounds=0), console)
    text = console.file.getvalue()
    assert text.lstrip().startswith("Summary")
    assert "Certified top K" in text


ODD = "mine [/v2] [bold]x \x1b]0;TITLE\x07\x1b[2J\u202e"
SHOWN = "mine [/v2] [bold]x \\x1b]0;TITLE\\x07\\x1b[2J\\u202e"


def test_labels_are_shown_as_they_are_and_control_characters_as_escapes(write):
    specifications = ("iid-variance", "lee", "bm25", "none")
    rows = [row("AP", 0.5, q, defense=d) for q in ("q1", "q2") for d in ("none", "certdr")]
    rows += [row("AP", None, "q3", status="error", note="broke: \x1b[2J")]
    folder = write(relabelled(rows, dict.fromkeys(specifications, ODD)))
    console = Console(width=400, file=io.StringIO(), color_system=None)
    show(catalogue_of(load_rows(folder), rounds=0), console)
    files = written(folder)
    texts = [content.decode() for name, content in files.items() if name.endswith((".md", ".html", ".tex"))]
    texts += [console.file.getvalue(), *(path.read_text() for path in folder.glob("report/tables/*.csv"))]
    assert not [text for text in texts if any(char in text for char in "\x1b\x07\u202e")]
    assert SHOWN in console.file.getvalue()
    assert html.escape(SHOWN) in (folder / "report" / "report.html").read_text()
    assert markdown.escape(SHOWN) in (folder / "report" / "report.md").read_text()
    assert latex.escape("mine [/v2] [bold]x") in files["iid-variance.tex"].decode()


def test_file_names_are_short_and_told_apart(write):
    path = "/a-folder-with-a-rather-long-name" * 4
    names = [f"{path}-{i}" for i in range(2)]
    rows = [row("AP", 0.5, task=f"their-task:path={name}") for name in names]
    rows += [row(f"{name}{i}", 0.5, task="other-task") for name in names for i in range(9)]
    files = written(write(rows))
    assert max(map(len, files)) < 60
    assert "other-task-means-2.csv" in files
