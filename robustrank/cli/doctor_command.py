"""``robustrank doctor``: what is installed and missing, or whether a model is read as its authors ship it."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import click

from robustrank.cli.options import cache_option, json_option
from robustrank.plugins.failure import plugin_code
from robustrank.printing import counted, printable

STATES = {"ok": "green", "missing": "red", "too old": "red", "broken": "red", "none": "yellow"}


@click.command("doctor")
@click.argument("model", required=False)
@click.option("--measures", is_flag=True, help="Compare every measure with ranx on random lists.")
@json_option("what was found")
@cache_option
def command(model: str | None, measures: bool, as_json: bool, cache: Path | None) -> int:
    """Show packages, extras, plug-ins, models, data sets, devices and room; exit code 4 if what is needed is missing.

    With MODEL, score 40 pairs with it beside sentence-transformers; exit code 4 if the scores differ. MODEL is a ranker
    on a transformer with its parameters, as minilm or cross-encoder:model=FOLDER, or a folder or hub name, whose kind
    is then told from its files.
    """
    from robustrank.paths import default_cache, give_libraries_a_home

    if measures:
        give_libraries_a_home(cache or default_cache())
        return _measures(as_json)
    return _here(cache or default_cache(), as_json) if model is None else _model(model, as_json)


def _model(specification: str, as_json: bool) -> int:
    from robustrank.collections.collection import Collection
    from robustrank.rankers.transformer.comparison import DOCUMENTS, QUERIES, compare
    from robustrank.rankers.transformer.specification import transformer_ranker

    ranker = transformer_ranker(specification)
    ranker.check()
    documents = {f"d{number}": text for number, text in enumerate(DOCUMENTS)}
    queries = {f"q{number}": text for number, text in enumerate(QUERIES)}
    listed = dict.fromkeys(queries, tuple(documents))
    reading = list(ranker.reading(Collection("the sample", queries, documents, {}, listed)))
    with plugin_code(f"model {specification!r}", "while it was compared with sentence-transformers"):
        outcome = compare(ranker)
    if as_json:
        click.echo(json.dumps({"reading": reading, **asdict(outcome), "agrees": bool(outcome.agrees)}, indent=1))
        return 0 if outcome.agrees else 4
    for sentence in reading:
        click.echo(printable(sentence))
    verdict = click.style("agrees", fg="green") if outcome.agrees else click.style("differs", fg="red")
    click.echo(
        f"{verdict} with sentence-transformers on {outcome.pairs} pairs: largest difference {outcome.difference:.1e} "
        f"of the largest score ({outcome.tolerance:.0e} passes), {outcome.swapped} of {outcome.orders} pairs of "
        "documents in another order"
    )
    return 0 if outcome.agrees else 4


def _measures(as_json: bool) -> int:
    from robustrank.measures.by_ranx import LISTS, TOLERANCE, largest_differences

    click.echo("ranx compiles its measures at their first use on a machine: about 20 seconds", err=True)
    differences = largest_differences()
    faults = [name for name, difference in differences.items() if difference > TOLERANCE]
    if as_json:
        click.echo(json.dumps({"lists": LISTS, "differences": differences, "faults": faults}, indent=1))
    else:
        for name, difference in differences.items():
            click.echo(f"  {'differs' if name in faults else 'equal':<7} {name}: at most {difference:.1e} apart")
        verdict = "differ from" if faults else "equal"
        click.echo(
            f"{len(faults) or len(differences)} of {len(differences)} measures {verdict} ranx's on {LISTS} lists"
        )
    return 4 if faults else 0


def _here(cache: Path, as_json: bool) -> int:
    from robustrank.cli.diagnosis import diagnosis

    findings = diagnosis(cache)
    faults = sum(finding.is_fault for finding in findings)
    if as_json:
        click.echo(json.dumps({"faults": faults, "findings": [asdict(finding) for finding in findings]}, indent=1))
        return 4 if faults else 0
    section = ""
    for finding in findings:
        if finding.section != section:
            section = finding.section
            click.secho(section, bold=True)
        state = finding.state if finding.is_needed or finding.state != "missing" else "none"
        text = "; ".join(part for part in (finding.text, finding.hint) if part)
        click.echo(f"  {click.style(f'{finding.state:<7}', fg=STATES[state])} {printable(f'{finding.name}: {text}')}")
    click.echo(f"{counted(faults, 'fault')}" if faults else "nothing that is needed is missing")
    return 4 if faults else 0
