"""What rows say of certified lists: by query, and beside what the run's attacks did to the same lists."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

import pandas as pd

from robustrank.report.entries import Entry, fact_key
from robustrank.report.rowset import RowSet
from robustrank.rows import Fact

TASK, ATTACKS = "certified-topk", "document-attack"
CERTIFIED = "certified"
ROBUST = "empirically_robust"  # derived: no attack of the run entered the top K
ANY_ATTACK = "any attack"  # group: whatever it edits, which no certificate is about
ATTACKED_TEXTS = "attacked_texts"  # derived: how many attacked texts a list was met with
ALL = "all"  # the radius of an attacker who may replace every word
_LIST = ["ranker", "family", "defense", "seed", "query_id"]  # what tells one ranked list from another
_FACTS = {fact_key(Fact("rank", "clean")): "clean", fact_key(Fact("rank", "attacked")): "attacked"}
_FACTS |= {fact_key(Fact("replaced", "attacked")): "replaced"}
_BY_QUERY = ("collection", "ranker", "defense", "seed", "query_id")


def verdicts(facts: Iterable[Fact]) -> list[Fact]:
    """Return the facts that are verdicts, by radius, then K; those by a published bound have a group."""
    about = [fact for fact in facts if fact.measure == CERTIFIED and fact.k and fact.radius]
    return sorted(about, key=lambda fact: (_words(fact), fact.k or 0, fact.group))


def with_attacks(rowset: RowSet, task: Entry) -> RowSet:
    """Return the rows of a task, for certified lists with what the attacks on documents of the same run did to them.

    ``empirically_robust`` of K and a radius is 1 where no attack confined to the defense's table, of at most so many
    words, brought a document from outside the top K into it, and 0 where one did; it is missing for a list that met no
    such attack. Its group ``any attack`` is the same over all attacks, and ``attacked_texts`` counts them.
    """
    of_task = rowset.of(task)
    if task.name != TASK:
        return of_task
    results = _results(rowset)
    lists = of_task.measured[_LIST].drop_duplicates()
    values = dict(_outcomes(results, verdicts(of_task.facts)))
    frames = [
        lists.merge(series.rename("value").reset_index(), on=_LIST).assign(
            fact=fact_key(fact), measure=fact.measure, group=fact.group
        )
        for fact, series in values.items()
    ]
    if not frames or not sum(map(len, frames)):
        return of_task
    template = of_task.measured.iloc[0]
    same = {column: template[column] for column in ("cell", "task", "collection", "fold")}
    derived = pd.concat(frames).assign(**same, attack="", doc_id="", note="", status="ok")
    columns = [column for column in of_task.rows.columns if column in derived.columns]
    rows = pd.concat([of_task.rows, derived[columns]], ignore_index=True)
    return replace(of_task, rows=rows)


def _results(rowset: RowSet) -> pd.DataFrame:
    """Return a row for each attacked text: its list as the index, ranks clean and attacked, words replaced or nan."""
    attacks = [task.key for task in rowset.tasks if task.name == ATTACKS]
    rows = rowset.measured
    rows = rows[rows["fact"].isin(_FACTS) & rows["task"].isin(attacks)]
    wide = rows.set_index([*_LIST, "task", "attack", "doc_id", "fact"])["value"].unstack("fact").rename(columns=_FACTS)
    columns = list(_FACTS.values())
    return wide.reindex(columns=columns).dropna(subset=columns[:2]).droplevel(["task", "attack", "doc_id"])


def _outcomes(results: pd.DataFrame, about: Iterable[Fact]) -> Iterator[tuple[Fact, pd.Series]]:
    """Yield derived facts, with a value for each list."""
    for fact in about:
        k, radius = fact.k or 0, fact.radius
        outside = results[results["clean"] > k]
        within = outside[outside["replaced"] <= _words(fact)]
        yield Fact(ROBUST, "attacked", k=k, radius=radius), _robust(within, k)
        yield Fact(ROBUST, "attacked", k=k, group=ANY_ATTACK), _robust(outside, k)
        confined = results[results["replaced"] <= _words(fact)]
        yield Fact(ATTACKED_TEXTS, radius=radius), confined.groupby(level=_LIST).size().astype(float)


def _words(fact: Fact) -> float:
    return math.inf if fact.radius == ALL else float(fact.radius or 0)


def _robust(results: pd.DataFrame, k: int) -> pd.Series:
    return (results["attacked"] > k).groupby(level=_LIST).all().astype(float)


def by_query(rowset: RowSet) -> Mapping[str, str]:
    """Return for each certifying task, by label, a CSV of its verdicts: a row for each list, K, R and bound.

    The bound is in the rows' notes.
    """
    files = {}
    for task in rowset.tasks:
        rows = rowset.restricted("task", task)
        if task.name == TASK and (about := verdicts(rows.facts)):
            files[task.label] = _csv(rows, about)
    return files


def _csv(rowset: RowSet, about: Iterable[Fact]) -> str:
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow([*_BY_QUERY, "K", "R", "bound", "certified"])
    for fact in about:
        rows = rowset.measured[rowset.measured["fact"] == fact_key(fact)]
        for collection, ranker, defense, seed, query, note, value in rows[[*_BY_QUERY, "note", "value"]].itertuples(
            index=False, name=None
        ):
            keys = {"collection": collection, "ranker": ranker, "defense": defense}
            labels = [rowset.entries[axis][key].label for axis, key in keys.items()]
            writer.writerow([*labels, seed, query, fact.k, fact.radius, note, int(value)])
    return file.getvalue()
