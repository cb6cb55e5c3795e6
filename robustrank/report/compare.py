"""What changed between two runs: every measure of every condition, on the units both have measured."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Hashable, Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd
from rich import box
from rich.table import Table
from rich.text import Text

from robustrank.measures.significance import holm, paired_permutation_test
from robustrank.randomness import derive
from robustrank.report.estimate import Settings, interval
from robustrank.report.tables import Column
from robustrank.report.unit_table import KEYS, UNIT, PairedSamples, Seeds, measured, natural, plug_in

BY = [*KEYS, "measure"]
_FIGURES = ["mean_a", "mean_b", "difference", "low", "high", "p", "common", "only_a", "only_b"]


def compare_runs(
    a: pd.DataFrame, b: pd.DataFrame, *, seed: int = 0, rounds: int = 1000, level: float = 0.95
) -> pd.DataFrame:
    """Return what differs between two runs, a row for each task, collection, ranker, defense, attack and measure.

    Units (queries, or documents of queries) are averaged over seeds, and paired where both runs measured them.
    A task that each run has once is paired though its parameters differ, and its name then says how. Intervals
    are over queries, and over seeds where both runs measured the same units under the same seeds.

    Args:
        a: Rows of the first run, from :func:`robustrank.report.load.load_rows`.
        b: Rows of the second.
        seed: Of resamples and permutations.
        rounds: Bootstrap resamples.
        level: The confidence of the intervals.

    Returns:
        A frame with the columns ``task … attack, measure``; ``mean_a`` and ``mean_b`` over the common units, or
        over its own where there is none in common (nan where a run has none); ``difference`` = b - a, its interval
        ``low`` and ``high``, and ``p`` by the paired permutation test over queries, nan where nothing is common;
        ``common``, ``only_a`` and ``only_b``, the numbers of units. p is Holm-corrected over the conditions of a
        task and measure in which any unit differs; where none differs it is 1.
    """
    settings = Settings("", seed, rounds, level=level)
    a, b = _same_tasks(a, b)
    both = pd.concat({"a": _by_seed(a), "b": _by_seed(b)}, axis=1)
    conditions = sorted(
        both.groupby(level=BY, sort=True), key=lambda item: [natural(str(rowset)) for rowset in item[0]]
    )
    records = [(*at, *_figures(frame, at, settings)) for at, frame in conditions]
    compared = pd.DataFrame.from_records(records, columns=[*BY, *_FIGURES])
    for _, family in compared[compared["p"] < 1].groupby(["task", "measure"]):
        compared.loc[family.index, "p"] = holm(family["p"].to_numpy())
    return compared


def comparison_table(compared: pd.DataFrame, everything: bool = False) -> Table:
    """Return the comparison for a terminal.

    Args:
        compared: From :func:`compare_runs`.
        everything: Whether to show measures that are the same, too.
    """
    same = (compared["difference"] == 0) & (compared["only_a"] == 0) & (compared["only_b"] == 0)
    shown = compared if everything else compared[~same]
    caption = f"{int(same.sum())} of {len(compared)} measures are the same" + ("" if everything else ", not shown")
    table = Table(box=box.SIMPLE_HEAD, caption=caption, caption_justify="left")
    keys = [key for key in BY if compared[key].astype(bool).any()]
    for key in keys:
        table.add_column(key, overflow="fold")
    for title in ("A", "B", "B − A", "interval", "p (Holm)", "units", "only A", "only B"):
        table.add_column(title, justify="right")
    for record in shown.to_dict("records"):
        table.add_row(*(Text(str(record[key])) for key in keys), *_cells(record))
    return table


def _same_tasks(a: pd.DataFrame, b: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Give a task that stands in each run once, with other parameters, one name that has the parameters of both."""
    once = _single_tasks(a), _single_tasks(b)
    changed = {
        name: f"{name} ({' → '.join(own[name].partition(':')[2] or 'default' for own in once)})"
        for name in once[0].keys() & once[1].keys()
        if once[0][name] != once[1][name]
    }

    def renamed(rows: pd.DataFrame) -> pd.DataFrame:
        return rows.assign(task=rows["task"].map(lambda label: changed.get(plug_in(label), label)))

    return renamed(a), renamed(b)


def _single_tasks(rows: pd.DataFrame) -> dict[str, str]:
    """Return the label of each task plug-in that stands in the run with one set of parameters."""
    labels = sorted(set(rows["task"]))
    times = Counter(map(plug_in, labels))
    return {plug_in(label): label for label in labels if times[plug_in(label)] == 1}


def _by_seed(rows: pd.DataFrame) -> pd.Series[float]:
    return measured(rows).groupby([*BY, *UNIT, "seed"], sort=True)["value"].mean()


def _figures(frame: pd.DataFrame, at: tuple[Any, ...], settings: Settings) -> tuple[float, ...]:
    """Return the figures of one condition, in the order of ``_FIGURES``."""
    units = frame.groupby(level=UNIT, sort=True).mean()
    common = units.dropna()
    only_a, only_b = (int((units[one].notna() & units[other].isna()).sum()) for one, other in ("ab", "ba"))
    if common.empty:
        means = units["a"].mean(), units["b"].mean()
        return (*means, *[math.nan] * 4, 0, only_a, only_b)
    differences = (common["b"] - common["a"]).to_numpy()
    ends: tuple[float, float] | None = (0.0, 0.0)
    p = 1.0
    if differences.any():
        names = ("compare", *map(str, at))
        ends = interval(Column("", ()), _seeds(frame, common), derive(settings.seed, *names, "interval"), settings)
        rng = derive(settings.seed, *names, "p")
        queries = list(common.index.get_level_values("query_id"))
        p = paired_permutation_test(differences, np.zeros(len(differences)), rng, settings.permutations, queries)
    means = common["a"].mean(), common["b"].mean()
    return (*means, float(differences.mean()), *(ends or (math.nan,) * 2), p, len(common), only_a, only_b)


def _seeds(frame: pd.DataFrame, common: pd.DataFrame) -> Seeds:
    """Return the differences by seed where the runs have the same seeds of all common units, else their means."""
    own = frame[frame.reset_index([*BY, "seed"]).index.isin(common.index)]
    seeds = {"": common} if own.isna().any(axis=None) else dict(list(own.groupby(level="seed")))
    return {
        number: PairedSamples(
            tuple(zip(*(rowset.index.get_level_values(name) for name in UNIT), strict=True)),
            ((rowset["b"] - rowset["a"]).to_numpy(),),
        )
        for number, rowset in enumerate(seeds.values())
    }


def _cells(record: Mapping[Hashable, Any]) -> Iterator[Text]:
    figures = [record[name] for name in ("mean_a", "mean_b", "difference")]
    yield from (Text(_short(figure)) for figure in figures)
    yield Text("–" if math.isnan(record["low"]) else f"[{_short(record['low'])}, {_short(record['high'])}]")
    yield Text("–" if math.isnan(record["p"]) else f"{record['p']:.3f}")
    yield from (Text(str(record[name])) for name in ("common", "only_a", "only_b"))


def _short(figure: float) -> str:
    return "–" if math.isnan(figure) else f"{figure:.4g}".replace("-", "−")
