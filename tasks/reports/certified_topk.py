"""Certified top-K lists: CRQ, its trade-off with effectiveness, and what the run's attacks did to the same lists."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import replace

import pandas as pd

from robustrank.analysis.entries import Entry, fact_key
from robustrank.analysis.rowset import RowSet
from robustrank.certification.certificate import DEMOTION
from robustrank.rows import Fact
from robustrank.tables import EACH, TABLE, Column, Figure, Select, Table, TaskReport

from .columns import change, plain, share

ATTACKS = "document-attack"
CERTIFIED = "certified"
ROBUST = "empirically_robust"  # derived: no attack of the run entered the top K
EXACT = "exact ranker"  # group: of certificates about the ranker that the served list estimates
ANY_ATTACK = "any attack"  # group: whatever it edits, which no certificate is about
ATTACKED_TEXTS = "attacked_texts"  # derived: how many attacked texts a list was met with
ALL = "all"  # the radius of an attacker who may replace every word
_LIST = ["collection", "ranker", "family", "defense", "seed", "query_id"]  # what tells one ranked list from another
_FACTS = {fact_key(Fact("rank", "clean")): "clean", fact_key(Fact("rank", "attacked")): "attacked"}
_FACTS |= {fact_key(Fact("replaced", "attacked")): "replaced"}


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
    of_task = rowset.restricted("task", task)
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
    same = {column: template[column] for column in ("cell", "task", "fold")}
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
        yield Fact(ATTACKED_TEXTS, radius=radius), confined.groupby(level=_LIST, observed=True).size().astype(float)


def _words(fact: Fact) -> float:
    return math.inf if fact.radius == ALL else float(fact.radius or 0)


def _robust(results: pd.DataFrame, k: int) -> pd.Series:
    return (results["attacked"] > k).groupby(level=_LIST, observed=True).all().astype(float)


def _certified(k: int | str, radius: int | str, group: str = "") -> Select:
    return Select(CERTIFIED, k=k, radius=radius, group=group)


_K = (1, 5, 10)
_CHECKED = Select(ROBUST, "attacked", k=EACH, radius=TABLE)
_CLEAN, _UNDEFENDED, _BELOW_1 = Select("nDCG@10"), Select("nDCG@10", "undefended"), Select("overlap_below_1")
_CRQ = Column("CRQ", (Select(CERTIFIED, k=EACH, radius=TABLE),), percent=True, share=True, compare=False)
_LOSS = change("change of nDCG@10 by the defense", (_UNDEFENDED, _CLEAN), id="defense-change")

REPORT = TaskReport(
    tables=(
        Table(
            name="certified-topk",
            title="Certified top K of the served list: CRQ by certified radius R, and effectiveness on clean lists",
            headline=2,
            columns=(
                *(
                    share(
                        f"CRQ@{k}, R = {EACH}", (_certified(k, EACH),), id=f"crq@{k}/{EACH}", higher_is_better=True,
                        compare=False,
                    )
                    for k in _K
                ),
                Column("nDCG@10, defended", (_CLEAN, _UNDEFENDED), id="defended", higher_is_better=True),
                plain("nDCG@10, undefended", (_UNDEFENDED,), id="undefended"),
                _LOSS,
                share("words with overlap < 1", (_BELOW_1,), id="overlap-below-1", compare=False),
                plain("least overlap", (Select("overlap_least"),)),
                share("words of the list read", (Select("coverage"),), id="coverage", compare=False),
            ),
            note="Overlap 1 throughout: trivially certified, as the canonical ranker certifies without a sample.",
        ),
        Table(
            name=f"certified-topk-r-{TABLE}",
            title=f"Certified top K at R = {TABLE}: queries whose served top K no allowed edit can enter (CRQ)",
            each=Select("rho", radius=TABLE),
            columns=(
                share(f"CRQ@{EACH}", (_certified(EACH, TABLE),), higher_is_better=True),
                share(f"CRQ@{EACH}, demotion", (Select(DEMOTION, k=EACH, radius=TABLE),), compare=False),
                share(f"not broken@{EACH} by the witness", (Select("unbroken", k=EACH, radius=TABLE),), compare=False),
                share(
                    f"CRQ@{EACH}, exact ranker", (_certified(EACH, TABLE, EXACT),), compare=False
                ),
                share(f"CRQ@{EACH}, published bound", (_certified(EACH, TABLE, "paper"),), compare=False),
                plain("rho", (Select("rho", radius=TABLE),)),
                plain("samples per document", (Select("samples", radius=TABLE),), digits=0),
                plain("rho, exact ranker", (Select("rho", radius=TABLE, group=EXACT),)),
                plain("samples, exact ranker", (Select("samples", radius=TABLE, group=EXACT),), digits=0),
            ),
            note="CRQ: no edit moves a document into the top K; demotion: none moves one out of it. Exact ranker: at "
            "1 - alpha, of scores that are estimated; edits can enter the served list.",
        ),
        Table(
            name=f"certified-topk-r-{TABLE}-attacked",
            title=f"CRQ (lower bound) and empirical robustness (upper bound) at R = {TABLE}, over attacked lists",
            each=Select(ATTACKED_TEXTS, radius=TABLE),
            columns=(
                share(f"CRQ@{EACH}", (_certified(EACH, TABLE), _CHECKED), compare=False),
                share(f"empirically robust@{EACH}", (_CHECKED, _certified(EACH, TABLE)), compare=False),
                share(
                    f"empirically robust@{EACH}, any attack",
                    (Select(ROBUST, "attacked", k=EACH, group=ANY_ATTACK), _certified(EACH, TABLE)),
                    compare=False,
                ),
                plain("attacked texts per query", (Select(ATTACKED_TEXTS, radius=TABLE),), digits=1),
            ),
        ),
    ),
    figures=(
        Figure(
            name="certified-k",
            title="CRQ against K, by certified radius R",
            kind="lines",
            columns=(_CRQ,),
            x="k",
            x_title="K",
            y_title="CRQ (%)",
            series="defense",
            panels="radius",
        ),
        Figure(
            name="certified-radius",
            title="CRQ against the certified radius R",
            kind="lines",
            columns=(_CRQ,),
            x="radius",
            x_title="R, words that an attacker may replace",
            y_title="CRQ (%)",
            series="defense",
            panels="k",
        ),
        *(
            Figure(
                name=f"certified-samples-{radius}",
                title=f"CRQ against samples per document at R = {radius}",
                kind="lines",
                columns=(
                    plain("samples", (Select("samples", radius=radius),)),
                    *(
                        Column(f"CRQ@{k}", (_certified(k, radius),), percent=True, share=True, compare=False)
                        for k in (1, 10)
                    ),
                ),
                x="column",
                x_title="samples per document",
                y_title="CRQ (%)",
                series="defense",
                merged="samples",
            )
            for radius in (1, ALL)
        ),
        *(
            Figure(
                name=f"certified-trade-off-{k}-{radius}",
                title=f"CRQ@{k} at R = {radius} against nDCG@10 of clean lists (open marks: trivially certified)",
                kind="scatter",
                columns=(
                    plain("nDCG@10 of clean lists", (_CLEAN,)),
                    plain(f"CRQ@{k}", (_certified(k, radius),), percent=True, higher_is_better=True),
                    plain("words with overlap < 1", (_BELOW_1,)),
                ),
            )
            for k in (1, 10)
            for radius in (1, ALL)
        ),
    ),
    summary=(
        share(
            f"CRQ@10, R = {EACH}", (_certified(10, EACH),), id=f"crq@10/{EACH}", higher_is_better=True, compare=False
        ),
    ),
    derive=with_attacks,
)  # fmt: skip
