"""What became of a language model's answers in rankings: shares beside every figure of such a ranker."""

from __future__ import annotations

from collections.abc import Sequence

from robustrank.records import ParseReport, Ranking


def answer_shares(rankings: Sequence[Ranking]) -> dict[str, float]:
    """Return shares over the answers of rankings; none for rankers that read no answers.

    ``unparsable``: nothing was read. ``repaired``: completed by rule. ``order_agreement``: pairs of which both orders
    named the same document. ``picked_first``: comparisons of two that named the document shown first.
    """
    reports = [ranking.parse for ranking in rankings if ranking.parse is not None]
    answers, pairs = _sum(reports, "answers"), _sum(reports, "pairs")
    shares: dict[str, float] = {}
    if answers:
        unparsable = _sum(reports, "unparsable")
        shares["unparsable"] = unparsable / answers
        shares["repaired"] = (answers - unparsable - _sum(reports, "exact")) / answers
    if pairs:
        shares["order_agreement"] = _sum(reports, "pairs_agreed") / pairs
        shares["picked_first"] = _sum(reports, "picked_first") / (2 * pairs)
    return shares


def _sum(reports: Sequence[ParseReport], name: str) -> int:
    return sum(getattr(report, name) for report in reports)
