"""Tables as LaTeX: fragments for a paper (they need booktabs and graphicx), and a report that compiles alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from robustrank.report.latex_text import escape
from robustrank.report.notes import READING
from robustrank.report.numbers import estimate, heading, interval
from robustrank.report.tables import Column, RenderedTable, TableRow, Value, shown_keys

_LINES = 20  # lines of a page; a longer table goes on in another
_FIT = r"\resizebox{\ifdim\width>\linewidth\linewidth\else\width\fi}{!}"  # no wider than the line
# Tables and figures are put where they are called: floats of their number would pile up.
_PREAMBLE = r"""\documentclass[a4paper,10pt]{article}
\usepackage[landscape,margin=1.5cm]{geometry}
\usepackage{booktabs}
\usepackage{graphicx}
\makeatletter
\newenvironment{unfloated}[1]{\par\bigskip\noindent\begin{minipage}{\linewidth}\def\@captype{#1}}{\end{minipage}\par}
\renewenvironment{table*}[1][]{\begin{unfloated}{table}}{\end{unfloated}}
\renewenvironment{figure}[1][]{\begin{unfloated}{figure}}{\end{unfloated}}
\makeatother
\newsavebox{\shown}
\newcommand{\fitted}[1]{\sbox{\shown}{#1}%
  \ifdim\wd\shown>\linewidth\sbox{\shown}{\resizebox{\linewidth}{!}{#1}}\fi
  \ifdim\ht\shown>.8\textheight\resizebox{!}{.8\textheight}{#1}\else\usebox{\shown}\fi}
\begin{document}
\section*{Robustness of rankers}
"""


def table(rendered: RenderedTable) -> str:
    """Return the table as one ``table*``, or several where it is long, for a document to input."""
    pages = list(_pages(rendered.lines))
    return "\n".join(_page(rendered, lines, number, len(pages)) for number, lines in enumerate(pages))


def document(names: Sequence[str], figures: Sequence[tuple[str, str]]) -> str:
    """Return the report: it reads the tables called ``names`` and shows the figures (name, caption)."""
    tables = [f"\\input{{tables/{name}.tex}}" for name in names]
    shown = [
        "\\begin{figure}\n\\centering\n"
        f"\\fitted{{\\includegraphics{{figures/{name}.pdf}}}}\n"
        f"\\caption{{{escape(caption)}}}\n\\end{{figure}}"
        for name, caption in figures
    ]
    return _PREAMBLE + "\n".join([escape(READING), *tables, *shown, "\\end{document}", ""])


def _pages(lines: Sequence[TableRow]) -> Iterator[Sequence[TableRow]]:
    """Cut the lines into pages, where a block opens if one does."""
    while len(lines) > _LINES:
        openings = [i for i in range(1, _LINES + 1) if lines[i].opens]
        cut = openings[-1] if openings else _LINES
        yield lines[:cut]
        lines = lines[cut:]
    yield lines


def _page(rendered: RenderedTable, lines: Sequence[TableRow], page: int, pages: int) -> str:
    caption = escape(f"{rendered.caption}{f' (Part {page + 1} of {pages}.)' if pages > 1 else ''}")
    label = f"tab:{rendered.name}" + (f"-{page + 1}" if page else "")
    counted = [escape(rendered.units)] if rendered.units else []
    titles = [*(escape(key) for key in rendered.keys), *counted, *(escape(heading(c)) for c in rendered.columns)]
    layout = "l" * len(rendered.keys) + "r" * len(counted) + "c" * len(rendered.columns)
    notes = " ".join(escape(note) for note in (rendered.legend, *rendered.notes) if note)
    return "\n".join(
        [
            "\\begin{table*}[tb]",
            "\\centering\\footnotesize",
            f"\\caption{{{caption}}}",
            f"\\label{{{label}}}",
            f"{_FIT}{{%",
            f"\\begin{{tabular}}{{{layout}}}",
            "\\toprule",
            " & ".join(titles) + r" \\",
            "\\midrule",
            *_body(rendered, lines),
            "\\bottomrule",
            "\\end{tabular}}",
            *([f"\\par\\smallskip\\parbox{{\\linewidth}}{{\\scriptsize {notes}}}"] if notes else []),
            "\\end{table*}",
            "",
        ]
    )


def _body(rendered: RenderedTable, lines: Sequence[TableRow]) -> Iterator[str]:
    """Yield the rows; the intervals are below the figures, and a rule is between families."""
    width = len(rendered.keys) + bool(rendered.units) + len(rendered.columns)
    family = rendered.keys.index("family") + 1 if "family" in rendered.keys else 1
    for position, line in enumerate(lines):
        if line.opens and position:
            yield "\\midrule"
        if line.turns and position:
            yield f"\\cmidrule{{{family}-{width}}}"
        keys = shown_keys(line, lines[position - 1] if position else None)
        counts = [f"{line.units:,}"] if rendered.units else []
        pairs = list(zip(line.values, rendered.columns, strict=True))
        below = [interval(value, column).replace("-", "$-$") for value, column in pairs]
        yield " & ".join([*map(escape, keys), *counts, *(_figure(*pair) for pair in pairs)]) + r" \\"
        if any(below):
            empty = [""] * (len(keys) + len(counts))
            yield " & ".join([*empty, *(f"{{\\tiny {text}}}" for text in below)]) + r" \\[2pt]"


def _figure(value: Value, column: Column) -> str:
    text = escape(estimate(value, column).replace("-", "−"))
    text = f"\\textbf{{{text}}}" if value.best else text
    return text + (f"\\textsuperscript{{{escape(value.marks)}}}" if value.marks else "")
