"""Attacks on the corpus: how often a list holds a document that was added, and what the lists lose."""

from __future__ import annotations

from robustrank.tables import EACH, Select, Table, TaskReport

from .columns import ATTACKED, change, low_share, plain, share, shift

REPORT = TaskReport(
    tables=(
        Table(
            name="corpus-attack",
            title="Documents added to the corpus: success@k, beside random documents of the same size",
            rows=ATTACKED,
            headline=1,
            columns=(
                plain(
                    "documents added", (Select("documents", "attacked"),), id="documents", digits=0, exact=True,
                    units="",
                ),
                low_share(f"success@{EACH}", (Select("success", "attacked", cutoff=EACH),)),
                low_share(f"success@{EACH}, random", (Select("success", "control", cutoff=EACH),)),
                change("change of nDCG@10", shift("nDCG@10", "clean", "attacked")),
                plain(
                    "queries to prepare", (Select("queries", group="prepare"),), id="prepare", digits=0, exact=True,
                    units="",
                ),
            ),
        ),
        Table(
            name="corpus-attack-retrieved",
            title="Documents added for a query: their precision, recall and F1, and relevant documents displaced",
            rows=ATTACKED,
            columns=(
                low_share(f"precision@{EACH}", (Select("added_precision", "attacked", cutoff=EACH),)),
                low_share(f"recall@{EACH}", (Select("added_recall", "attacked", cutoff=EACH),)),
                low_share(f"F1@{EACH}", (Select("added_f1", "attacked", cutoff=EACH),)),
                plain(
                    f"relevant displaced@{EACH}", (Select("displaced", "attacked", cutoff=EACH),), digits=2,
                    units="documents a query",
                ),
            ),
        ),
        Table(
            name="corpus-attack-price",
            title="What a defense flags: added documents among the candidates, and clean candidates by gain",
            rows=ATTACKED,
            columns=(
                plain("nDCG@10 of clean lists", (Select("nDCG@10", "clean"),)),
                share("flagged, added", (Select("flagged", "attacked"),), compare=False),
                share("flagged, random", (Select("flagged", "control"),), compare=False),
                share(
                    f"flagged candidates, {EACH}", (Select("flagged_candidates", "clean", group=EACH),), compare=False
                ),
            ),
        ),
    ),
)  # fmt: skip
