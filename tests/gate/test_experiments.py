"""Malformed experiment files, specifications and plug-ins: refused on one screen, and every finished row is kept.

All are generated from honest ones with fixed seeds. An exception that leaves the command line would fail the test.
"""

from __future__ import annotations

import copy
import hashlib
import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from robustrank.cli.main import invoke
from tests.tiny_collection import write_tiny

MOST_BYTES, MOST_LINES, MOST_SECONDS = 2_000, 24, 30.0

HONEST = """\
name: honest
collections: [{name: beir, folder: FOLDER, label: tiny}]
rankers: [bm25, {name: query-likelihood, mu: 500}]
attacks: [{name: keyword-stuffing, repeats: 2}]
tasks: [{name: iid-variance, measures: [nDCG@10]}, {name: document-attack, targets: [last-1], queries: 1}]
seeds: [0]
"""

NASTY: list[Any] = [
    None, True, False, -1, 0, 0.5, 10**400, float("nan"), float("inf"), "", " ", "x" * 5_000, "é" * 3_000,
    "\x1b[2J\x1b]0;T\x07", "[/bold]", "a\u2028b", "~nobody-at-all/x", "../../..", "/dev/null", "a:b:c", "a:=1",
    "bm25:k1=[", "bm25:k1=&a [*a]", "bm25:k1=1,k1=2", ":", "%", "{}", {}, [], {"a": {"b": [{}]}}, [[[[]]]], [None],
    [1, "a"], {"name": "bm25"}, {"name": ["bm25"]}, {1: 2}, {"name": None}, list(range(500)), {"x" * 500: 1},
]  # fmt: skip

TOKENS = (b"[", b"{", b"- ", b": ", b"*a ", b"&a ", b"!!", b"\t", b"\r", b"'", b"\xff")
POINTS = [i / 101 for i in range(101)]
MALFORMED = {
    "nothing": "",
    "a list": "- a\n- b\n",
    "a word": "bm25",
    "a number": "7",
    "two documents": HONEST + "---\nname: x\n",
    "a tab": HONEST.replace("rankers:", "\trankers:"),
    "an open list": HONEST + "report: [",
    "a repeated key": HONEST + "name: again\n",
    "a list as a key": HONEST + "? [a]\n: b\n",
    "deep lists": HONEST + "report: " + "[" * 5_000,
    "deep mappings": HONEST + "report: " + "{a: " * 200 + "1" + "}" * 200,
    "deep aliases": "\n".join(f"a{i}: &a{i} [{f'*a{i - 1}' if i else 'x'}]" for i in range(200)) + "\n" + HONEST,
    "an alias of itself": HONEST + "report: &a [*a]\n",
    "a bomb": "a0: &a0 [x]\n" + "".join(f"a{i}: &a{i} [{f'*a{i - 1},' * 9}]\n" for i in range(1, 12)) + HONEST,
    "a bomb in a specification": HONEST.replace(
        "bm25,", "'bm25:k1=[&a [x,x,x,x,x,x,x,x,x]" + ",&b [*a,*a,*a,*a,*a,*a,*a,*a,*a]" * 2 + "]',"
    ),
    "an undefined alias": HONEST + "report: *a\n",
    "python": HONEST + "report: !!python/object/apply:os.system [true]\n",
    "binary": HONEST + "report: !!binary aGVsbG8=\n",
    "a set": HONEST + "report: !!set {a, b}\n",
    "a long integer": HONEST.replace("seeds: [0]", f"seeds: [{'9' * 5_000}]"),
    "a date for a seed": HONEST.replace("seeds: [0]", "seeds: [2020-02-30]"),
    "a null character": HONEST.replace("label: tiny", 'label: "t\\0"'),
    "half a surrogate pair": HONEST.replace("label: tiny", 'label: "t\\ud800"'),
    "many values": HONEST + "report: [" + "x," * 30_000 + "]\n",
    "a long file": HONEST + "# " + "x" * 1_100_000,
    "many unknown keys": HONEST + "".join(f"key{i}: {i}\n" for i in range(500)),
    "a long key": HONEST + "k" * 900 + ": 1\n",
    "a long name": HONEST.replace("name: honest", "name: " + "n" * 100),
    "dots for a name": HONEST.replace("name: honest", "name: .."),
    "a long label": HONEST.replace("label: tiny", "label: " + "t" * 300),
    "a giant sweep": HONEST.replace("bm25,", f"{{name: bm25, sweep: {{k1: {POINTS}, b: {POINTS}}}}},"),
    "many cells": HONEST.replace("seeds: [0]", f"seeds: {list(range(1_000))}").replace(
        "bm25,", f"{{name: bm25, sweep: {{k1: {[i / 100 for i in range(200)]}}}}},"
    ),
    "a seed twice": HONEST.replace("seeds: [0]", "seeds: [1, 1]"),
    "true for a seed": HONEST.replace("seeds: [0]", "seeds: true"),
    "a task twice": HONEST.replace("tasks: [", "tasks: [iid-variance:measures=nDCG@10, "),
    "an unknown measure": HONEST.replace("nDCG@10", "nDCG@0"),
    "a measure twice": HONEST.replace("[nDCG@10]", "[nDCG@10, nDCG@10]"),
    "no measure": HONEST.replace("[nDCG@10]", "[]"),
    "the last none": HONEST.replace("last-1", "last-0"),
    "a band of long numbers": HONEST.replace("last-1", "1-" + "9" * 5_000),
    "no such home": HONEST.replace("FOLDER", "~nobody-at-all/data"),
    "a folder that is a file": HONEST.replace("FOLDER", "/dev/null"),
    "a long path": HONEST.replace("FOLDER", "/x" * 3_000),
}  # fmt: skip
# What is said of an experiment file; of all others only that it is refused.
SAYS = {
    "a repeated key": "duplicate key 'name', first in line 1",
    "deep aliases": "more than 30 lists or mappings in one another",
    "a bomb": "values or more, aliases written out, and 20,000 are allowed",
    "many values": "20,001 values or more",
    "a long file": "1,000,000 are allowed",
    "many unknown keys": "and 492 more problems",
    "a giant sweep": "10,201 points, and 10,000 are allowed",
    "many cells": "more than 100,000 cells",
    "a seed twice": "duplicate 1",
    "an unknown measure": "'nDCG@0' is not a measure",
    "no such home": "no such home folder",
}
# Values that no parameter of these takes, whatever its type.
WRONG = ["true", "-1", "-0.1", "1e99", ".nan", ".inf", "'9" + "9" * 400 + "'", "[]", "{}", "{a: 1}", "[[1]]", "word"]
SPECIFICATIONS = [
    f"{name}:{parameter}={value}"
    for name, parameters in {
        "bm25": ("k1", "b"), "query-likelihood": ("mu",), "rm3": ("feedback_documents", "original_weight"),
        "minilm": ("max_length", "max_tokens"), "duet": ("dropout", "hidden"),
    }.items()
    for parameter in parameters
    for value in WRONG
]  # fmt: skip

PLUGIN = """\
from dataclasses import dataclass

from robustrank.attack import Attack, Perturbation
from robustrank.plugins import Count


@dataclass
class Mine(Attack):
    words: Count = 1  # words

    def perturb(self, target, victim, rng):
        return Perturbation(target.document)
"""
PLUGINS = {
    "empty": "",
    "a syntax error": PLUGIN.replace("class Mine(", "class Mine(("),
    "bad indentation": PLUGIN.replace("    words", "  words"),
    "not Python": "\x7fELF\x00\x01",
    "not UTF-8": PLUGIN.encode() + b"TEXT = '\xff'\n",
    "a half character": "x = '\\ud800'\nraise ValueError(x)\n",
    "no class": PLUGIN.replace("class Mine(Attack)", "class Mine"),
    "two classes": PLUGIN + PLUGIN.replace("Mine", "Other"),
    "another kind": "from robustrank.defense import Defense\nclass Mine(Defense):\n    def wrap(self, r, c, g): pass\n",
    "no method": PLUGIN.replace("perturb", "perturbed"),
    "an unknown import": "import no_such_module_at_all\n" + PLUGIN,
    "an unknown name": "from robustrank.attack import Assault\n" + PLUGIN,
    "a circle": "from .plug import Mine\n" + PLUGIN,
    "raises": "raise RuntimeError('x' * 100_000)\n",
    "raises in another": "def f(n):\n    return f(n - 1) if n else 1 / 0\nf(50)\n",
    "raises what cannot be printed": "class E(Exception):\n    def __str__(self): raise ValueError\nraise E\n",
    "raises what is no Exception": "class E(BaseException): pass\nraise E('gone')\n",
    "recurses": "def f(): f()\nf()\n",
    "exits": "import sys\nsys.exit(0)\n",
    "exits with a text": "raise SystemExit('x' * 100_000)\n",
    "prints and fails": "import sys\nfor _ in range(999): print('x' * 999)\nsys.stderr.write('y' * 99_999)\n1 / 0\n",
    "prints and has no class": "print('x' * 1_000_000)\n",
    "replaces its module": "import sys\nsys.modules[__name__] = 5\n",
    "a module that answers": PLUGIN.replace("Mine(Attack)", "Mine")
    + "def __getattr__(name): raise RuntimeError(name)\n",
    "a mutable default": PLUGIN.replace("words: Count = 1", "words: list = []"),
    "a default of another type": PLUGIN.replace("words: Count = 1", "words: Count = 'one'"),
    "a default out of range": PLUGIN.replace("words: Count = 1", "words: Count = 0"),
    "a default that raises": PLUGIN.replace(
        "words: Count = 1", "words: dict = field(default_factory=lambda: 1 / 0)"
    ).replace("import dataclass", "import dataclass, field"),
    "an unknown type": "from __future__ import annotations\n" + PLUGIN.replace("words: Count", "words: Cuont"),
    "a type that is none": PLUGIN.replace("words: Count", "words: 5"),
    "required": PLUGIN.replace("words: Count = 1", "words: Count"),
    "a constructor that raises": PLUGIN + "\n    def __post_init__(self):\n        raise KeyError('words')\n",
    "a constructor that exits": PLUGIN + "\n    def __post_init__(self):\n        raise SystemExit(0)\n",
    "a constructor with arguments": PLUGIN.replace("@dataclass\n", "").replace(
        "    words: Count = 1  # words", "    def __init__(self, a, b): pass"
    ),
    "edits of another type": PLUGIN + "\n    edits = 5\n",
    "edits of another word": PLUGIN + "\n    edits = 'documents'\n",
    "access as a word": PLUGIN + "\n    access = 'ranks'\n",
    "a reference of another type": PLUGIN + "\n    reference = ['a', 'b']\n",
    "a control that is none": PLUGIN + "\n    control = 'no-such-attack'\n",
    "a fingerprint that raises": PLUGIN + "\n    @property\n    def fingerprint(self): raise ValueError('x' * 9_999)\n",
}

# What is said of a plug-in, beside its file; of all others only that it is refused.
PLUGIN_SAYS = {
    "empty": "defines 0 attack classes",
    "a syntax error": "plug.py:8",
    "bad indentation": "plug.py:11",
    "two classes": "(Mine, Other)",
    "no method": "does not implement perturb",
    "an unknown import": "plug.py:1",
    "raises in another": "ZeroDivisionError: division by zero\n  where:   FILE:2",
    "raises what is no Exception": "E: gone",
    "exits": "left the interpreter",
    "prints and fails": "(99,499 more characters were printed)",
    "replaces its module": "something else in its module's place",
    "a mutable default": "mutable default",
    "a default of another type": "words = str: 'one'",
    "a default out of range": "words = int: 0: it must be 1 to 1,000,000,000",
    "a default that raises": "plug.py:7, the default of a parameter",
    "an unknown type": "name 'Cuont' is not defined",
    "a type that is none": "its parameter words is 5",
    "required": "needs words",
    "a constructor that raises": "its constructor, FILE:7",
    "a constructor that exits": "sys.exit(0)",
    "edits of another type": "its edits is int: 5\n  where:   FILE:7, class Mine\n  allowed: document | query",
    "access as a word": "Access.RANKS",
    "a reference of another type": "its reference is list",
    "a control that is none": "names the control 'no-such-attack'",
    "a fingerprint that raises": "its fingerprint",
}


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a collection and a finished run."""
    folder = tmp_path_factory.mktemp("gate")
    write_tiny(folder / "tiny")
    assert run(folder, honest(folder))[0] == 0
    return folder


def honest(folder: Path) -> str:
    return HONEST.replace("FOLDER", str(folder / "tiny"))


def run(folder: Path, text: str | bytes, out: str = "out") -> tuple[int, str]:
    """Run an experiment file in this process; return the exit code and what standard error says."""
    import contextlib
    import io

    path = folder / "experiment.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass"))
    said, printed = io.StringIO(), io.StringIO()
    started = time.monotonic()
    with contextlib.redirect_stderr(said), contextlib.redirect_stdout(printed):
        options = ["--out", str(folder / out), "--cache", str(folder / "cache"), "--workers", "0", "--no-report"]
        code = invoke(["run", str(path), *options])
    assert time.monotonic() - started < MOST_SECONDS
    assert len(said.getvalue().encode()) <= MOST_BYTES
    assert said.getvalue().count("\n") <= MOST_LINES
    assert not any(ord(char) < 32 and char != "\n" for char in said.getvalue())
    assert "Traceback" not in said.getvalue() + printed.getvalue()
    return code, said.getvalue()


def refused(folder: Path, text: str | bytes) -> str:
    """Check that an experiment file is refused and the finished run beside it is untouched; return the message."""
    before = digest(folder / "out")
    code, said = run(folder, text)
    assert code in range(2, 8), (code, said)
    assert "error: " in said
    assert digest(folder / "out") == before
    return said


def digest(folder: Path) -> str:
    """Return a hash of the rows and cells of a run folder."""
    whole = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file() and path.suffix != ".lock"):
        whole.update(str(path).encode() + path.read_bytes())
    return whole.hexdigest()


@pytest.mark.parametrize("case", MALFORMED)
def test_a_malformed_experiment_file_is_refused(case: str, finished: Path) -> None:
    assert SAYS.get(case, "") in refused(finished, MALFORMED[case].replace("FOLDER", str(finished / "tiny")))


@pytest.mark.parametrize("text", SPECIFICATIONS)
def test_a_value_that_no_parameter_takes_is_refused_by_its_name(text: str, finished: Path) -> None:
    entry = yaml.safe_dump([text], default_flow_style=True).strip()[1:-1]
    said = refused(finished, honest(finished).replace("bm25,", f"{entry},"))
    name, parameter = text.partition("=")[0].split(":")
    assert name in said
    assert parameter in said


@pytest.mark.parametrize("case", PLUGINS)
def test_a_malformed_plug_in_is_refused_by_its_file(case: str, finished: Path) -> None:
    file = finished / "plug.py"
    content = PLUGINS[case]
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    entry = honest(finished).replace("{name: keyword-stuffing, repeats: 2}", str(file))
    said = refused(finished, entry)
    assert "plug.py" in said
    assert PLUGIN_SAYS.get(case, "").replace("FILE", str(file)) in said


@pytest.mark.parametrize("seed", range(40))
def test_an_experiment_file_with_other_bytes_raises_nothing(seed: int, finished: Path) -> None:
    generator = random.Random(seed)
    raw = bytearray(honest(finished).encode())
    for _ in range(generator.randint(1, 4)):
        at, length = generator.randrange(len(raw)), generator.randint(1, 30)
        match generator.choice(("cut", "drop", "repeat", "noise", "token")):
            case "cut" if at > 10:
                del raw[at:]
            case "repeat":
                raw[at:at] = raw[at : at + length] * generator.choice((1, 2, 50))
            case "noise":
                raw[at : at + length] = generator.randbytes(length)
            case "token":
                raw[at:at] = generator.choice(TOKENS)
            case _:
                del raw[at : at + length]
    run(finished, bytes(raw), out="other")


@pytest.mark.parametrize("seed", range(80))
def test_an_experiment_with_another_value_raises_nothing(seed: int, finished: Path) -> None:
    generator = random.Random(1_000 + seed)
    tree = yaml.safe_load(honest(finished))
    for _ in range(generator.randint(1, 2)):
        holder, key = generator.choice(list(places(tree)))
        holder[key] = copy.deepcopy(generator.choice(NASTY))
    run(finished, yaml.safe_dump(tree, allow_unicode=True), out="other")


def places(tree: Any) -> Iterator[tuple[Any, Any]]:
    """Yield every list or mapping of a value with each of its keys."""
    for key, value in list(tree.items() if isinstance(tree, dict) else enumerate(tree)):
        yield tree, key
        if isinstance(value, dict | list):
            yield from places(value)


def test_there_are_as_many_as_promised() -> None:
    assert len(MALFORMED) + len(SPECIFICATIONS) + len(PLUGINS) + 40 + 80 >= 300


@pytest.mark.parametrize("case", ["a bomb", "a long file", "deep lists"])
def test_a_process_refuses_too(case: str, finished: Path, tmp_path: Path) -> None:
    path = tmp_path / "e.yaml"
    path.write_text(MALFORMED[case])
    command = [sys.executable, "-m", "robustrank", "run", str(path), "--out", str(finished / "out")]
    before = digest(finished / "out")
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, env={**os.environ})
    assert done.returncode == 3
    assert len(done.stderr.encode()) <= MOST_BYTES
    assert done.stdout == ""
    assert digest(finished / "out") == before


def test_what_is_no_cell_is_left_alone(finished: Path) -> None:
    before = (finished / "out" / "rows.csv").read_bytes()
    cells = finished / "out" / "cells"
    (cells / "notes").mkdir()
    (cells / "notes" / "cell.json").write_text("{")
    (cells / f"{next(cells.iterdir()).name}x").write_bytes(b"\0")
    (cells / "nowhere").symlink_to("/no/such/folder")
    (cells / "loop").symlink_to("..")
    assert run(finished, honest(finished)) == (0, "")
    assert (finished / "out" / "rows.csv").read_bytes() == before
    assert (cells / "notes" / "cell.json").read_text() == "{"


def test_the_finished_run_resumes_with_all_its_rows(finished: Path) -> None:
    before = (finished / "out" / "rows.csv").read_bytes()
    assert run(finished, honest(finished)) == (0, "")
    assert (finished / "out" / "rows.csv").read_bytes() == before
