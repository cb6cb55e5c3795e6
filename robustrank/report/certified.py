"""What rows say of certified lists: by query, and beside what the run's attacks did to the same lists."""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import pandas as pd

from robustrank.report.rowset import RowSet
from robustrank.report.unit_table import measured, natural, plug_in
from robustrank.rows import COLUMNS

TASK, ATTACKS = "certified-topk", "document-attack"
ALL = "all"  # the radius of an attacker who may replace every word
_MEASURE = re.compile(r"certified@(?P<k>\d+)/R=(?P<radius>[^/]+)(?P<published>/.+)?")
_LIST = ["ranker", "family", "defense", "seed", "query_id"]  # what tells one ranked list from another
_FACTS = ["rank/before", "rank/after", "replaced"]
_BY_QUERY = ("collection", "ranker", "defense", "seed", "query_id")


@dataclass(frozen=True)
class Verdict:
    """What a measure is about: top ``k``, at most ``radius`` words replaced, perhaps by the published bound."""

    measure: str
    k: int
    radius: str
    published: bool


def verdicts(measures: Iterable[str]) -> list[Verdict]:
    """Return what those of the measures are about that are verdicts, by radius, then K."""
    found = [
        Verdict(name, int(match["k"]), match["radius"], bool(match["published"]))
        for name in measures
        if (match := _MEASURE.fullmatch(name))
    ]
    return sorted(found, key=lambda verdict: (natural(verdict.radius), verdict.k, verdict.published))


def with_attacks(rowset: RowSet, task: str) -> RowSet:
    """Return the rows of a task, for certified lists with what the attacks on documents of the same part did to them.

    ``unbroken@K/R=r`` is 1 where no attack confined to the defense's table, of at most r words, brought a document from
    outside the top K into it, and 0 where one did; it is missing for a list that none such was made on.
    ``unbroken@K/any`` is the same over all attacks, and ``attacks/R=r`` counts the attacked texts.
    """
    own = rowset.of(task)
    if plug_in(task) != TASK:
        return own
    results = _attempts(rowset)
    lists = own.measured[_LIST].drop_duplicates()
    values = dict(_outcomes(results, verdicts(own.measures)))
    frames = [
        lists.merge(found.rename("value").reset_index(), on=_LIST).assign(measure=m) for m, found in values.items()
    ]
    if not frames or not sum(map(len, frames)):
        return own
    facts = {"task": task, "collection": own.rows["collection"].iloc[0], "attack": "", "doc_id": "", "note": ""}
    derived = pd.concat(frames).assign(**facts, status="ok")
    return RowSet(pd.concat([own.rows, derived[list(COLUMNS)]], ignore_index=True))


def _attempts(rowset: RowSet) -> pd.DataFrame:
    """Return a line an attacked text: its list as the index, ranks before and after, words replaced or nan."""
    rows = rowset.measured
    rows = rows[rows["measure"].isin(_FACTS) & (rows["task"].map(plug_in) == ATTACKS)]
    wide = rows.set_index([*_LIST, "task", "attack", "doc_id", "measure"])["value"].unstack("measure")
    return wide.reindex(columns=_FACTS).dropna(subset=_FACTS[:2]).droplevel(["task", "attack", "doc_id"])


def _outcomes(results: pd.DataFrame, about: Iterable[Verdict]) -> Iterator[tuple[str, pd.Series]]:
    """Yield derived measures, with a value a list."""
    for verdict in about:
        outside = results[results["rank/before"] > verdict.k]
        limit = math.inf if verdict.radius == ALL else float(verdict.radius)
        yield f"unbroken@{verdict.k}/R={verdict.radius}", _unbroken(outside[outside["replaced"] <= limit], verdict.k)
        yield f"unbroken@{verdict.k}/any", _unbroken(outside, verdict.k)
        confined = results[results["replaced"] <= limit]
        yield f"attacks/R={verdict.radius}", confined.groupby(level=_LIST).size().astype(float)


def _unbroken(results: pd.DataFrame, k: int) -> pd.Series:
    return (results["rank/after"] > k).groupby(level=_LIST).all().astype(float)


def by_query(rows: pd.DataFrame) -> Mapping[str, str]:
    """Return for each certifying task, by label, a CSV of its verdicts: a line a list, K, R and bound.

    The bound stands in the rows' notes.
    """
    made = {}
    found = measured(rows)
    for task in sorted(set(found["task"]), key=natural):
        own = found[found["task"] == task]
        if plug_in(task) == TASK and (about := verdicts(set(own["measure"]))):
            made[task] = _csv(own, about)
    return made


def _csv(rows: pd.DataFrame, about: Iterable[Verdict]) -> str:
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow([*_BY_QUERY, "K", "R", "bound", "certified"])
    for verdict in about:
        own = rows[rows["measure"] == verdict.measure]
        for *keys, note, value in own[[*_BY_QUERY, "note", "value"]].itertuples(index=False, name=None):
            writer.writerow([*keys, verdict.k, verdict.radius, note, int(value)])
    return file.getvalue()
