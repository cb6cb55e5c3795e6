"""Click noise: effectiveness of rankers learned from clicks, their regret, and what bots gain."""

from __future__ import annotations

from robustrank.tables import EACH, Column, Select, Table, TaskReport

from .columns import plain

REPORT = TaskReport(
    tables=(
        Table(
            name="click-noise",
            title="nDCG@10 of the production ranker, and of rankers learned from the labels and from simulated clicks",
            headline=7,
            columns=(Column(EACH, (Select("nDCG@10", "clean", group=EACH),), higher_is_better=True),),
        ),
        Table(
            name="click-noise-regret",
            title="Learning from clicks: regret against the labels, and error of the propensities",
            columns=(
                plain(f"regret, {EACH}", (Select("regret", "clean", group=EACH),), digits=2, units=""),
                plain(
                    f"propensity error, {EACH}", (Select("propensity_error", "clean", group=EACH),), digits=2, units=""
                ),
                plain(
                    f"cosine to the labels' weights, {EACH}", (Select("weight_cosine", "clean", group=EACH),), units=""
                ),
                plain("clicks", (Select("clicks", "clean"),), digits=0, units=""),
            ),
        ),
        Table(
            name="click-spam",
            title="Click spam: boost (mean rank improvement) of the documents that bots click, and nDCG@10 after it",
            columns=(
                plain(f"boost, {EACH}", (Select("boost", "attacked", group=EACH),), digits=1),
                Column(f"nDCG@10, {EACH}", (Select("nDCG@10", "attacked", group=EACH),), higher_is_better=True),
            ),
        ),
    ),
)
