"""The site: from disk, in a browser, with a stranger's entry, the same bytes each time, and nothing loaded."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path

import pytest

from robustrank.cli.main import invoke
from robustrank.leaderboard.entry import Entry, read_entry
from robustrank.leaderboard.site import Listed, build, in_order
from robustrank.suites.suite import load_suite
from tests.browser import browser, needs_chromium

__all__ = ["browser"]

REPORTED = {
    "measure": "attack success", "value": 93.0, "unit": " %", "collection": "MS MARCO", "attack": "Query+",
    "victim": "BERT", "targets": "Easy-5", "access": "nothing", "source": "A paper, Table 2, p. 13", "url": "https://example.org/paper",
}  # fmt: skip


def published(name: str) -> Entry:
    """Return the entry of a system of which a paper alone reports a figure."""
    system = {"name": name, "ranker": "BERT", "kind": "pointwise", "training": {"saw_test_collection": "unknown"}}
    nothing = dict.fromkeys(["suite", "suite_sha256", "threat"])
    empty = {key: [] for key in ("runs", "measured", "external", "certificates", "not_run", "flags")}
    return Entry.model_validate(
        {"schema": 1, **nothing, **empty, "system": system, "reported": [REPORTED], "status": "reported"}
    )


def variant(entry: Entry, name: str, value: float, known: float | None = None) -> Entry:
    """Return an entry of another name and figures."""
    first = entry.measured[0].model_copy(update={"value": value, "known": value if known is None else known})
    system = entry.system.model_copy(update={"name": name})
    return entry.model_copy(update={"system": system, "measured": [first, *entry.measured[1:]]})


@pytest.fixture
def entries(submitted):
    """A stranger's entry, two others and one of a paper."""
    board, path = submitted
    entry = read_entry(path)
    folder = board.entries
    return {
        path: entry,
        folder / "seconds-v1" / "weak.json": variant(entry, "Weak <script>window.broken = 1</script>", 0.9, 1.0),
        folder / "seconds-v1" / "strong.json": variant(entry, "Strong", 0.05),
        folder / "published" / "bert.json": published("BERT"),
    }


def test_a_strangers_entry_appears_on_the_site(submitted, capsys):
    board, path = submitted
    assert invoke(["leaderboard", "build", str(board.entries), "--out", str(board.folder / "site")]) == 0
    page = (board.folder / "site" / "seconds-v1.html").read_text(encoding="utf-8")
    assert f'<a href="seconds-v1/{path.stem}.html">BM25 + exact-certificate</a>' in page
    assert "submitted" in page
    system = (board.folder / "site" / "seconds-v1" / f"{path.stem}.html").read_text(encoding="utf-8")
    command = re.search(r"robustrank run suite:seconds-v1 (--ranker .*) --out again", system)[1]
    for escaped, char in (("&#34;", '"'), ("&#39;", "'")):
        command = command.replace(escaped, char)
    assert command.startswith('--ranker \'{"name": "bm25"')
    assert "a stranger (submitter)" in system


def test_two_builds_are_the_same_bytes_and_load_nothing(entries, tmp_path):
    for name in ("one", "two"):
        build(dict(reversed(entries.items())) if name == "two" else entries, tmp_path / name)
    files = {path.relative_to(tmp_path / "one"): path.read_bytes() for path in (tmp_path / "one").rglob("*.*")}
    assert files == {path.relative_to(tmp_path / "two"): path.read_bytes() for path in (tmp_path / "two").rglob("*.*")}
    pages = [content.decode() for path, content in files.items() if path.suffix == ".html"]
    assert len(pages) == 6
    for page in pages:
        assert not re.search(r"<(img|script|iframe|source|audio|video)[^>]*\bsrc=|<link[^>]*href=\"(?!data:)", page)
        assert "default-src &#39;none&#39;" in page
        assert "<script>window.broken" not in page
    tex = files[Path("seconds-v1.tex")].decode()
    assert r"\label{tab:seconds-v1}" in tex
    assert "Strong + exact-certificate & submitted & 0.050" in tex.replace("\\newline ", "")
    table = list(csv.DictReader((tmp_path / "one" / "seconds-v1.csv").read_text(encoding="utf-8").splitlines()))
    assert table[0]["system"] == "Strong + exact-certificate"
    reported = json.loads((tmp_path / "one" / "published.json").read_text(encoding="utf-8"))
    assert reported == [{"system": "BERT", **REPORTED}]


def test_systems_are_ordered_by_what_is_known_of_the_headline(entries):
    listed = [Listed(path.stem, entry) for path, entry in entries.items() if entry.suite]
    ranked = in_order(load_suite("seconds-v1"), listed)
    known = [one.entry.measured[0].known for one in ranked]
    assert known == sorted(known)
    assert ranked[-1].entry.measured[0].value == 0.9  # whose external evaluation counts


@needs_chromium
def test_the_board_sorts_and_filters_in_a_browser(entries, tmp_path, browser):
    pages = build(entries, tmp_path / "site")

    def js(script):
        return browser.execute_script(f"const all = (s) => [...document.querySelectorAll(s)]; {script}")

    def systems():
        return js("return all('tbody tr').filter(r => r.checkVisibility()).map(r => r.cells[0].innerText)")

    browser.get((tmp_path / "site" / "seconds-v1.html").as_uri())
    assert [name.split(" ")[0] for name in systems()] == ["Strong", "BM25", "Weak"]
    js("all('thead th').find(h => h.innerText.startsWith('success')).querySelector('button').click()")
    assert [name.split(" ")[0] for name in systems()] == ["Weak", "BM25", "Strong"]
    browser.find_element("css selector", "input[type=search]").send_keys("strong")
    assert systems() == ["Strong + exact-certificate"]
    js("all('tbody tr').find(r => r.checkVisibility()).querySelector('a').click()")
    assert browser.title.startswith("Strong")
    for page in pages:
        browser.get(page.as_uri())
        assert js("return typeof broken") == "undefined"
    assert [entry for entry in browser.get_log("browser") if entry["level"] == "SEVERE"] == []
    events = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    urls = [e["params"]["request"]["url"] for e in events if e["method"] == "Network.requestWillBeSent"]
    assert {Path(url).suffix for url in urls if url.startswith("file:")} == {".html"}
    assert [url for url in urls if not url.startswith(("file:", "data:", "about:"))] == []
