"""Links of README.md and docs/ lead to pages, headings and files that exist; a page has one title."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


@cache
def prose(page: Path) -> str:
    """Return a page without its code."""
    text = re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.M | re.S)
    return re.sub(r"`[^`\n]*`", lambda code: re.sub(r"[\[\]()<>]", "", code[0]), text)


@cache
def headings(page: Path) -> list[tuple[int, str]]:
    """Return level and anchor of each heading."""
    found = re.findall(r"^(#+) (.*)$", prose(page), re.M)
    return [(len(marks), re.sub(r"[^\w\- ]", "", text.lower()).strip().replace(" ", "-")) for marks, text in found]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page):
    broken = []
    for link in LINK.findall(prose(page)):
        if link.startswith(("http://", "https://", "mailto:")):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        known = [name for _, name in headings(target)] if target.suffix == ".md" and target.exists() else []
        if not target.exists() or (anchor and anchor not in known):
            broken.append(link)
    assert broken == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_page_has_one_title_and_no_stray_tag(page):
    if "--8<--" not in page.read_text(encoding="utf-8"):  # which puts another file in
        assert [level for level, _ in headings(page)].count(1) == 1
    assert re.findall(r"<(?!!--|br>)[a-z]+>", prose(page)) == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_stand_in_fences(page):
    """Only what is in a fence is run by tests/test_docs_examples.py."""
    assert re.findall(r"^ {4}(?:\$ )?(?:robustrank|python|pip|docker|make) .*$", prose(page), re.M) == []
