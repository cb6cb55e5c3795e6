"""Unseen query types: effectiveness after training with them, and without."""

from __future__ import annotations

from robustrank.tables import EACH, TABLE, Column, Figure, Select, Table, TaskReport

from .columns import change, losing_column, plain, shift

REPORT = TaskReport(
    tables=(
        Table(
            name=f"ood-query-{TABLE}",
            title=f"Unseen query types: {TABLE} after training with each query's type, and without it",
            each=Select(TABLE, "seen"),
            headline=5,
            headline_of="nDCG@10",
            columns=(
                Column("seen", (Select(TABLE, "seen"),), higher_is_better=True),
                Column("unseen", (Select(TABLE, "unseen"),), higher_is_better=True),
                change("relative change", shift(TABLE, "seen", "unseen"), id="unseen-change"),
                losing_column(shift(TABLE, "seen", "unseen")),
            ),
        ),
        Table(
            name=f"ood-query-{TABLE}-types",
            title=f"Unseen query types: relative change of {TABLE} by the type left out of training",
            units="",
            each=Select(TABLE, "seen"),
            columns=(change(EACH, (Select(TABLE, "seen", group=EACH), Select(TABLE, "unseen", group=EACH))),),
        ),
    ),
    figures=(
        Figure(
            name="unseen-queries",
            title="nDCG@10 on query types seen and unseen in training",
            kind="pairs",
            columns=tuple(plain(name, (Select("nDCG@10", name),)) for name in ("seen", "unseen")),
        ),
    ),
    summary=(
        change("change of nDCG@10, unseen query types", shift("nDCG@10", "seen", "unseen"), id="unseen-types-change"),
    ),
)
