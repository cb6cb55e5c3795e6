"""The parts of docs/ that are generated from the code. `python -m tests.docs_pages` writes them."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from robustrank.cli.page import page
from robustrank.plugins import find, registry
from robustrank.rows import fact_text
from robustrank.tables import Column
from tests.command_reference import reference
from tests.defenses_figures import page as defenses_figures
from tests.llm_figures import page as llm_figures
from tests.performance_figures import page as performance

ABOUT_TABLES = """\
The tables of a report, by the task whose rows they show. A test compares the page with the code. Columns are chosen
by their id: for [a table of your own](tutorials/own-table.md), a gate, and `to_latex(columns=…)` in Python. `{each}`
stands for every value that rows have; `{table}` makes a table of each. Better is the ranker's side.
[Measures](measures.md) has the formulas."""
DOCS = Path(__file__).parents[1] / "docs"


def _part(kind: str) -> str:
    """Return the page of a kind as a part of another: without its title, its headings a level lower."""
    text = page(kind).partition("\n\n")[2]
    return re.sub(r"^(#+) ", r"#\1 ", text, flags=re.MULTILINE)


def _tables() -> str:
    """Return the page of all tables: those of each task, with the columns that an experiment file can name."""
    lines = ["# Tables", "", *ABOUT_TABLES.splitlines()]
    for task in registry("task"):
        for table in find("task", task).report().tables:
            place = f"headline {table.headline}" if table.headline else "appendix"
            rows = ", ".join(table.rows)
            lines += ["", f"## {table.name}", "", f"{table.title}. Task `{task}`; a row per {rows}; {place}.", ""]
            lines += ["| column | id | of rows | unit | better |", "|---|---|---|---|---|"]
            lines += [_column(column) for column in table.columns]
    return "\n".join(lines) + "\n"


def _column(column: Column) -> str:
    facts = "; ".join(f"`{fact_text(fact)}`" for fact in column.facts)
    unit = "%" if column.percent else "count" if column.exact else "as the measure"
    better = {True: "higher", False: "lower", None: ""}[column.higher_is_better]
    return f"| {column.title} | `{column.key}` | {facts} | {unit} | {better} |"


PAGES: dict[str, Callable[[], str]] = {  # whole pages
    f"{kind}s.md": lambda kind=kind: page(kind) for kind in ("attack", "defense", "task", "retriever")
} | {
    "tables.md": _tables,
    "llm-figures.md": llm_figures,
    "defenses-figures.md": defenses_figures,
    "performance.md": performance,
}
PARTS: dict[str, tuple[str, Callable[[], str]]] = {  # what follows a heading, to the end of the page
    "rankers.md": ("## Every ranker", lambda: _part("ranker")),
    "llm-rankers.md": ("## Every backend", lambda: _part("llm")),
    "collections.md": ("## Every reader", lambda: _part("collection")),
    "command-line.md": ("## Every command", reference),
}


def generated(name: str) -> str:
    """Return what a page should be: generated as a whole, or from a heading on."""
    if name in PAGES:
        return PAGES[name]()
    heading, make = PARTS[name]
    text = (DOCS / name).read_text(encoding="utf-8")
    return f"{text.partition(heading)[0].rstrip()}\n\n{heading}\n\n{make()}"


if __name__ == "__main__":
    for written in (*PAGES, *PARTS):
        (DOCS / written).write_text(generated(written), encoding="utf-8")
