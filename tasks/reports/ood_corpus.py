"""Other corpora: in-domain training against training on other collections."""

from __future__ import annotations

from robustrank.tables import EACH, TABLE, Column, Figure, Select, Table, TaskReport

from .columns import change, losing_column, plain, shift

_SHIFT = shift(TABLE, "in_domain", "out_of_domain")
_NAMED = (("in-domain", "in_domain"), ("out-of-domain", "out_of_domain"))

REPORT = TaskReport(
    tables=(
        Table(
            name=f"ood-corpus-{TABLE}",
            title=f"Cross-domain {TABLE}: in-domain training against training on other collections",
            each=Select(TABLE, "in_domain"),
            headline=4,
            headline_of="nDCG@10",
            note="Out-of-domain: a query's mean over the other collections.",
            columns=(
                *(Column(title, (Select(TABLE, condition),), higher_is_better=True) for title, condition in _NAMED),
                change("relative change", _SHIFT, id="corpus-change"),
                losing_column(_SHIFT),
                change(
                    f"relative change, trained on {EACH}",
                    (Select(TABLE, "in_domain"), Select(TABLE, "out_of_domain", group=EACH)),
                ),
            ),
        ),
    ),
    figures=(
        Figure(
            name="other-corpora",
            title="nDCG@10 after in-domain and after out-of-domain training",
            kind="pairs",
            columns=tuple(plain(title, (Select("nDCG@10", condition),)) for title, condition in _NAMED),
        ),
    ),
    summary=(
        change(
            "change of nDCG@10, out-of-domain",
            shift("nDCG@10", "in_domain", "out_of_domain"),
            id="other-corpora-change",
        ),
    ),
)
