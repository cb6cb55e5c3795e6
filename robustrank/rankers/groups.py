"""Training groups: a query and documents, drawn anew each epoch by judgements or by the scores of a teacher."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from robustrank.collections.collection import Collection
from robustrank.errors import DataError
from robustrank.notices import notice

Targets = Mapping[str, Mapping[str, float]]  # query id to document id to the score that is to be learned


class Group(NamedTuple):
    """What one loss is computed over.

    Attributes:
        query: The query.
        documents: Relevant documents first; of a teacher's group the best by the teacher first.
        targets: The gain or the teacher's score of each document; none if the first is to be told from the others.
        relevant: How many documents come first.
    """

    query: str
    documents: list[str]
    targets: tuple[float, ...] = ()
    relevant: int = 1


class Sizes(NamedTuple):
    """How large groups are, and how many.

    Attributes:
        groups: The most groups of a query in an epoch.
        others: Documents beside the first.
        hard: How many of these are drawn from the first quarter of the list.
    """

    groups: int
    others: int
    hard: int


def judged_groups(train: Collection, sizes: Sizes, rng: np.random.Generator) -> list[Group]:
    """Return shuffled groups: a relevant document, then sampled candidates of lower gain.

    Hard ones are those that the first stage ranks high.

    Raises:
        DataError: No query has a relevant candidate and enough candidates of lower gain.
    """
    groups: list[Group] = []
    for query_id, query in train.queries.items():
        gains, listed = train.qrels[query_id], list(train.candidates[query_id])
        relevant = [d for d in listed if gains.get(d, 0) > 0]
        for index in rng.permutation(len(relevant))[: sizes.groups]:
            positive = relevant[index]
            lower = [d for d in listed if gains.get(d, 0) < gains[positive]]
            chosen = _drawn(lower, sizes.others, sizes.hard, rng)
            if len(chosen) == sizes.others:
                groups.append(Group(query, [train.documents[d] for d in [positive, *chosen]]))
    return _shuffled(groups, train, "a relevant candidate and {} of lower gain", sizes.others, rng)


def graded_groups(train: Collection, sizes: Sizes, rng: np.random.Generator) -> list[Group]:
    """Return shuffled groups with gains: a relevant document, others, of which up to half are relevant, too.

    Hard ones are those without a gain that the first stage ranks high.

    Raises:
        DataError: No query has a relevant candidate and enough candidates without a gain.
    """
    groups: list[Group] = []
    for query_id, query in train.queries.items():
        gains, listed = train.qrels[query_id], list(train.candidates[query_id])
        relevant = [d for d in listed if gains.get(d, 0) > 0]
        rest = [d for d in listed if gains.get(d, 0) <= 0]
        for index in rng.permutation(len(relevant))[: sizes.groups]:
            first = relevant[index]
            more = _drawn([d for d in relevant if d != first], sizes.others // 2, 0, rng)
            chosen = [first, *more, *_drawn(rest, sizes.others - len(more), sizes.hard, rng)]
            if len(chosen) == 1 + sizes.others:
                targets = tuple(max(0.0, gains.get(d, 0)) for d in chosen)
                groups.append(Group(query, [train.documents[d] for d in chosen], targets, 1 + len(more)))
    return _shuffled(groups, train, "a relevant candidate and {} without a gain", sizes.others, rng)


def distillation_groups(train: Collection, targets: Targets, sizes: Sizes, rng: np.random.Generator) -> list[Group]:
    """Return shuffled groups of candidates with the teacher's scores, best first; those of a query share no document.

    Hard ones are those that the teacher ranks high; the first document is one of them.

    Raises:
        DataError: No query has enough candidates.
    """
    groups: list[Group] = []
    size, hard = 1 + sizes.others, 1 + sizes.hard if sizes.hard else 0
    for query_id, query in train.queries.items():
        scores = targets[query_id]
        left = sorted(scores, key=lambda d: (-scores[d], d))
        for _ in range(sizes.groups):
            chosen = set(_drawn(left, size, hard, rng))
            if len(chosen) < size:
                break
            ranked = [d for d in left if d in chosen]
            groups.append(Group(query, [train.documents[d] for d in ranked], tuple(scores[d] for d in ranked)))
            left = [d for d in left if d not in chosen]
    return _shuffled(groups, train, "{} candidates", size, rng)


def tell_unused(train: Collection, groups: Sequence[Group]) -> None:
    """Say how many queries no group is of: they have too few candidates to be learned from."""
    queries = set(train.queries.values())
    if unused := len(queries - {group.query for group in groups}):
        notice(
            f"training on {train.name}: {unused} of {len(queries)} queries are not learned from, for they have no "
            "relevant candidate, or too few others"
        )


def with_documents_of_others(batch: Sequence[Group], count: int) -> list[Group]:
    """Return groups with ``count`` documents of the other groups of their batch each, or fewer if the batch has fewer.

    The first documents of the groups come first. They are not judged, and a teacher has not scored them: the lowest
    target of the group is taken for them.
    """
    longest = max((len(group.documents) for group in batch), default=0)
    in_turn = [group.documents[i] for i in range(longest) for group in batch if i < len(group.documents)]
    others = [[text for text in dict.fromkeys(in_turn) if text not in group.documents] for group in batch]
    count = min([count, *map(len, others)])
    return [
        group._replace(
            documents=[*group.documents, *texts[:count]],
            targets=(*group.targets, *[min(group.targets)] * count) if group.targets else (),
        )
        for group, texts in zip(batch, others, strict=True)
    ]


def _drawn(ranked: Sequence[str], count: int, hard: int, rng: np.random.Generator) -> list[str]:
    """Return ``count`` documents of a list, ``hard`` of them from its first quarter; fewer if it is shorter."""
    quarter = ranked[: max(hard, -(-len(ranked) // 4))]
    first = [quarter[i] for i in rng.permutation(len(quarter))[: min(hard, count)]] if hard else []
    rest = [d for d in ranked if d not in first]
    return [*first, *(rest[i] for i in rng.permutation(len(rest))[: count - len(first)])]


def _shuffled(groups: list[Group], train: Collection, needs: str, count: int, rng: np.random.Generator) -> list[Group]:
    if not groups:
        raise DataError(
            f"collection {train.name!r} has no query with {needs.format(count)}",
            hint="lower negatives, or give longer candidate lists",
        )
    return [groups[i] for i in rng.permutation(len(groups))]
