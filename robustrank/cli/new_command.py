"""``robustrank new``: writes a working plug-in as a template."""

from __future__ import annotations

import keyword
import re
from pathlib import Path

import click

from robustrank.errors import UsageError

ATTACK = '''"""{title}: describe the attack in two sentences.

Reference: authors, title, venue, section. Deviations from it, with their reasons, are in ``{cls}.deviations``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from robustrank.attack import Attack, Edit, Perturbation, apply_edits
from robustrank.plugins import Count
from robustrank.victim import Access, Target, Victim


@dataclass
class {cls}(Attack):
    """Prepends the first query words to the document."""

    max_words: Count = 3  # words inserted

    access = Access.NOTHING  # NOTHING, RANKS, SCORES or GRADIENTS: the minimum it needs
    size_parameter = "max_words"
    reference = "authors, title, venue"
    control = "random-edit"

    def perturb(self, target: Target, victim: Victim, rng: np.random.Generator) -> Perturbation:
        """Return the edited document; victim.scores([...]) and victim.ranks([...]) answer what access grants."""
        words = target.query.split()[: self.max_words]
        if not words:
            return Perturbation(target.document, note="the query has no words")
        edits = (Edit(0, 0, " ".join(words) + " "),)
        return Perturbation(apply_edits(target.document, edits), edits)
'''

TEST = '''"""{cls} keeps the contract of attacks."""

from pathlib import Path

from robustrank.testing import AttackConformance


class Test{cls}(AttackConformance):
    plugin = str(Path(__file__).with_name({file!r}))
'''


@click.command("new")
@click.argument("kind", type=click.Choice(["attack"]))
@click.argument("name")
@click.option(
    "--folder",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path(),
    help="Output folder [default: the current folder].",
)
def command(kind: str, name: str, folder: Path) -> None:
    """Write a working plug-in NAME and its test, and show how to register it.

    It can be used by path: attacks: [./NAME.py] in an experiment file.
    """
    module = name.replace("-", "_")
    if not re.fullmatch(r"[a-z][a-z0-9-]*", name) or keyword.iskeyword(module):
        raise UsageError(f"{name!r} is not a valid plug-in name", allowed="lower-case letters, digits and hyphens")
    cls = "".join(word.capitalize() for word in name.split("-"))
    title = name.replace("-", " ").capitalize()
    file, test = folder / f"{module}.py", folder / f"test_{module}.py"
    for path in (file, test):
        if path.exists():
            raise UsageError(f"{str(path)!r} exists already", hint="choose another name or --folder")
    folder.mkdir(parents=True, exist_ok=True)
    file.write_text(ATTACK.format(title=title, cls=cls), encoding="utf-8")
    test.write_text(TEST.format(cls=cls, file=file.name), encoding="utf-8")
    click.echo(f"wrote {file} and {test}")
    click.echo(
        f"run it by path: {file} in an experiment file's attacks; describe it: robustrank describe {kind} {file}"
    )
    click.echo("register it in your pyproject.toml:")
    click.echo(f'  [project.entry-points."robustrank.{kind}s"]\n  {name} = "{module}:{cls}"')
