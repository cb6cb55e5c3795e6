"""Plug-ins in files: helpers beside them, and files that leave the interpreter."""

from __future__ import annotations

import sys

import pytest

from robustrank.errors import PluginError
from robustrank.plugins import create, find, parse
from robustrank.plugins.files import forget_changed_files

ATTACK = """
from dataclasses import dataclass

from robustrank.attack import Attack, Perturbation
{}

@dataclass
class Adds(Attack):
    text: str = WORD

    def perturb(self, target, victim, rng):
        return Perturbation(target.document)
"""


def test_a_file_imports_the_file_beside_it(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    (tmp_path / "my-attack.py").write_text(ATTACK.format("from .helper import WORD\n"))
    (tmp_path / "helper.py").write_text("from .sub.deep import WORD\n")
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "deep.py").write_text("WORD = 'rye'\n")
    assert create("attack", parse(str(tmp_path / "my-attack.py"))).text == "rye"
    assert not list(tmp_path.rglob("__pycache__"))


def test_a_changed_helper_is_imported_anew(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    plugin = str(tmp_path / "adds.py")
    (tmp_path / "adds.py").write_text(ATTACK.format("from .helper import WORD\n"))
    for word in ("rye", "oat"):  # of equal length, in the same second: bytecode could not tell them apart
        (tmp_path / "helper.py").write_text(f"WORD = {word!r}\n")
        forget_changed_files()
        assert create("attack", parse(plugin)).text == word


def test_an_absolute_import_of_the_file_beside_it_is_told_the_form(tmp_path):
    (tmp_path / "adds.py").write_text(ATTACK.format("from helper import WORD\n"))
    (tmp_path / "helper.py").write_text("WORD = 'rye'\n")
    with pytest.raises(PluginError, match=r"from \.helper import"):
        find("attack", str(tmp_path / "adds.py"))


def test_a_file_that_failed_is_tried_again_with_its_helpers(tmp_path):
    plugin = str(tmp_path / "adds.py")
    (tmp_path / "adds.py").write_text(ATTACK.format("from .helper import WORD\n"))
    (tmp_path / "helper.py").write_text("WORDS = 'rye'\n")
    with pytest.raises(PluginError, match="WORD"):
        find("attack", plugin)
    (tmp_path / "helper.py").write_text("WORD = 'rye'\n")
    assert create("attack", parse(plugin)).text == "rye"


@pytest.mark.parametrize("status", ["0", "", "'no'"])
def test_a_file_that_leaves_the_interpreter_is_refused(tmp_path, status):
    (tmp_path / "leaves.py").write_text(f"import sys\nsys.exit({status})\n")
    with pytest.raises(PluginError, match=r"left the interpreter[^$]*leaves\.py") as refused:
        find("attack", str(tmp_path / "leaves.py"))
    assert refused.value.exit_code == 5


def test_a_keyboard_interrupt_stays_one(tmp_path):
    (tmp_path / "stops.py").write_text("raise KeyboardInterrupt\n")
    with pytest.raises(KeyboardInterrupt):
        find("attack", str(tmp_path / "stops.py"))
