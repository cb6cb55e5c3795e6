"""Paths and caches where the user has a home folder, none, or one that cannot be written."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from robustrank.errors import UsageError
from robustrank.paths import default_cache, give_libraries_a_home, given_path

HOMES = ("HOME", "XDG_CACHE_HOME", "ROBUSTRANK_CACHE", "HF_HOME", "IR_DATASETS_HOME", "MPLCONFIGDIR", "NUMBA_CACHE_DIR")


@pytest.fixture
def homeless(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    def unknown(*_: object) -> None:
        raise KeyError("no passwd entry")

    for name in HOMES:
        monkeypatch.setenv(name, "")  # so that what the test sets is undone
        monkeypatch.delenv(name)
    monkeypatch.setattr("pwd.getpwuid", unknown)
    return monkeypatch


def test_a_path_from_a_home_that_is_not_there_is_refused(homeless):
    assert given_path("a/b") == Path("a/b")
    for path in ("~", "~/data", "~nobody-at-all/data", "a\0b"):
        with pytest.raises(UsageError, match=r"no such home folder|null character"):
            given_path(path)


def test_the_cache_is_where_the_environment_says(homeless, tmp_path):
    with pytest.raises(UsageError, match="set ROBUSTRANK_CACHE"):
        default_cache()
    homeless.setenv("HOME", "/home/someone")
    assert default_cache() == Path("/home/someone/.cache/robustrank")
    homeless.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert default_cache() == tmp_path / "robustrank"
    homeless.setenv("ROBUSTRANK_CACHE", str(tmp_path / "mine"))
    assert default_cache() == tmp_path / "mine"


def test_libraries_get_a_home_only_where_there_is_none(homeless, tmp_path):
    homeless.setenv("HOME", str(tmp_path))
    give_libraries_a_home(tmp_path / "cache")
    assert not any(name in os.environ for name in HOMES if name != "HOME")
    homeless.setenv("HOME", "/proc/none")
    homeless.setenv("MPLCONFIGDIR", "mine")
    give_libraries_a_home(tmp_path / "cache")
    assert os.environ["IR_DATASETS_HOME"] == str(tmp_path / "cache" / "libraries" / "ir_datasets")
    assert (os.environ["HOME"], os.environ["MPLCONFIGDIR"]) == ("/proc/none", "mine")
    homeless.delenv("HOME")
    give_libraries_a_home(tmp_path / "cache")
    assert os.environ["HOME"] == str(tmp_path / "cache" / "libraries")
