"""Negation: pairs of which both queries are right."""

from __future__ import annotations

from robustrank.tables import Select, Table, TaskReport

from .columns import share

_PAIRED = share("pairs right", (Select("paired_accuracy"),), id="paired-accuracy", higher_is_better=True)

REPORT = TaskReport(
    tables=(
        Table(
            name="nevir",
            title="Negation: pairs of documents of which both queries rank their document first (25 % by chance)",
            headline=9,
            units="pairs",
            columns=(
                _PAIRED,
                share("queries right", (Select("accuracy"),), id="accuracy", higher_is_better=True, compare=False),
            ),
        ),
    ),
    summary=(_PAIRED,),
)
