"""Hooks of the site: no page is left out of the navigation, and links to other files lead to the repository."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

from mkdocs.exceptions import PluginError

_OUTSIDE = re.compile(r"\]\(((?:\.\./)+[^)#\s]+)")


def on_config(config: Any) -> None:
    """Add the pages that mkdocs.yml does not name, a section for each folder."""
    named, docs = set(_pages(config.nav)), Path(config.docs_dir)
    others = sorted(page for path in docs.rglob("*.md") if (page := path.relative_to(docs).as_posix()) not in named)
    for folder, pages in groupby(others, key=lambda page: page.rpartition("/")[0]):
        config.nav.append({folder.capitalize() or "More": list(pages)})


def on_page_markdown(markdown: str, *, page: Any, config: Any, **_: Any) -> str:
    """Point links to files outside docs/ to the repository.

    Raises:
        PluginError: There is no such file.
    """

    def to_repository(match: re.Match[str]) -> str:
        target = (Path(page.file.abs_src_path).parent / match[1]).resolve()
        if target.is_relative_to(config.docs_dir):
            return match[0]
        if not target.exists():
            raise PluginError(f"{page.file.src_path} links to {match[1]}, which does not exist")
        root = Path(config.config_file_path).parent
        return f"]({config.extra['repository']}/blob/main/{target.relative_to(root).as_posix()}"

    return _OUTSIDE.sub(to_repository, markdown)


def _pages(nav: Any) -> Iterator[str]:
    """Yield the pages of a navigation, at any depth."""
    if isinstance(nav, str):
        yield nav
    else:
        for part in nav.values() if isinstance(nav, dict) else nav:
            yield from _pages(part)
