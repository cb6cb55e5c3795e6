"""Effectiveness on i.i.d. queries, its variance, and the worst-served queries."""

from __future__ import annotations

import functools

import numpy as np

from robustrank.measures.risk import reliability_of_improvement, urisk
from robustrank.measures.robustness import gmap, hard_set_mean, poor_queries, variance, vnap
from robustrank.tables import EACH, Column, Figure, Select, Table, TaskReport, Values

from .columns import plain

EPS = 1e-5  # GMAP's, as trec_eval
_AP = (Select("AP"),)


def _log(values: Values) -> Values:
    return np.log(np.maximum(values, EPS))


_VNAP = plain("VNAP", _AP, id="vnap", statistic=vnap, higher_is_better=False)
_POOR = functools.partial(plain, measures=_AP, higher_is_better=True)

REPORT = TaskReport(
    tables=(
        Table(
            name="iid-variance",
            title="Effectiveness on i.i.d. queries: mean, variance and the worst-served queries",
            headline=6,
            columns=(
                Column(EACH, (Select(EACH),), higher_is_better=True),
                _VNAP,
                _POOR("AP, lowest 10 %", id="lowest-10", statistic=poor_queries),
                plain(
                    "Var(AP)",
                    _AP,
                    id="variance",
                    statistic=variance,
                    higher_is_better=False,
                ),
                _POOR("AP, lowest 25 %", id="lowest-25", statistic=functools.partial(poor_queries, percent=25)),
                _POOR("AP, hard set", id="hard-set", statistic=hard_set_mean, reference=_AP),
                Column(
                    "GMAP",
                    _AP,
                    id="gmap",
                    unit=_log,
                    statistic=functools.partial(gmap, eps=EPS),
                    higher_is_better=True,
                ),
                _POOR("RI", id="ri", statistic=reliability_of_improvement, reference=_AP),
                _POOR("URisk", id="urisk", statistic=urisk, reference=_AP),
            ),
        ),
    ),
    figures=(
        Figure(
            name="variance",
            title="Effectiveness against its variance over queries",
            kind="scatter",
            columns=(plain("mean AP", _AP), _VNAP),
        ),
    ),
    summary=(Column("nDCG@10", (Select("nDCG@10"),), id="ndcg", higher_is_better=True, effectiveness=True), _VNAP),
)
