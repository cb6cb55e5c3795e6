"""How many of the edited words the ranker reads: one that truncates documents does not see what lies beyond."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from robustrank.engine.context import Context
from robustrank.rows import Fact, Row
from robustrank.text.edited_words import edited_words

from .attack_result import AttackResult


def count_unseen_edits(context: Context, results: Sequence[AttackResult]) -> Iterator[Row]:
    """Write down the number of edited words, and the share of them that lies beyond what the ranker reads.

    Where no word is edited there is no share. Yields one row, without a value, if the ranker does not say what it
    reads.
    """
    unknown = False
    for result in results:
        query, before = result.target.query, result.target.document
        for condition, perturbation, _ in result.lists:
            edited = edited_words(before, perturbation.text, perturbation.edits)
            result.metrics[Fact("edited_words", condition)] = float(edited.count)
            if not edited.count:
                continue
            # What is read of the original matters to deletions alone.
            texts = (before if edited.before else "", perturbation.text)
            reads = [context.served.characters_read(query, text) for text in texts]
            if None in reads:
                unknown = True
            else:
                unseen = edited.unseen(*[read for read in reads if read is not None])
                result.metrics[Fact("edits_unseen", condition)] = unseen / edited.count
    if unknown:
        note = "the ranker does not say how much of a document it reads"
        yield context.row("edits_unseen", None, condition="attacked", status="skipped", note=note)
