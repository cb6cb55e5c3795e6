"""A corpus on disk is the corpus in memory, is read once, and is read again when its file has changed."""

from __future__ import annotations

import json
import os
import pickle
import time

import pytest

from robustrank import experiment, notices
from robustrank.collections import document_store, kept_collection
from robustrank.collections.beir import BeirReader
from robustrank.collections.document_store import DocumentStore, documents_digest, read_documents
from robustrank.collections.strings import Names, Strings
from robustrank.engine.resources import Resources
from robustrank.errors import DataError
from robustrank.kept import keep_in
from robustrank.plugins import contents
from robustrank.plugins.identity import refresh
from robustrank.plugins.specification import Spec
from robustrank.repairs import Repairs
from tests.tiny_collection import DOCUMENTS, write_experiment, write_tiny

ODD = {**DOCUMENTS, "é": "naïve \u2028 text", "empty": "", "d10": "the last"}


@pytest.fixture
def large(monkeypatch, tmp_path):
    """Let the smallest corpus be a large one."""
    monkeypatch.setattr(document_store, "SMALL", 0)
    monkeypatch.setattr(contents, "LARGE", 0)
    keep_in(tmp_path / "cache")


def test_strings_and_names_are_found_by_number_and_by_name(tmp_path):
    for names in (["b", "", "a", "naïve", "\ud800"], []):
        Names.of(names).save(tmp_path, "x")
        opened = Names.open(tmp_path, "x")
        assert list(opened.strings) == names == [opened.strings[i] for i in range(len(names))]
        assert [opened.find(name) for name in names] == list(range(len(names)))
        assert opened.find("c") is None
    assert len(Strings.of(["x"])) == 1


def test_a_store_is_the_mapping_that_is_read_into_memory(tmp_path, monkeypatch):
    folder = str(write_tiny(tmp_path / "tiny", ODD))
    in_memory = BeirReader(folder).read()
    monkeypatch.setattr(document_store, "SMALL", 0)
    keep_in(tmp_path / "cache")
    read = BeirReader(folder).read()
    assert isinstance(read.documents, DocumentStore)
    assert read == in_memory
    assert read.fingerprint == in_memory.fingerprint
    assert documents_digest(dict(read.documents)) == read.documents.digest
    assert list(read.documents.items()) == list(in_memory.documents.items())
    assert list(read.documents.values()) == list(in_memory.documents.values())
    assert "d1" in read.documents
    assert 7 not in read.documents
    with pytest.raises(KeyError):
        read.documents["unknown"]
    assert pickle.loads(pickle.dumps(read)) == in_memory


def test_repairs_are_told_again_when_the_store_is_opened(large, tmp_path):
    line = json.dumps({"_id": "d1", "text": None})
    (tmp_path / "corpus.jsonl").write_text(f"{line}\n{line}\n")
    told = []
    for _ in range(2):
        repairs = Repairs()
        assert dict(read_documents(tmp_path / "corpus.jsonl", beir_entries, repairs)) == {"d1": ""}
        told.append(repairs.notes())
    assert told[0] == told[1]
    assert "read once: 1" in told[0][1]
    assert f"{tmp_path / 'corpus.jsonl'}:2" in told[0][1]
    (tmp_path / "corpus.jsonl").write_text(f'{line}\n{{"_id": "d1", "text": "other"}}\n')
    with pytest.raises(DataError, match="two different texts under the id 'd1'"):
        read_documents(tmp_path / "corpus.jsonl", beir_entries, Repairs())


def beir_entries(path, repairs):
    from robustrank.collections.files import json_entries

    return json_entries(path, ("_id",), ("text",), repairs)


def opened(tmp_path):
    """Open the collection as a new process does; return it, and how often its reader read."""
    contents._small.cache_clear()
    contents._large.cache_clear()
    refresh()
    reads, read = [], BeirReader.read
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(BeirReader, "read", lambda self: reads.append(1) or read(self))
        resources = Resources(experiment.load(tmp_path / "e.yaml"), tmp_path / "cache")
        return resources.collection(Spec("beir", {"folder": str(tmp_path / "tiny")})), len(reads)


def test_a_collection_is_read_once_and_again_after_a_change_of_its_file(large, tmp_path, monkeypatch):
    monkeypatch.setattr(contents, "SETTLED", -(10**10))  # digests are kept at once
    corpus = write_tiny(tmp_path / "tiny") / "corpus.jsonl"
    write_experiment(tmp_path / "e.yaml", tmp_path / "tiny", "rankers: [bm25]\ntasks: [iid-variance]\n")
    first, reads = opened(tmp_path)
    assert reads == 1
    again, reads = opened(tmp_path)
    assert (again, again.fingerprint, again.notes, reads) == (first, first.fingerprint, first.notes, 0)
    before = corpus.stat()
    corpus.write_text(corpus.read_text().replace("rye", "oat"))
    os.utime(corpus, ns=(before.st_atime_ns, before.st_mtime_ns))  # the size is the same, too
    changed, reads = opened(tmp_path)
    assert reads == 1
    assert changed.documents["d1"].startswith("The bakery sells oat")


def test_a_digest_is_kept_once_its_file_has_settled(large, tmp_path, monkeypatch):
    file = tmp_path / "file"
    file.write_text("text")
    asked = []
    monkeypatch.setattr(contents, "_small", lambda stamp: asked.append(stamp) or "0" * 64)
    later = time.time_ns() + contents.SETTLED + 10**9
    for now, times in ((time.time_ns(), 1), (time.time_ns(), 2), (later, 3), (later, 3)):
        monkeypatch.setattr(contents.time, "time_ns", lambda now=now: now)
        contents._large.cache_clear()
        contents.file_digest(file)
        assert len(asked) == times


def test_damage_and_missing_documents_are_noticed(large, tmp_path):
    write_tiny(tmp_path / "tiny")
    write_experiment(tmp_path / "e.yaml", tmp_path / "tiny", "rankers: [bm25]\ntasks: [iid-variance]\n")
    first, _ = opened(tmp_path)
    texts = next((tmp_path / "cache" / "documents").glob("*/texts.bin"))
    shorter = texts.read_bytes()[:-1]
    texts.unlink()  # what is mapped must not shrink
    texts.write_bytes(shorter)
    said = []
    with notices.listening(said.append):
        again, reads = opened(tmp_path)
    assert (again, reads) == (first, 1)
    assert "written again" in said[0]
    assert kept_collection._opened(next((tmp_path / "cache" / "collections").glob("[0-9a-f]*[0-9a-f]"))) == first
