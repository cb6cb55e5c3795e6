"""Any label as LaTeX: escaped in full, told apart, and compiled for real where pdflatex is."""

from __future__ import annotations

import dataclasses
import re
import shutil
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from robustrank.analysis.entries import Entry
from robustrank.analysis.estimated import RenderedTable, TableRow, Value
from robustrank.report import latex
from robustrank.report.latex import escape
from robustrank.report.view import view
from robustrank.report.write import write_report
from robustrank.tables import Column
from tests.report_rows import entries

needs_pdflatex = pytest.mark.skipif(shutil.which("pdflatex") is None, reason="pdflatex is not on PATH")


@given(st.text(st.characters(min_codepoint=32, max_codepoint=126)))
def test_no_sign_of_ascii_is_a_command_or_runs_into_the_next(text):
    source = escape(text)
    assert not re.search(r"(?<![\\{])[%$#&_^~]|--|,,|[?!]`|``|''|<<|>>", source)
    plain = re.sub(r"\\[a-zA-Z]+\d*|\\[{}]", "", source)
    assert plain.count("{") == plain.count("}")


@given(st.text())
def test_the_result_is_ascii_on_one_line_with_balanced_braces(text):
    source = escape(text)
    assert source.isascii()
    assert "\n" not in source
    plain = source.replace(r"\{", "").replace(r"\}", "")
    assert plain.count("{") == plain.count("}")


def compiled(folder, name, *options):
    """Compile ``name`` and return TeX's output; fail with its last lines."""
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", *options, name]
    done = subprocess.run(command, cwd=folder, capture_output=True, timeout=120, check=False)
    output = done.stdout.decode("latin-1")
    assert done.returncode == 0, output[-1500:]
    return output


@needs_pdflatex
@pytest.mark.parametrize("encoding", ["OT1", "T1"])
def test_every_character_compiles_wherever_it_stands(tmp_path, encoding):
    ascii_signs = [chr(code) for code in range(32, 127)]
    wide = [
        chr(code) for code in [*range(0xA0, 0x250), *range(0x300, 0x370), *range(0x370, 0x400), *range(0x2010, 0x2300)]
    ]
    wide += ["中", "🙂", "\x00", "\x07", "\x7f", "\t", "\u2028", "\ud800", chr(sys.maxunicode)]
    labels = ["".join(pair) for pair in zip(ascii_signs, reversed(ascii_signs), strict=True)] + ascii_signs
    labels += ["".join(wide[i : i + 30]) for i in range(0, len(wide), 30)] + [
        "\\input{x}",
        "a\\\\[2pt]b",
        "%",
        "^^M",
        "{",
        "$",
    ]
    value = Value(0.5, (0.1, 0.9), 3, {}, "†*", best=True)
    column = Column("title_of 100% [↑]", ())
    lines = tuple(TableRow((Entry(label, label), Entry("x", "x")), (value,)) for label in labels)
    rendered = RenderedTable(
        "odd", "\n".join(labels), "50 % & more", ("ranker", "défense"), "queries", (column,), lines, tuple(labels)
    )
    preamble = f"\\documentclass{{article}}\\usepackage[{encoding}]{{fontenc}}\\usepackage{{booktabs,graphicx}}"
    body = "".join(
        f"\\clearpage\n{page}\\end{{table*}}\n"
        for page in latex.table(view(rendered)).split("\\end{table*}\n")
        if page.strip()
    )
    (tmp_path / "all.tex").write_text(f"{preamble}\\begin{{document}}\n{body}\\end{{document}}\n", encoding="ascii")
    output = compiled(tmp_path, "all.tex", "-draftmode")  # no file: T1's fonts would have to be made first
    assert "Missing character" not in output


@pytest.mark.slow
@needs_pdflatex
def test_the_report_compiles_with_its_figures(small_run):
    write_report(small_run, baseline="bm25")
    output = compiled(small_run / "report", "report.tex")
    assert "budget.pdf" in output
    assert "Output written on report.pdf" in output
    assert "Overfull \\hbox" not in output


def test_a_long_table_goes_on_where_a_block_opens():
    value = Value(0.5)
    lines = tuple(
        TableRow(entries(f"attack {i // 6}", f"ranker {i}"), (value,), opens=i % 6 == 0 and i > 0) for i in range(40)
    )
    rendered = RenderedTable("long", "Caption.", "", ("attack", "ranker"), "", (Column("m", ()),), lines)
    lines += tuple(
        TableRow(entries(f"attack {i // 6 + 7}", f"ranker {i}"), (value,), opens=i % 6 == 0) for i in range(40)
    )
    parts = latex.table(view(dataclasses.replace(rendered, lines=lines))).split("\\begin{table*}")[1:]
    assert [len(re.findall(r"ranker \d", page)) for page in parts] == [40, 40]
    assert "attack 7" not in parts[0]
    assert "Part 2 of 2." in parts[1]
