"""docs/python.md names all that the package exports."""

from __future__ import annotations

import re
from pathlib import Path

import robustrank

PAGE = Path(__file__).parents[1] / "docs" / "python.md"


def test_the_page_names_all_that_is_exported():
    text = PAGE.read_text(encoding="utf-8")
    assert [name for name in robustrank.__all__ if not re.search(rf"\b{name}\b", text)] == []
