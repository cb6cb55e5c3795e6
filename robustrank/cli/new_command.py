"""``robustrank new``: writes a working plug-in, and a test of its contract that moves with it."""

from __future__ import annotations

import ast
import importlib.util
import keyword
import re
import shlex
from pathlib import Path

import click

from robustrank.cli.options import kind_of
from robustrank.errors import UsageError
from robustrank.plugins import KINDS, registry

TEMPLATES = Path(__file__).with_name("templates")  # a module for each kind, whose plug-in is the class Mine
TEST = '''"""{cls} keeps the contract of {kind}s."""

from pathlib import Path

from robustrank.testing import {base}


class Test{cls}({base}):
    plugin = str(Path(__file__).with_name("{file}"))
'''
EVALUATE = {  # how one experiment uses the plug-in by its path
    "attack": "bm25 --collection lee --attack {} --task document-attack:targets=11-20 --limit 2",
    "collection": "bm25 --collection {}",
    "defense": "bm25 --collection lee --defense {} --limit 5",
    "llm": "llm-pointwise:llm={} --collection lee --limit 2",
    "ranker": "{} --collection lee --limit 5",
    "retriever": "bm25 --collection lee:retriever={} --limit 5",
    "task": "bm25 --collection lee --task {} --limit 5",
}


@click.command("new")
@click.argument("kind", metavar="KIND")
@click.argument("name")
@click.option(
    "--folder",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path(),
    help="Output folder [default: the current folder].",
)
def command(kind: str, name: str, folder: Path) -> None:
    """Write a working plug-in NAME of a KIND: attack, defense, task, ranker, collection, retriever or llm.

    Its test is written beside it, and the commands that test, run and describe it are shown.
    """
    kind = kind_of(kind)
    template = (TEMPLATES / f"{kind}.py").read_text(encoding="utf-8")
    module, cls = name.replace("-", "_"), "".join(word.capitalize() for word in name.split("-"))
    file, test = folder / f"{module}.py", folder / f"test_{module}.py"
    for path in (file, test):
        if path.exists():
            raise UsageError(f"{str(path)!r} exists already", hint="choose another name or --folder")
    _check_name(kind, name, module, cls, template)
    base = f"{kind.capitalize()}Conformance"
    plugin = re.sub(r"\bMine\b", cls, template).replace('"mine"', f'"{name}"')
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file.write_text(plugin, encoding="utf-8")
        test.write_text(TEST.format(cls=cls, kind=kind, base=base, file=file.name), encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{str(folder)!r} cannot be written to: {error.strerror}", hint="choose --folder") from error
    click.echo(f"wrote {file} and {test}")
    click.echo(f"  test it:      python -m pytest {shlex.quote(str(test))}")
    click.echo(f"  run it:       robustrank evaluate {EVALUATE[kind].format(shlex.quote(str(file)))}")
    click.echo(f"  describe it:  robustrank describe {kind} {shlex.quote(str(file))}")
    click.echo(f'by name, in the pyproject.toml of a package:\n  [project.entry-points."{KINDS[kind].group}"]')
    click.echo(f'  {name} = "{module}:{cls}"')


def _check_name(kind: str, name: str, module: str, cls: str, template: str) -> None:
    """Refuse a name that is not valid or not free.

    Raises:
        UsageError: It is no name, or that of a plug-in, of an importable module, or of a class that the file uses.
    """
    is_word = re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", name) and not module.startswith("test_")
    if not is_word or keyword.iskeyword(module) or keyword.iskeyword(cls):
        allowed = "lower-case words of letters and digits, joined by hyphens; neither test-… nor a word of Python"
        raise UsageError(f"{name!r} is not a valid plug-in name", allowed=allowed)
    if taken := registry(kind).get(name):
        raise UsageError(f"{kind} {name!r} exists already, from {taken.origin}", hint="choose another name")
    if importlib.util.find_spec(module) is not None:
        what = f"{module}.py would hide the module {module!r}, which can be imported here"
        raise UsageError(what, hint=f"choose another name, as my-{name}")
    if cls in _names(template):
        raise UsageError(f"the class {cls} would hide a name that its file uses", hint=f"choose another, as my-{name}")


def _names(source: str) -> set[str]:
    """Return the names that a module defines, imports or reads."""
    nodes = list(ast.walk(ast.parse(source)))
    imported = {alias.name for node in nodes if isinstance(node, ast.ImportFrom) for alias in node.names}
    defined = {node.name for node in nodes if isinstance(node, ast.ClassDef)}
    return imported | defined | {node.id for node in nodes if isinstance(node, ast.Name)}
