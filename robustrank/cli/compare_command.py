"""``robustrank compare``: differences between two runs."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    import pandas as pd
    from rich.table import Table

KEYS = ("task", "collection", "ranker", "defense", "attack", "measure")


@click.command("compare")
@click.argument("first", type=click.Path(path_type=Path, file_okay=False))
@click.argument("second", type=click.Path(path_type=Path, file_okay=False))
@click.option("--all", "everything", is_flag=True, help="Show measures without a difference as well.")
@click.option("--task", help="Show this task alone, by its label.")
@click.option("--attack", help="Show this attack alone, by its label.")
@click.option("--measure", help="Show this measure alone, as nDCG@10 or 'success attacked'.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list of measures, and nothing else.")
def command(
    first: Path,
    second: Path,
    everything: bool,
    task: str | None,
    attack: str | None,
    measure: str | None,
    as_json: bool,
) -> None:
    """Compare run folder FIRST with SECOND: means, paired difference, interval, Holm-corrected p.

    The name of published results, as quickstart, stands for their folder.
    """
    from robustrank.analysis.compare import compare_runs
    from robustrank.analysis.load import load_run
    from robustrank.cli.report_command import note_planned
    from robustrank.cli.screen import say, screen
    from robustrank.published import run_folder

    runs = [load_run(run_folder(given)) for given in (first, second)]
    compared = compare_runs(*(run.rows for run in runs))
    chosen = _chosen(compared, {"task": task, "attack": attack, "measure": measure})
    same = (chosen["difference"] == 0) & (chosen["only_a"] == 0) & (chosen["only_b"] == 0)
    shown = chosen if everything else chosen[~same]
    if as_json:
        click.echo(shown.to_json(orient="records", indent=1))
        return
    console = screen()
    if len(shown):
        console.print(comparison_table(shown))
    left = "" if everything else ", not shown"
    say(console, f"{int(same.sum())} of {len(chosen)} measures are the same{left}")
    for run in runs:
        note_planned(run, console)


def _chosen(compared: pd.DataFrame, wanted: dict[str, str | None]) -> pd.DataFrame:
    from robustrank.errors import UsageError, nearest

    for column, value in wanted.items():
        known = sorted(set(compared[column]) - {""})
        if value is not None and value not in known:
            raise UsageError(f"no {column} {value!r} in the runs", allowed=", ".join(known), hint=nearest(value, known))
        compared = compared if value is None else compared[compared[column] == value]
    return compared


def comparison_table(compared: pd.DataFrame) -> Table:
    """Return the comparison for a terminal: what a row is about in one column, its labels where rows differ."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD)
    keys = [key for key in KEYS if len(set(compared[key])) > 1 or key == "measure"]
    table.add_column(" · ".join(keys), overflow="fold")
    for title in ("A", "B", "B − A", "interval", "p", "n"):
        table.add_column(title, justify="right", no_wrap=True)
    for record in compared.to_dict("records"):
        about = " · ".join(str(record[key]) for key in keys if record[key])
        table.add_row(Text(about), *map(Text, _cells(record)))
    return table


def _cells(record: dict[Any, Any]) -> list[str]:
    figures = [_short(record[name]) for name in ("mean_a", "mean_b", "difference")]
    between = "–" if math.isnan(record["low"]) else f"{_short(record['low'])}, {_short(record['high'])}"
    p = "–" if math.isnan(record["p"]) else f"{record['p']:.3f}"
    units = [f"{record['common']}", *(f"{r}: {n}" for r, n in (("A", record["only_a"]), ("B", record["only_b"])) if n)]
    return [*figures, between, p, " ".join(units)]


def _short(figure: float) -> str:
    return "–" if math.isnan(figure) else f"{figure:.3g}".replace("-", "−")
