"""The examples of docs/ and of the README run as they are written: each page from top to bottom, in an empty folder.

A fenced block is run by its language: `python` in the page's namespace; `sh` line by line; `console`, whose lines after
`$ command` have to come in what the command prints (`…` stands for any text); `yaml` as an experiment, or as keys of
one. A block whose first line is `# name.py` or `# name.yaml`, or that follows `<!-- file: name -->`, is written to that
file instead. After `<!-- output -->` a `text` block is what the `python` block above it prints. A block that cannot run
here says why: `<!-- not run: reason -->`.
"""

from __future__ import annotations

import contextlib
import io
import re
import shlex
import subprocess
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import pytest

from robustrank.cli.main import Commands, cli, invoke
from robustrank.experiment import check
from robustrank.yaml_text import read_yaml

ROOT = Path(__file__).parents[1]
SLOW = ("README.md", "docs/command-line.md", "docs/python.md", "docs/tutorials/")  # pages of several evaluations
PAGES = ["README.md", *sorted(str(path.relative_to(ROOT)) for path in (ROOT / "docs").rglob("*.md"))]
BLOCK = re.compile(
    r"^(?:<!-- (?P<comment>[^\n]*) -->\n+)?^```(?P<language>\w*)\n(?P<body>.*?)^```$", re.MULTILINE | re.S
)
FILE = re.compile(r"# ([\w./-]+\.(?:py|yaml))\n")
LEAST = {"name": "example", "collections": "lee", "rankers": "bm25", "tasks": "iid-variance"}
INERT = ("text", "bibtex", "json", "tex")  # languages of blocks that show, and do nothing


@dataclass(frozen=True)
class Block:
    """A fenced block, with the comment before it."""

    where: str
    language: str
    comment: str
    body: str

    @property
    def file(self) -> str:
        """The file that the block is written to; empty: it is run."""
        named = FILE.match(self.body)
        return named[1] if named else self.comment.partition("file: ")[2]

    @property
    def is_run(self) -> bool:
        return not self.comment.startswith("not run")


def blocks(text: str, page: str) -> Iterator[Block]:
    for match in BLOCK.finditer(text):
        line = text.count("\n", 0, match.start("language")) + 1
        yield Block(f"{page}:{line}", match["language"], match["comment"] or "", match["body"])


class Page:
    """Runs the blocks of a page, one after the other, in the working folder."""

    def __init__(self) -> None:
        self.names: dict[str, Any] = {"__name__": "example"}
        self.printed = ""

    def run(self, block: Block) -> None:
        if block.file:
            Path(block.file).parent.mkdir(parents=True, exist_ok=True)
            Path(block.file).write_text(block.body, encoding="utf-8")
        elif block.comment == "output":
            compare(block.body, self.printed, block.where)
        elif block.language == "python":
            self.printed = captured(lambda: exec(compile(block.body, block.where, "exec"), self.names))
        elif block.language == "yaml":
            keys = read_yaml(block.body)
            check(keys if "name" in keys else {**LEAST, **keys}, block.where)
        elif block.language in ("sh", "console"):
            for command, expected in commands(block):
                compare(expected, output_of(command, block.where), f"{block.where}: {command}")
        else:
            assert block.language in INERT, f"{block.where}: no rule for a block of {block.language or 'no language'}"


def run_all(some: Iterable[Block]) -> None:
    """Run the blocks of a page that are to be run."""
    page = Page()
    for block in some:
        if block.is_run:
            page.run(block)


def commands(block: Block) -> Iterator[tuple[str, str]]:
    """Yield each command of a block with the output that follows it."""
    text = block.body.replace("\\\n", " ")
    if block.language == "sh":
        yield from ((line, "") for line in text.splitlines() if line.strip() and not line.startswith("#"))
        return
    for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
        command, _, expected = part.partition("\n")
        yield command, expected


def output_of(command: str, where: str) -> str:
    """Return what a command prints; it has to succeed."""
    program, *words = shlex.split(command, comments=True)
    if program == "robustrank":
        codes: list[int] = []
        printed = captured(lambda: codes.append(invoke(words)))
        assert codes == [0], f"{where}: {command} ended with {codes}:\n{printed}"
        return printed
    assert program == "python", f"{where}: {command}: only robustrank and python are run; say why: <!-- not run: … -->"
    done = subprocess.run([sys.executable, *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{where}: {command} ended with {done.returncode}:\n{done.stdout}{done.stderr}"
    return done.stdout + done.stderr


def captured(call: Any) -> str:
    """Return what a call prints, to both streams."""
    stream = io.StringIO()
    with contextlib.redirect_stdout(stream), contextlib.redirect_stderr(stream):
        call()
    return stream.getvalue()


def compare(expected: str, printed: str, where: str) -> None:
    """Require the expected lines in what was printed, in their order; spaces count once, and … is any text."""
    lines = iter(" ".join(line.split()) for line in printed.splitlines())
    for line in filter(None, (" ".join(line.split()) for line in expected.splitlines())):
        wanted = re.compile(".*".join(map(re.escape, line.split("…"))))
        assert any(wanted.fullmatch(shown) for shown in lines), f"{where}: {line!r} is not in:\n{printed}"


@pytest.fixture
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("ROBUSTRANK_CACHE", str(tmp_path / "cache"))
    for command in ("EVALUATE", "RUN"):
        monkeypatch.setenv(f"ROBUSTRANK_{command}_WORKERS", "0")


@pytest.mark.parametrize(
    "page", [pytest.param(page, marks=pytest.mark.slow) if page.startswith(SLOW) else page for page in PAGES]
)
@pytest.mark.usefixtures("empty_folder")
def test_the_examples_of_a_page(page):
    found = list(blocks((ROOT / page).read_text(encoding="utf-8"), page))
    if any(block.language in ("python", "sh", "console") for block in found):
        pytest.importorskip("gensim")
    run_all(found)


@pytest.mark.parametrize("page", PAGES)
def test_every_block_has_a_language_and_every_block_that_is_not_run_a_reason(page):
    text = (ROOT / page).read_text(encoding="utf-8")
    assert text.count("\n```") == 2 * len(list(blocks(text, page))), "a fence is not closed, or has no language"
    for block in blocks(text, page):
        assert block.language, block.where
        assert block.is_run or len(block.comment.removeprefix("not run:").split()) > 2, block.where


@pytest.mark.parametrize("page", PAGES)
def test_commands_that_are_not_run_have_options_that_exist(page, monkeypatch):
    monkeypatch.chdir(ROOT)
    for block in blocks((ROOT / page).read_text(encoding="utf-8"), page):
        if block.is_run or block.language not in ("sh", "console"):
            continue
        for line, _ in commands(block):
            called = re.match(r"(?:\w+=\S+ )*robustrank (\w.*)", line)
            if words := shlex.split(called[1] if called else "", comments=True):
                command = Commands().get_command(click.Context(cli), words[0])
                assert command is not None, f"{block.where}: {line}"
                try:
                    command.make_context(words[0], words[1:])
                except click.BadParameter as error:  # a run of the reader's
                    assert "does not exist" in str(error), f"{block.where}: {line}"  # noqa: PT017


@pytest.mark.parametrize(
    ("page", "says"),
    [
        ("```python\n1 / 0\n```", "division"),
        ("```python\nprint(1)\n```\n\n<!-- output -->\n```text\n2\n```", "'2' is not in"),
        ("```sh\nrobustrank list nothing\n```", r"ended with \[2\]"),
        ("```sh\npip install x\n```", "say why"),
        ("```console\n$ robustrank list tasks\nrankers\n```", "'rankers' is not in"),
        ("```yaml\nrankers: [bm25]\nseed: 3\n```", "unknown key `seed`"),
        ("# T\n```\nx\n```", "no rule"),
    ],
)
@pytest.mark.usefixtures("empty_folder")
def test_an_example_that_does_not_work_is_told(page, says):
    with pytest.raises(Exception, match=says):
        run_all(blocks(page, "page"))


@pytest.mark.usefixtures("empty_folder")
def test_files_outputs_and_what_is_not_run():
    page = """
```python
# mine.py
X = 3
```

<!-- file: data/a.tsv -->
```text
1
```
<!-- not run: it needs a network -->
```sh
pip install x
```
```console
$ python -c "import mine; print('three is', mine.X)"
three … 3
$ robustrank list tasks
tasks
…
```
```yaml
rankers: [bm25]
```
"""
    run_all(blocks(page, "page"))
    written = [path for path in Path().rglob("*.*") if path.suffix != ".pyc"]
    assert sorted(map(str, written)) == ["data/a.tsv", "mine.py"]
