"""Queries with one typo: clean, worst and mean effectiveness, and top-K sets that no typo changes."""

from __future__ import annotations

from robustrank.tables import EACH, Column, Select, Table, TaskReport

from .columns import change, plain, share

_CLEAN, _WORST, _MEAN = (Select("nDCG@10", condition) for condition in ("", "worst", "attacked"))

REPORT = TaskReport(
    tables=(
        Table(
            name="query-typos",
            title="Queries with one typo, enumerated: clean, mean and worst-case nDCG@10",
            headline=4,
            columns=(
                Column("nDCG@10, clean", (_CLEAN,), id="clean", higher_is_better=True),
                plain("nDCG@10, mean over typos", (_MEAN,), id="mean"),
                Column("nDCG@10, worst typo", (_WORST,), id="worst", higher_is_better=True),
                change("change of nDCG@10 by the worst typo", (_CLEAN, _WORST), id="worst-change"),
                share(f"same top {EACH} under any typo", (Select("same_set", k=EACH),), compare=False),
                plain("variants per query", (Select("variants"),), digits=0),
            ),
            note="Exact: every variant is ranked. The candidates are those of the clean query.",
        ),
    ),
)
