"""What a Python file says is kept on disk by the file's content; damage is noticed, and an edit is read."""

from __future__ import annotations

import pytest

from robustrank.kept import keep_in
from robustrank.plugins import source_file
from robustrank.plugins.source_file import SourceFile, keep_sources, read_source

SOURCE = (
    '"""A module."""\nimport json\nfrom . import beside\nfrom importlib.resources import files\n\nNAME = "table.txt"\n'
)


@pytest.fixture
def module(tmp_path, monkeypatch):
    """A file, and a function that reads it as a new process with the same cache does."""
    keep_in(tmp_path / "cache")
    path = tmp_path / "module.py"
    path.write_text(SOURCE, encoding="utf-8")

    def read() -> SourceFile:
        read_source.cache_clear()
        source_file._sources.cache_clear()
        said = read_source(path, path.stat().st_mtime_ns, path.stat().st_size)
        keep_sources()
        return said

    yield path, read
    source_file._sources.cache_clear()


def kept(tmp_path):
    (path,) = (tmp_path / "cache" / "sources").iterdir()
    return path


def test_a_file_is_parsed_once_and_says_the_same_when_it_is_kept(module, monkeypatch):
    path, read = module
    first = read()
    assert first.imports == ((0, "json", ()), (1, "", ("beside",)), (0, "importlib.resources", ("files",)))
    assert "table.txt" in first.strings
    monkeypatch.setattr(source_file, "_parsed", lambda raw: pytest.fail("parsed again"))
    assert read() == first
    path.rename(path.with_name("other.py"))  # content decides, not the name
    other = path.with_name("other.py")
    assert read_source(other, other.stat().st_mtime_ns, other.stat().st_size) == first


def test_an_edit_is_read_and_a_comment_changes_nothing(module):
    path, read = module
    first = read()
    path.write_text(SOURCE.replace("table", "tables"), encoding="utf-8")
    assert read().digest != first.digest
    path.write_text(f"{SOURCE}# a comment\n", encoding="utf-8")
    assert read() == first


@pytest.mark.parametrize(
    "damage", [lambda text: text.replace("json", "yaml"), lambda text: text[:-9], lambda text: "\x00"]
)
def test_what_is_damaged_is_not_believed(module, tmp_path, damage):
    _, read = module
    first = read()
    path = kept(tmp_path)
    whole = path.read_text(encoding="utf-8")
    path.write_text(damage(whole), encoding="utf-8")
    assert read() == first
    assert path.read_text(encoding="utf-8") == whole


def test_the_files_that_were_used_last_are_kept(tmp_path, monkeypatch):
    monkeypatch.setattr(source_file, "_KEPT", 2)
    texts = [f"NUMBER = {number}\n".encode() for number in range(3)]
    sources = source_file._Sources(tmp_path)
    for number in (0, 1, 0, 2):
        sources.of(texts[number])
    sources.keep()
    parsed, parse = [], source_file._parsed
    monkeypatch.setattr(source_file, "_parsed", lambda raw: parsed.append(raw) or parse(raw))
    sources = source_file._Sources(tmp_path)
    for text in texts:
        sources.of(text)
    assert parsed == [texts[1]]
