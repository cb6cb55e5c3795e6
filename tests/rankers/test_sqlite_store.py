"""The score cache: whatever happens to its file, what it answers is what was put into it."""

from __future__ import annotations

import os
import random
import shutil
import sqlite3
import subprocess
import sys

import pytest

from robustrank.errors import DataError
from robustrank.notices import listening
from robustrank.rankers import sqlite_store as store_module
from robustrank.rankers.cache import ScoreCache, digest
from robustrank.rankers.sqlite_store import SqliteStore
from tests.damages import DAMAGES as ALL_DAMAGES

VALUES = {digest("n", str(i)): i.to_bytes(4, "big") for i in range(3000)}
DAMAGES = {
    **{name: damage for name, damage in ALL_DAMAGES.items() if name not in ("deleted", "one bit changed")},
    "garbage behind the header": lambda path: path.write_bytes(path.read_bytes()[:100] + bytes(range(256)) * 400),
}


@pytest.fixture(scope="module")
def database(tmp_path_factory):
    path = tmp_path_factory.mktemp("store") / "scores.sqlite"
    store = SqliteStore(path)
    store.put_many(VALUES)
    store.close()
    return path


@pytest.fixture
def path(database, tmp_path):
    return shutil.copy(database, tmp_path / "scores.sqlite")


@pytest.fixture
def said():
    texts = []
    with listening(texts.append):
        yield texts


def works(store):
    """Whether the store answers rightly now, and knows everything once it was put again."""
    known = store.get_many(list(VALUES))
    right = all(VALUES[key] == value for key, value in known.items())
    store.put_many(VALUES)
    return right and store.get_many(list(VALUES)) == VALUES


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("when", ["before it is opened", "while it is open"])
def test_a_damaged_database_is_set_aside_and_begun_anew(path, damage, when, said):
    opened = SqliteStore(path) if when == "while it is open" else None
    DAMAGES[damage](path)
    assert works(opened or SqliteStore(path))
    if damage != "emptied":
        assert "renamed to scores.sqlite.damaged-1, and created anew" in said[0]
        assert (path.parent / "scores.sqlite.damaged-1").exists()


def test_a_database_deleted_while_it_is_open_is_begun_anew(path):
    store = SqliteStore(path)
    path.unlink()
    assert works(store)
    assert SqliteStore(path).get_many(list(VALUES)) == VALUES


def test_a_folder_or_another_database_in_its_place_is_set_aside(tmp_path, said):
    (tmp_path / "a" / "scores.sqlite").mkdir(parents=True)
    assert works(SqliteStore(tmp_path / "a" / "scores.sqlite"))
    foreign = sqlite3.connect(tmp_path / "scores.sqlite")
    foreign.execute("CREATE TABLE answers (x)")
    foreign.close()
    assert works(SqliteStore(tmp_path / "scores.sqlite"))
    assert len(said) == 2


@pytest.mark.parametrize("suffix", ["-wal", "-shm", "-journal"])
def test_leftovers_of_a_journal_do_no_harm(path, suffix, said):
    (path.parent / f"{path.name}{suffix}").write_bytes(os.urandom(5000))
    assert works(SqliteStore(path))


def test_a_database_left_in_write_ahead_mode_is_read(tmp_path):
    code = (
        "import os, sqlite3, sys\n"
        "from robustrank.rankers.sqlite_store import SqliteStore\n"
        "from pathlib import Path\n"
        "store = SqliteStore(Path(sys.argv[1])); store._database.execute('PRAGMA journal_mode=WAL')\n"
        "store.put_many({b'key': b'value'}); os._exit(0)\n"
    )
    path = tmp_path / "scores.sqlite"
    subprocess.run([sys.executable, "-c", code, str(path)], check=True)
    assert path.with_name("scores.sqlite-wal").exists()
    assert SqliteStore(path).get_many([b"key"]) == {b"key": b"value"}
    assert works(SqliteStore(path))


def test_a_flipped_bit_in_a_value_is_noticed(path, said):
    raw, value = path.read_bytes(), VALUES[digest("n", "77")]
    at = raw.index(value, raw.index(digest("n", "77")))
    path.write_bytes(raw[:at] + bytes([raw[at] ^ 16]) + raw[at + 1 :])
    store = SqliteStore(path)
    known = store.get_many(list(VALUES))
    assert set(VALUES) - set(known) == {digest("n", "77")}
    assert store.damaged == 1
    assert "checksum mismatch" in said[0]
    assert works(store)


def test_pages_in_each_others_place_give_no_answers_to_other_questions(path):
    raw = path.read_bytes()
    pages = [raw[start : start + 4096] for start in range(0, len(raw), 4096)]
    keys = list(VALUES)[::2]
    for first in range(1, 5):
        for second in range(first + 1, 6):
            swapped = list(pages)
            swapped[first], swapped[second] = pages[second], pages[first]
            path.write_bytes(b"".join(swapped))
            store = SqliteStore(path)
            known = store.get_many(keys)
            store.close()
            assert known == {key: VALUES[key] for key in known}
            assert set(known) <= set(keys)


def test_a_schema_that_is_no_text_is_damage(path, said):
    raw = path.read_bytes()
    for at in range(4000, 4010):  # the column that holds the type of the first entry of the schema
        path.write_bytes(raw[:at] + b"\xf7" + raw[at + 1 :])
        assert works(SqliteStore(path))
    assert said


def test_random_changes_never_give_a_wrong_value(path, said):
    raw, chance = path.read_bytes(), random.Random(0)
    for _ in range(60):
        changed = bytearray(raw)
        page = 4096 * chance.randrange(len(raw) // 4096)
        for _ in range(chance.choice([1, 20])):
            changed[page + chance.randrange(chance.choice([12, 4096]))] = chance.randrange(256)
        path.write_bytes(bytes(changed))
        store = SqliteStore(path)
        known = store.get_many(list(VALUES))
        assert known == {key: VALUES[key] for key in known}
        store.put_many({b"key": b"value"})
        assert store.get_many([b"key"]) == {b"key": b"value"}
        store.close()


def test_two_processes_that_meet_the_same_damage_share_the_new_database(path, said):
    first, second = SqliteStore(path), SqliteStore(path)
    path.write_bytes(bytes(path.stat().st_size))
    first.put_many({b"a": b"1"})
    second.put_many({b"b": b"2"})
    assert first.get_many([b"a", b"b"]) == second.get_many([b"a", b"b"]) == {b"a": b"1", b"b": b"2"}
    assert not (path.parent / "scores.sqlite.damaged-2").exists()


def test_a_database_that_another_process_holds_is_gone_without(path, said, monkeypatch):
    monkeypatch.setattr(store_module, "_PATIENCE", 0.1)
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    store = SqliteStore(path)
    store.put_many({b"key": b"value"})
    assert store.get_many([b"key"]) == {}
    assert "goes on without it" in said[0]
    assert len(said) == 1


def test_a_folder_that_cannot_be_written_is_an_error_that_says_where(tmp_path):
    (tmp_path / "cache").write_text("a file")
    with pytest.raises(DataError, match="scores"):
        ScoreCache(tmp_path / "cache")
