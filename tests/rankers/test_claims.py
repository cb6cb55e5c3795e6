"""Two processes that want the same score: one computes it, the other waits; nobody waits for a process that is gone."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

from robustrank.notices import listening
from robustrank.rankers import claims
from robustrank.rankers.cache import ScoreCache, Sharing
from robustrank.rankers.ranker import PointwiseRanker
from robustrank.rankers.serving import ServedRanker
from robustrank.rankers.shard_store import ShardStore, merge_shards
from robustrank.rankers.sqlite_store import SqliteStore

KEYS = [b"a", b"b", b"c"]


class Other:
    """A store as another process has it, which runs."""

    def __init__(self, path, monkeypatch):
        self._store, self._patch, self._name = SqliteStore(path), monkeypatch, f"{os.getppid()} {os.uname().nodename}"

    def __getattr__(self, method):
        def call(*arguments):
            with self._patch.context() as patch:
                patch.setattr(claims, "this_process", lambda: self._name)
                return getattr(self._store, method)(*arguments)

        return call


class Length(PointwiseRanker):
    def __init__(self):
        self.asked = []

    def score(self, pairs):
        self.asked += pairs
        return np.array([len(document) for _, document in pairs], dtype=np.float32)


def test_what_another_process_has_claimed_is_not_ours_until_it_gives_up(tmp_path, monkeypatch):
    path = tmp_path / "scores.sqlite"
    ours, other = SqliteStore(path), Other(path, monkeypatch)
    assert other.claim(KEYS[:2]) == {b"a", b"b"}
    assert ours.claim(KEYS) == {b"c"}
    assert ours.claim(KEYS) == {b"c"}, "our claims do not keep us out"
    assert other.claim(KEYS) == {b"a", b"b"}
    other.put_many({b"a": b"1"})
    other.release([b"b"])
    assert ours.claim(KEYS) == {b"b", b"c"}, "what is known is not computed again"


def test_nobody_waits_for_a_process_that_has_ended_or_takes_minutes(tmp_path, monkeypatch):
    path = tmp_path / "scores.sqlite"
    code = "import sys; from pathlib import Path; from robustrank.rankers.sqlite_store import SqliteStore\n"
    code += "assert SqliteStore(Path(sys.argv[1])).claim([b'a']) == {b'a'}"
    subprocess.run([sys.executable, "-c", code, str(path)], check=True)
    ours, other = SqliteStore(path), Other(path, monkeypatch)
    assert ours.claim([b"a"]) == {b"a"}
    assert other.claim([b"b"]) == {b"b"}
    assert ours.claim([b"b"]) == set()
    later = time.time() + 601
    monkeypatch.setattr(claims.time, "time", lambda: later)
    assert ours.claim([b"b"]) == {b"b"}


def test_a_ranker_waits_for_the_scores_that_another_process_computes(tmp_path, monkeypatch):
    cache, ranker, pair, theirs = ScoreCache(tmp_path, Sharing(is_shared=True)), Length(), ("q", "dd"), ("q", "d")
    other = ScoreCache(tmp_path)
    other.store = Other(tmp_path / "scores.sqlite", monkeypatch)
    with monkeypatch.context() as patch:
        patch.setattr(other, "is_shared", True)
        claim = other.claimed("id", [theirs])
        assert claim.__enter__() == [theirs]
    threading.Timer(0.3, lambda: other.put("id", {theirs: 7.0})).start()
    served = ServedRanker(ranker, "id", cache)
    assert served.score([pair, theirs]).tolist() == [2, 7]
    assert (served.scored, served.cached) == (1, 1)
    assert theirs not in ranker.asked


def test_an_error_gives_up_what_was_claimed(tmp_path, monkeypatch):
    cache = ScoreCache(tmp_path, Sharing(is_shared=True))
    with pytest.raises(KeyboardInterrupt), cache.claimed("id", [("q", "d")]):
        raise KeyboardInterrupt
    other = ScoreCache(tmp_path, Sharing(is_shared=True))
    other.store = Other(tmp_path / "scores.sqlite", monkeypatch)
    with other.claimed("id", [("q", "d")]) as mine:
        assert mine == [("q", "d")]


def test_shards_are_merged_and_a_damaged_one_is_said(tmp_path):
    path, run = tmp_path / "scores.sqlite", claims.this_process()
    SqliteStore(path).put_many({b"a": b"before"})
    first, second = ShardStore(path, run), ShardStore(path, run)
    first.put_many({b"b": b"1"})
    second.put_many({b"c": b"2"})
    assert first.get_many(KEYS) == {b"a": b"before", b"b": b"1"}
    assert first.claim(KEYS) == set(KEYS)
    alive = ShardStore(path, f"{os.getppid()} {os.uname().nodename}")
    alive.put_many({b"d": b"of another run"})
    ShardStore(path, run)._shard.path.write_bytes(b"no database" * 1000)
    said = []
    with listening(said.append):
        merge_shards(path)
    assert SqliteStore(path).get_many([*KEYS, b"d"]) == {b"a": b"before", b"b": b"1", b"c": b"2"}
    assert "these scores cannot be read" in said[0]
    assert len(list((path.parent / "shards" / run).glob("*.damaged"))) == 1
    assert alive.get_many([b"d"]) == {b"d": b"of another run"}
    shutil.rmtree(path.parent / "shards")
    merge_shards(path)


def test_a_worker_goes_on_without_a_cache_that_it_cannot_read(tmp_path):
    path, said = tmp_path / "scores.sqlite", []
    SqliteStore(path).put_many({b"a": b"1"})
    raw = path.read_bytes()
    path.write_bytes(raw[:4096] + bytes(len(raw) - 4096))
    with listening(said.append):
        store = ShardStore(path, "1 here")
        assert store.get_many([b"a"]) == {}
    assert "goes on without it" in said[0]
    store.put_many({b"a": b"2"})
    assert store.get_many([b"a"]) == {b"a": b"2"}
    with sqlite3.connect(store._shard.path) as shard:
        assert shard.execute("SELECT count(*) FROM answers").fetchone() == (1,)
