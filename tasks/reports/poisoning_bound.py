"""Poisoned documents: clean effectiveness, and what is left for certain of it."""

from __future__ import annotations

from robustrank.tables import EACH, Column, Select, Table, TaskReport

_CLEAN, _WORST = Select("nDCG@10"), Select("nDCG@10", "worst", radius=EACH)

REPORT = TaskReport(
    tables=(
        Table(
            name="poisoning-bound",
            title="Documents of any text are added: nDCG@10 that is left for certain",
            headline=4,
            columns=(
                Column("nDCG@10, clean", (_CLEAN,), id="clean", higher_is_better=True),
                Column(f"nDCG@10, {EACH} added", (_WORST,), id=f"worst@{EACH}", higher_is_better=True),
            ),
            note="Exact: the list behind as many documents without relevance. Statistics are of the clean collection.",
        ),
    ),
)
