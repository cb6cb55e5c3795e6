"""Imitation models: how well they agree with their victim, against the queries made to it."""

from __future__ import annotations

from robustrank.tables import Figure, Select, Table, TaskReport

from .columns import plain

_QUERIES = plain("queries to the victim", (Select("queries", group="prepare"),), digits=0, exact=True, units="")
_AGREEMENT = tuple(plain(name, (Select(name),)) for name in ("overlap@10", "RBO"))

REPORT = TaskReport(
    tables=(
        Table(
            name="imitation",
            title="Agreement of an imitation model with its victim on test queries",
            headline=7,
            columns=(_QUERIES, *_AGREEMENT, plain("Kendall's tau distance", (Select("Kendall's tau distance"),))),
        ),
    ),
    figures=(
        Figure(
            name="imitation",
            title="Agreement of imitation models with their victim",
            kind="lines",
            columns=(_QUERIES, *_AGREEMENT),
            x="column",
            x_title="queries to the victim (documents ranked for the surrogate)",
            y_title="agreement",
            series="task",
            merged="queries",
        ),
    ),
)
