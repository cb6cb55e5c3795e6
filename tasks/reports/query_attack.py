"""Attacks on queries: effectiveness on clean queries, attacked ones, and each query's worst variant; their cost."""

from __future__ import annotations

from robustrank.tables import TABLE, Column, Figure, Select, Table, TaskReport

from .columns import ATTACKED, change, losing_column, plain, shift

_CHANGE = change("change of nDCG@10, query attacks", shift("nDCG@10", "clean", "attacked"), id="query-attack-change")

REPORT = TaskReport(
    tables=(
        Table(
            name=f"query-attack-{TABLE}",
            title=f"{TABLE} of clean queries, of their attacked variants, and of each query's worst variant",
            each=Select(TABLE, "clean"),
            rows=ATTACKED,
            headline=3,
            headline_of="nDCG@10",
            columns=(
                Column("clean", (Select(TABLE, "clean"),), higher_is_better=True),
                Column("attacked", (Select(TABLE, "attacked"),), higher_is_better=True),
                change("relative change", shift(TABLE, "clean", "attacked"), id="attacked-change"),
                Column("worst-case", (Select(TABLE, "worst"),), id="worst", higher_is_better=True),
                change("relative change, worst-case", shift(TABLE, "clean", "worst"), id="worst-change"),
                losing_column(shift(TABLE, "clean", "attacked")),
            ),
        ),
        Table(
            name="query-attack-cost",
            title="Cost of the attacks on queries: means over queries",
            rows=ATTACKED,
            columns=(
                plain("edited variants", (Select("edited"),), percent=True, digits=1),
                plain("queries to the victim", (Select("queries"),), id="queries", digits=1),
                plain("forward passes", (Select("model_calls"),), id="model-calls", digits=1),
                plain(
                    "queries to prepare", (Select("queries", group="prepare"),), id="prepare", digits=0, exact=True,
                    units="",
                ),
            ),
        ),
    ),
    figures=(
        Figure(
            name="trade-off-query-attack",
            title="Effectiveness against robustness to attacks on queries",
            kind="scatter",
            columns=(
                plain("nDCG@10 of clean lists", (Select("nDCG@10", "clean"),)),
                change("relative change of nDCG@10", shift("nDCG@10", "clean", "attacked")),
            ),
        ),
    ),
    summary=(_CHANGE,),
)  # fmt: skip
