"""Identity: every edit that can change a number changes it, and no copy edit does."""

from __future__ import annotations

import importlib
import sys

import pytest

from robustrank.plugins import canonical_name, create, distributions, identity, parse
from robustrank.plugins.identity import identity_parts, refresh
from robustrank.plugins.source_code import closure

PLUGIN = '''
"""An attack in a file."""
from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from robustrank.attack import Attack, Perturbation
from robustrank.plugins import NestedPlugin

from .helper import WORD

if TYPE_CHECKING:
    from .unused import Thing


@dataclass
class Appends(Attack):
    """Appends a word."""

    count: int = 1  # how often
    path: str = ""  # a file
    surrogate: Annotated[str, NestedPlugin("ranker", besides=("victim",))] = "victim"

    def perturb(self, target, victim, rng):
        """Append."""
        from .late import SPACE

        return Perturbation(target.document + (SPACE + WORD) * self.count)
'''
HELPERS = {
    "helper": '"""Words."""\nfrom . import deeper\n\nWORD = deeper.WORD  # the word\n',
    "deeper": "WORD = 'flour'\n",
    "late": "SPACE = ' '\n",
    "unused": "class Thing: ...\n",
    "beside": "NOTHING = 0\n",
}
RANKER = """
from dataclasses import dataclass
import numpy as np
from robustrank.rankers.ranker import Ranker


@dataclass
class Length(Ranker):
    sign: int = 1  # of the length

    def score(self, pairs):
        return np.array([self.sign * len(document) for _, document in pairs], dtype=np.float32)

    rank = score
"""


@pytest.fixture
def folder(tmp_path):
    """Return a folder with an attack, its helpers and a ranker."""
    for name, text in {"appends": PLUGIN, "length": RANKER, **HELPERS}.items():
        (tmp_path / f"{name}.py").write_text(text)
    return tmp_path


def of(folder, parameters=""):
    refresh()
    return identity("attack", parse(f"{folder / 'appends.py'}:Appends{parameters}"))


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("appends", "target.document + (SPACE", "target.document * 2 + (SPACE"),
        ("appends", "count: int = 1", "count: int = 2"),
        ("helper", "deeper.WORD", "deeper.WORD.upper()"),
        ("deeper", "flour", "rye"),
        ("late", "' '", "'  '"),
    ],
)
def test_an_edit_of_a_plugin_or_of_a_helper_changes_its_identity(folder, name, old, new):
    before = of(folder)
    path = folder / f"{name}.py"
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))
    assert of(folder) != before
    path.write_text(path.read_text().replace(new, old))
    assert of(folder) == before


def test_an_edit_that_computes_nothing_changes_no_identity(folder):
    before = of(folder)
    path = folder / "appends.py"
    path.write_text(
        path.read_text()
        .replace('"""Appends a word."""', '"""Another docstring."""\n')
        .replace("# how often", "# times")
    )
    (folder / "helper.py").write_text(
        HELPERS["helper"].replace("# the word", "").replace('"""Words."""', '"""Texts."""')
    )
    (folder / "beside.py").write_text("NOTHING = 1\n")  # nobody imports it
    (folder / "unused.py").write_text("class Thing:\n    changed = True\n")  # imported for its type alone
    (folder / "notes.txt").write_text("a file beside it\n")
    assert of(folder) == before


def test_a_docstring_that_is_read_computes(folder):
    path = folder / "late.py"
    path.write_text('"""One."""\nSPACE = __doc__\n')
    before = of(folder)
    path.write_text('"""Two."""\nSPACE = __doc__\n')
    assert of(folder) != before


def test_a_default_that_is_written_out_changes_nothing_and_another_value_does(folder):
    assert of(folder) == of(folder, ":count=1") == of(folder, ":surrogate=victim,count=1")
    assert len({of(folder), of(folder, ":count=2"), of(folder, ":count=3")}) == 3
    names = [canonical_name("attack", parse(f"{folder / 'appends.py'}{p}")) for p in ("", ":count=1", ":count=2")]
    assert names[0] == names[1] != names[2]


def test_where_a_plugin_lies_changes_nothing(folder, tmp_path_factory):
    copy = tmp_path_factory.mktemp("copy")
    for path in folder.glob("*.py"):
        (copy / path.name).write_text(path.read_text())
    assert of(folder) == of(copy)
    (copy / "deeper.py").write_text("WORD = 'rye'\n")
    assert of(folder) != of(copy)


def test_equally_named_helpers_of_two_folders_are_two_modules(folder, tmp_path_factory):
    copy = tmp_path_factory.mktemp("copy")
    for path in folder.glob("*.py"):
        (copy / path.name).write_text(path.read_text())
    (copy / "deeper.py").write_text("WORD = 'rye'\n")
    words = []
    for at in (folder, copy):
        attack = create("attack", parse(str(at / "appends.py")))
        words.append(sys.modules[type(attack).__module__].WORD)
    assert words == ["flour", "rye"]


def test_a_path_stands_for_its_content(folder):
    (folder / "a.txt").write_text("one")
    (folder / "b.txt").write_text("one")
    first = of(folder, f":path={folder / 'a.txt'}")
    assert first == of(folder, f":path={folder / 'b.txt'}")
    (folder / "b.txt").write_text("two")
    assert first != of(folder, f":path={folder / 'b.txt'}")
    (folder / "model").mkdir()
    (folder / "model" / "weights").write_bytes(b"\x00")
    whole = of(folder, f":path={folder / 'model'}")
    (folder / "model" / "weights").write_bytes(b"\x01")
    assert whole != of(folder, f":path={folder / 'model'}")


def test_a_word_that_happens_to_be_a_file_stays_what_it_says(folder, monkeypatch):
    monkeypatch.chdir(folder)
    for name in ("test", "train"):
        (folder / name).mkdir()
    assert of(folder, ":path=test") != of(folder, ":path=train")


def test_a_plugin_that_a_parameter_names_is_part_of_the_identity(folder):
    surrogate = f":surrogate='{folder / 'length.py'}'"
    before, alone = of(folder, surrogate), of(folder)
    assert before == of(folder, f":surrogate='{folder / 'length.py'}:Length:sign=1'")
    assert before != of(folder, f":surrogate='{folder / 'length.py'}:Length:sign=-1'")
    (folder / "length.py").write_text(RANKER.replace("self.sign *", "-self.sign *"))
    assert of(folder, surrogate) != before
    assert of(folder) == alone


def test_what_a_training_perturbs_with_is_part_of_the_identity(folder):
    def imitation():
        refresh()
        return identity("task", parse(f"imitation:surrogate=knrm,training={{augment: '{folder / 'appends.py'}'}}"))

    before = imitation()
    (folder / "deeper.py").write_text("WORD = 'rye'\n")
    assert imitation() != before
    assert identity("task", parse("imitation:surrogate=knrm")) == identity(
        "task", parse("imitation:surrogate=knrm,training={epochs: 15}")
    )


def test_a_fingerprint_is_added_and_never_trusted_alone(folder, monkeypatch):
    path = folder / "appends.py"
    told = PLUGIN.replace("import annotations", "import annotations\nimport os")
    told += "\n    fingerprint = property(lambda self: os.environ['TOLD'])\n"
    results = []
    for value, text in (("a", told), ("b", told), ("a", told.replace("SPACE + WORD", "WORD + SPACE"))):
        monkeypatch.setenv("TOLD", value)
        path.write_text(text)
        results.append(of(folder))
    assert len(set(results)) == 3


def test_the_version_of_a_library_counts_if_it_computes(folder, monkeypatch):
    with (folder / "appends.py").open("a") as file:
        file.write("\nimport numpy\nimport rich\n")
    before = of(folder)
    version = distributions._version
    for name, changes in (("rich", False), ("numpy", True)):
        monkeypatch.setattr(distributions, "_version", lambda n, name=name: "0" if n == name else version(n))
        assert (of(folder) != before) is changes, name


def test_a_data_file_that_a_module_names_counts(folder):
    (folder / "words.txt").write_text("one")
    (folder / "late.py").write_text(
        "from pathlib import Path\nSPACE = (Path(__file__).parent / 'words.txt').read_text()\n"
    )
    before = of(folder)
    (folder / "words.txt").write_text("two")
    assert of(folder) != before


def test_a_plugin_of_a_package_is_followed_through_it(tmp_path, monkeypatch):
    package = tmp_path / "identified"
    package.mkdir()
    (package / "__init__.py").write_text("from identified.exported import NAME\n")
    (package / "exported.py").write_text("NAME = 1\n")
    (package / "main.py").write_text("from identified import NAME\nimport identified.absolute\n")
    (package / "absolute.py").write_text("HELP = 1\n")
    (package / "apart.py").write_text("HELP = 1\n")
    monkeypatch.syspath_prepend(tmp_path)
    importlib.invalidate_caches()
    refresh()
    results = closure("identified.main")
    assert results.modules == {"identified.main", "identified", "identified.exported", "identified.absolute"}
    for name, changes in (("exported", True), ("absolute", True), ("apart", False)):
        refresh()
        before = closure("identified.main").digest
        (package / f"{name}.py").write_text("NAME = HELP = 2\n")
        refresh()
        assert (closure("identified.main").digest != before) is changes, name


def test_a_plugin_depends_on_what_it_uses_and_on_nothing_else():
    attack = closure("robustrank.attacks.keyword_stuffing").modules
    assert {"robustrank.attacks.parts.insertion", "robustrank.victim"} <= attack
    assert not {name for name in attack if name.startswith(("robustrank.rankers.", "robustrank.engine"))} - {
        "robustrank.rankers.ranker"
    }
    for task in ("document_attack", "iid_variance", "query_attack", "imitation"):
        modules = closure(f"robustrank.tasks.{task}").modules
        assert "robustrank.engine.context" in modules
        rankers = {
            name.removeprefix("robustrank.rankers.") for name in modules if name.startswith("robustrank.rankers.")
        }
        assert not rankers & {"bi_encoder", "cross_encoder", "lexical", "rm3", "splade", "transformer"}, task
    engine = closure("robustrank.engine.worker").modules
    assert not {
        name
        for name in engine
        if name.startswith(("robustrank.report.", "robustrank.analysis", "robustrank.tables", "robustrank.cli"))
    }
    assert "antonyms" in str(sorted(closure("robustrank.text.antonyms").modules))


def test_the_parts_of_an_identity_say_what_it_is_made_of():
    parts = identity_parts("attack", parse("word-substitution:max_words=3"))
    assert parts["plugin"] == "robustrank.attacks.word_substitution:WordSubstitution"
    assert parts["parameters"]["max_words"] == 3
    assert parts["parameters"]["surrogate"] == identity("ranker", parse("minilm"))
    assert "numpy" in parts["libraries"]
    assert parts["control"]["code"] != parts["code"]


def test_two_names_of_a_plugin_are_one_identity():
    assert identity("attack", parse("keyword-stuffing")) == identity(
        "attack", parse("robustrank.attacks.keyword_stuffing:KeywordStuffing")
    )
