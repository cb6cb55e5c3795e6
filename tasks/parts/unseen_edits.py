"""How many of the edited words the ranker reads: one that truncates documents does not see what lies beyond."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from robustrank.engine.context import Context
from robustrank.rows import Fact, Row
from robustrank.text.edited_words import edited_words, share_read

from .attack_result import AttackResult


def count_unseen_edits(context: Context, results: Sequence[AttackResult]) -> Iterator[Row]:
    """Write down the number of edited words, the share of them that the ranker does not read, and its coverage.

    Coverage is the share of the words of the original document that are read. Where no word is edited there is no
    share of edits. Yields a row of each, without a value, if the ranker does not say what it reads.
    """
    unknown = False
    for result in results:
        query, before = result.target.query, result.target.document
        read = context.served.parts_read(query, before)
        coverage = None if read is None else share_read(before, read)
        if coverage is not None:
            result.metrics[Fact("coverage", "clean")] = coverage
        for condition, perturbation, _ in result.lists:
            edited = edited_words(before, perturbation.text, perturbation.edits)
            result.metrics[Fact("edited_words", condition)] = float(edited.count)
            after = context.served.parts_read(query, perturbation.text) if edited.count else ()
            if read is None or after is None:
                unknown = True
            elif edited.count:
                result.metrics[Fact("edits_unseen", condition)] = edited.unseen(read, after) / edited.count
    if unknown:
        note = "the ranker does not say how much of a document it reads"
        yield context.row("coverage", None, condition="clean", status="skipped", note=note)
        yield context.row("edits_unseen", None, condition="attacked", status="skipped", note=note)
