"""Order consistency: nDCG under every order of the candidates, agreement of the lists, and the answers read."""

from __future__ import annotations

from robustrank.tables import Figure, Select, Table, TaskReport

from .columns import change, of_text, plain, shift

_NDCG = "nDCG@10"
_FIRST, _WORST = Select(_NDCG, "clean"), Select(_NDCG, "worst")

REPORT = TaskReport(
    tables=(
        Table(
            name="order-consistency",
            title="Order of the candidates: nDCG@10 in first-stage, reversed, random and worst order; agreement",
            headline=8,
            columns=(
                plain("first-stage order", (_FIRST,), id="first", effectiveness=True),
                plain("reversed", (Select(_NDCG, group="reversed"),)),
                plain("random", (Select(_NDCG, group="random"),)),
                plain("worst order", (_WORST,), id="worst", higher_is_better=True),
                change("change, worst", shift(_NDCG, "clean", "worst"), id="worst-change"),
                plain("tau", (Select("tau"),), higher_is_better=True),
                plain("tau of repeats", (Select("tau", group="repeats"),), id="repeats"),
                plain("overlap@10", (Select("overlap@10"),), higher_is_better=True),
                plain("slope", (Select("position_slope"),), higher_is_better=False),
            ),
            note="The tau of repeats of one order is the most that tau over orders can be.",
        ),
        Table(
            name="order-consistency-answers",
            title="Answers of the language model: read, repaired, and the order of the input returned; cost of a list",
            columns=(
                of_text("unparsable", (Select("unparsable"),)),
                of_text("repaired", (Select("repaired"),)),
                of_text("identity", (Select("identity"),)),
                of_text("both orders agree", (Select("order_agreement"),), id="order-agreement"),
                of_text("picked first", (Select("picked_first"),), id="picked-first"),
                plain("prompts", (Select("model_calls"),), digits=1),
                plain("tokens", (Select("tokens"),), digits=0),
            ),
        ),
    ),
    figures=(
        Figure(
            name="order-consistency",
            title="nDCG@10 in the first stage's order of the candidates and in the worst",
            kind="pairs",
            columns=(plain("first-stage order", (_FIRST,)), plain("worst order", (_WORST,))),
        ),
    ),
    summary=(change("change of nDCG@10, worst order", shift(_NDCG, "clean", "worst"), id="worst-order-change"),),
)
