"""The registry: names, parameters, files, and plug-ins that are broken."""

from __future__ import annotations

import sys

import pytest

from robustrank.errors import PluginError, UsageError
from robustrank.plugins import availability, create, find, parameters, registry
from robustrank.plugins.specification import Spec, parse

GOOD = '''
from dataclasses import dataclass
from robustrank.attack import Attack, Edit, Perturbation
from robustrank.victim import Access

@dataclass
class Shout(Attack):
    """Ends the document with an exclamation mark."""

    marks: int = 1  # how many

    def perturb(self, target, victim, rng):
        edit = Edit(len(target.document), len(target.document), "!" * self.marks)
        return Perturbation(target.document + edit.text, (edit,))
'''


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """Fake the installation of a distribution that offers attacks."""

    def install(name: str, points: str, module: str = "", code: str = "") -> None:
        info = tmp_path / f"{name}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[robustrank.attacks]\n{points}\n")
        if module:
            (tmp_path / f"{module}.py").write_text(code)

    monkeypatch.syspath_prepend(str(tmp_path))
    registry.cache_clear()
    yield install
    registry.cache_clear()
    for module in ("shouting", "shattered"):
        sys.modules.pop(module, None)


def test_spec_strings_read_like_yaml():
    assert parse("a:x=1,y=true,z=[1, 2],w=lee:split=test").parameters == {
        "x": 1,
        "y": True,
        "z": [1, 2],
        "w": "lee:split=test",
    }
    assert parse("dir/a.py:Cls:x=1") == Spec("dir/a.py:Cls", {"x": 1})


@pytest.mark.parametrize("text", ["a:x=1,y", "a:x=1,x=2", ":x=1", "a:1x=2"])
def test_a_bad_spec_string_is_refused(text):
    with pytest.raises(UsageError):
        parse(text)


def test_an_installed_package_runs_by_name(installed):
    installed("shouting-attack", "shout = shouting:Shout", "shouting", GOOD)
    made = create("attack", parse("shout:marks=3"))
    assert made.marks == 3
    assert registry("attack")["shout"].origin == "shouting-attack 1.0"


def test_a_broken_package_is_listed_with_its_reason_and_hurts_nobody(installed):
    installed("broken-attack", "broken = shattered:Nothing", "shattered", "import no_such_module_anywhere")
    reasons = {plugin.name: reason for plugin, _, reason in availability("attack")}
    assert "no_such_module_anywhere" in reasons["broken"]
    assert reasons["keyword-stuffing"] == ""


def test_an_installed_package_that_leaves_the_interpreter_is_listed_with_its_reason(installed):
    installed("leaving-attack", "leaving = shattered:Nothing", "shattered", "raise SystemExit(0)")
    reasons = {plugin.name: reason for plugin, _, reason in availability("attack")}
    assert "left the interpreter" in reasons["leaving"]
    assert reasons["keyword-stuffing"] == ""


def test_a_name_clash_is_reported_with_both_origins(installed):
    installed("shouting-attack", "keyword-stuffing = shouting:Shout", "shouting", GOOD)
    with pytest.raises(PluginError, match=r"shouting-attack.*|robustrank.*offered twice"):
        find("attack", "keyword-stuffing")
    assert find("attack", "character-typos")


def test_a_file_runs_by_path_with_and_without_its_class(tmp_path):
    path = tmp_path / "shout.py"
    path.write_text(GOOD)
    assert create("attack", parse(f"{path}:Shout:marks=2")).marks == 2
    assert create("attack", parse(str(path))).marks == 1


@pytest.mark.parametrize(
    ("text", "error", "says"),
    [
        ("keyword-stufing", UsageError, "keyword-stuffing"),
        ("keyword-stuffing:repeat=1", UsageError, "repeats"),
        ("keyword-stuffing:repeats=often", UsageError, "integer"),
        ("keyword-stuffing:position=nowhere", UsageError, "start"),
        ("no/such/file.py", UsageError, "no plug-in file"),
        ("no_such_module:Thing", PluginError, "no_such_module"),
        ("robustrank.rows:Row", PluginError, "not a subclass"),
    ],
)
def test_a_bad_specification_says_what_is_allowed(text, error, says):
    with pytest.raises(error, match=says):
        create("attack", parse(text))


def test_parameters_are_described_by_the_comments_beside_them():
    described = {p.name: p for p in parameters(find("attack", "word-substitution"))}
    assert "number of replaced words" in described["max_words"].description
    assert described["max_words"].default == 20
    assert "_table" not in described


@pytest.mark.parametrize("kind", ["task", "attack", "defense", "ranker", "collection"])
def test_every_built_in_plugin_is_available_and_every_parameter_described(kind):
    for plugin, found, reason in availability(kind):
        assert found is not None, (plugin.name, reason)
        assert found.__doc__, plugin.name
        assert all(p.description for p in parameters(found)), plugin.name
