"""Attacked documents before what the defended ranker has against them: its certificates, or its detector."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

import numpy as np

from robustrank.certification.certificate import SERVED, Certificate
from robustrank.defense import CertifiedRanker, DemotingRanker, FlaggingRanker
from robustrank.engine.context import Context
from robustrank.rows import Fact, Row

from .attack_result import AttackResult

CERTIFIED_CUTOFFS = (1, 3, 5, 10, 20)  # the K at which certificates are held against attacks


def check_certificates(context: Context, results: Sequence[AttackResult]) -> Iterator[Row]:
    """Hold every attack that a certificate is about against it; one that enters a certified served list is an error.

    The certificate is the one for as many words as the attack replaced. ``replaced`` tells how many; it is there where
    the attack did nothing else, whether or not the list is certified. A certificate of the exact ranker keeps its word
    where an attack enters the served list, which estimates it: such breaks are counted, with its group, and no errors.
    """
    ranker = context.served.ranker
    if not isinstance(ranker, CertifiedRanker):
        return
    proved: dict[tuple[str, int], list[Certificate]] = {}
    for result in results:
        target = result.target
        changed = ranker.words_replaced(target.document, result.perturbation.text)
        if changed is None:
            continue
        yield context.row("replaced", changed, target.query_id, target.doc_id, condition="attacked")
        key = (target.query_id, max(changed, 1))
        if key not in proved:
            ks = [k for k in CERTIFIED_CUTOFFS if k < len(target.ranked)]
            certificates = ranker.certify(context.ranked(target.query_id), ks, key[1])
            proved[key] = [c for c in certificates if c.holds and c.certified]
        for certificate in proved[key]:
            if target.rank > certificate.k:
                yield _check(context, result, certificate)


def _check(context: Context, result: AttackResult, certificate: Certificate) -> Row:
    """Return whether an attacked document stayed outside the certified top K."""
    target, k, after = result.target, certificate.k, result.metrics[Fact("rank", "attacked")]
    is_kept, is_served = after > k, certificate.about == SERVED
    broken = f"certified at K={k} ({certificate.about}), and the attack brought the document to rank {after:.0f}"
    return context.row(
        "certificate_check",
        float(is_kept),
        target.query_id,
        target.doc_id,
        condition="attacked",
        k=k,
        group=certificate.group,
        status="ok" if is_kept or not is_served else "error",
        note="" if is_kept else broken,
    )


def detection_rows(context: Context, results: Sequence[AttackResult]) -> Iterator[Row]:
    """Yield what a detector says of the edited documents, beside what it says of them as they were.

    The mean of ``AUC`` over targets is the area under the ROC curve of edited against original documents.
    """
    ranker = context.served.ranker
    edited = [result for result in results if result.perturbation.text != result.target.document]
    yield from flagged_candidates(context, list(dict.fromkeys(result.target.query_id for result in results)))
    if not isinstance(ranker, FlaggingRanker) or not edited:
        return
    before = [(result.target.query, result.target.document) for result in edited]
    after = [(result.target.query, result.perturbation.text) for result in edited]
    clean, attacked = ranker.anomaly_scores(before), ranker.anomaly_scores(after)
    is_flagged = zip(ranker.is_flagged(before).tolist(), ranker.is_flagged(after).tolist(), strict=True)
    for number, (result, (flagged_before, flagged)) in enumerate(zip(edited, is_flagged, strict=True)):
        names = (result.target.query_id, result.target.doc_id)
        scores = {"anomaly_score": float(clean[number]), "flagged": float(flagged_before)}
        yield from context.rows(scores, *names, condition="clean")
        scores = {"anomaly_score": float(attacked[number]), "flagged": float(flagged)}
        yield from context.rows(scores, *names, condition="attacked")
        auc = float(np.mean((attacked[number] > clean) + 0.5 * (attacked[number] == clean)))
        yield from context.rows({"AUC": auc}, *names)


def flagged_candidates(context: Context, query_ids: Sequence[str]) -> Iterator[Row]:
    """Yield the share of the clean candidates of each gain that a defense ranks last: what it costs."""
    ranker = context.served.ranker
    if not isinstance(ranker, DemotingRanker):
        return
    requests = [context.ranked(query_id).request for query_id in query_ids]
    for request, flags in zip(requests, ranker.flagged(requests), strict=True):
        gains, by_gain = context.collection.qrels[request.query_id], defaultdict(list)
        for doc_id, flag in zip(request.doc_ids, flags.tolist(), strict=True):
            by_gain[f"gain {gains[doc_id]}" if doc_id in gains else "unjudged"].append(flag)
        for group, of_gain in sorted(by_gain.items()):
            share = float(np.mean(of_gain))
            yield context.row("flagged_candidates", share, request.query_id, condition="clean", group=group)
