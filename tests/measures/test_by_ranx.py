"""Our measures are ranx's, and a wrong one would be seen."""

from __future__ import annotations

import json

import pytest

from robustrank.cli.main import invoke
from robustrank.measures import by_ranx

pytestmark = pytest.mark.slow  # ranx compiles itself at its first use


def test_every_measure_equals_that_of_ranx(capsys: pytest.CaptureFixture[str]) -> None:
    assert invoke(["doctor", "--measures", "--json"]) == 0
    outcome = json.loads(capsys.readouterr().out)
    assert set(outcome["differences"]) == set(by_ranx.MEASURES)
    assert max(outcome["differences"].values()) < 1e-9


def test_a_wrong_measure_is_seen(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setitem(by_ranx.MEASURES, "P@10", "precision@9")
    assert invoke(["doctor", "--measures"]) == 4
    assert "1 of 10 measures differ from ranx's" in capsys.readouterr().out


def test_a_missing_ranx_is_named(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(by_ranx, "find_spec", lambda name: None)
    assert invoke(["doctor", "--measures"]) == 4
    assert 'pip install "robustrank[ranx]"' in capsys.readouterr().err
