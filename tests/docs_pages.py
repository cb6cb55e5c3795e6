"""The parts of docs/ that are generated from the code. `python -m tests.docs_pages` writes them."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from robustrank.cli.page import page
from tests.command_reference import reference

DOCS = Path(__file__).parents[1] / "docs"


def _part(kind: str) -> str:
    """Return the page of a kind as a part of another: without its title, its headings a level lower."""
    text = page(kind).partition("\n\n")[2]
    return re.sub(r"^(#+) ", r"#\1 ", text, flags=re.MULTILINE)


PAGES: dict[str, Callable[[], str]] = {  # whole pages
    f"{kind}s.md": lambda kind=kind: page(kind) for kind in ("attack", "defense", "task", "retriever")
}
PARTS: dict[str, tuple[str, Callable[[], str]]] = {  # what follows a heading, to the end of the page
    "rankers.md": ("## Every ranker", lambda: _part("ranker")),
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
