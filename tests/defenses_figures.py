"""docs/defenses-figures.md, from committed rows alone, by code of its own: no report code is involved."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from functools import cache
from statistics import NormalDist, fmean
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tests.detection_figures import detection
from tests.result_rows import published_rows
from tests.shown import interval, number

ABOUT = """\
# Empirical defenses: results

Every figure of this page is computed from committed rows; a test makes the page again. Attacks **query the defended
ranker**, with at most 64 queries a target: a filter's flags and a smoothed score are in what they are told. Plain
*stuffing* and random *typos* query nothing; they are here to show what a defense is worth to an attacker who does
not know of it, and are marked with °. Three ways to train a ranker (`robustrank run defenses-training`) have not been
run.

TREC DL 2019, BM25's 100 candidates. ASR: targets whose rank improves, in %; top 10: targets that reach it, in %;
boost: mean rank improvement. Differences are to the ranker without the defense (ASR in points, boost in ranks,
nDCG@10), **paired by query**, with 95 % bootstrap CIs over queries. *MDE*: minimum detectable effect, the
difference that would be found with a power of 80 %, 2.8 standard errors. Where outcomes are all alike it is not known
(–). Intervals are not corrected for their number.

A target is drawn at the same rank of both lists. A filter has moved what it flags to the end of its list, so targets
are other documents in part, and some are flagged before they are attacked (*flagged*: before → after, % of the edited
targets): that an attack does not lift those is a cost of false positives, no detection. The last column of a table
has the difference in rank after the attack on **documents that are targets of both**: above zero, the defense holds
them down.
"""
SECTIONS = {  # heading -> run, ranker, attacks, what to know
    "Attacks on BM25": (
        "defenses",
        "BM25",
        ("stuffing", "adaptive stuffing", "greedy by synonyms"),
        "30 queries, three targets each, from ranks 51 to 70, 71 to 90 and 91 to 100.",
    ),
    "Attacks on the bi-encoder": (
        "defenses",
        "bi-encoder",
        ("stuffing", "adaptive stuffing", "HotFlip", "greedy by synonyms", "greedy by encoder's table"),
        "MiniLM, 64 tokens, bf16. 30 queries, two targets each, from ranks 51 to 75 and 76 to 100. *Greedy by\n"
        "encoder's table* is the threat model of canonical words, in which a score cannot change by construction.",
    ),
    "Smoothing": (
        "defenses-smoothing",
        "bi-encoder",
        ("greedy by synonyms",),
        "The same bi-encoder on BM25's 50; eight copies of each document, which is few. 30 queries, two targets each,\n"
        "from ranks 26 to 38 and 39 to 50. No attack that inserts text was tried.",
    ),
}
RUNS = {  # run -> attacks, one for each set of queries, whose cells have the clean lists
    "defenses": ("adaptive typos", "adaptive stuffing"),
    "defenses-smoothing": ("greedy by synonyms",),
}
UNAWARE = ("stuffing", "typos")  # attacks that query nothing
POWER = NormalDist().inv_cdf(0.975) + NormalDist().inv_cdf(0.8)


class Cell(NamedTuple):
    """What was attacked, behind what, by what."""

    ranker: str
    defense: str
    attack: str


class Effect(NamedTuple):
    """A mean paired difference, with its 95 % interval and the minimum detectable effect at a power of 80 %."""

    mean: float
    low: float
    high: float
    detectable: float

    @property
    def is_lower(self) -> bool:
        """Whether the interval is below zero."""
        return round(self.high, 9) < 0


@cache
def cells(run: str) -> dict[Cell, dict[tuple[str, str, str, str], dict[str, list[float]]]]:
    """Return the values by cell, by measure, condition, cutoff and group, and by query, in the order of the rows."""
    found: dict = {}
    for row in published_rows(run):
        if row["query_id"] and row["value"]:
            cell = found.setdefault(Cell(row["ranker"], row["defense"], row["attack"]), {})
            key = tuple(row[name] for name in ("measure", "condition", "cutoff", "group"))
            cell.setdefault(key, defaultdict(list))[row["query_id"]].append(float(row["value"]))
    return found


def by_query(run: str, cell: Cell, measure: str, condition: str = "attacked", cutoff: str = "") -> NDArray[np.float64]:
    """Return float64[Q], the mean of each query."""
    of_queries = cells(run)[cell][measure, condition, cutoff, ""]
    return np.array([fmean(of_queries[query]) for query in sorted(of_queries)])


def effect(run: str, cell: Cell, measure: str, condition: str = "attacked", cutoff: str = "") -> Effect:
    """Return the difference that the defense makes to a measure, by queries."""
    plain = cell._replace(defense="none")
    keys = [cells(run)[of][measure, condition, cutoff, ""].keys() for of in (cell, plain)]
    assert keys[0] == keys[1], "the same queries"
    return effect_of(by_query(run, cell, measure, condition, cutoff) - by_query(run, plain, measure, condition, cutoff))


def effect_of(differences: NDArray[np.float64]) -> Effect:
    """Return the mean of float64[Q], differences of queries, with its bounds."""
    error = differences.std(ddof=1) / np.sqrt(len(differences))
    return Effect(float(differences.mean()), *interval(differences), float(POWER * error))


def shown(of: Effect, places: int, scale: float = 1) -> str:
    """Return a difference and its interval, as they are in tables."""
    mean, low, high = (number(value * scale, places) for value in of[:3])
    return f"{mean} [{low}, {high}]"


def detectable(of: Effect, places: int, scale: float = 1) -> str:
    """Return what would be found with a power of 80 %; nothing where outcomes are all alike."""
    return number(of.detectable * scale, places) if of.detectable else "–"


def marked(attack: str) -> str:
    """Return the attack's name, with the mark of attacks that query nothing."""
    return f"{attack} °" if attack in UNAWARE else attack


def table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table in Markdown."""
    return "".join(f"| {' | '.join(row)} |\n" for row in [columns, ["---"] * len(columns), *rows])


def defenses_of(run: str, ranker: str, attack: str) -> list[str]:
    """Return the defenses that met an attack, in the order of the rows."""
    return [cell.defense for cell in cells(run) if (cell.ranker, cell.attack) == (ranker, attack)]


def attacked(run: str, ranker: str, attacks: Sequence[str]) -> str:
    """Return the table of attacks."""
    columns = ["attack", "defense", "flagged", "ASR", "difference", "MDE", "top 10", "boost", "difference", "MDE"]
    rows = [_attacked(run, Cell(ranker, d, a)) for a in attacks for d in defenses_of(run, ranker, a)]
    return table([*columns, "same documents: rank"], rows)


def _attacked(run: str, cell: Cell) -> list[str]:
    success, top, boost = (
        by_query(run, cell, measure, cutoff=cutoff).mean()
        for measure, cutoff in (("success", ""), ("success", "10"), ("boost", ""))
    )
    asr, ranks = effect(run, cell, "success"), effect(run, cell, "boost")
    is_plain = cell.defense == "none"
    return [
        *(marked(cell.attack), cell.defense, _flagged(run, cell), number(100 * success, 0)),
        *(["–", "–"] if is_plain else [shown(asr, 0, 100), detectable(asr, 0, 100)]),
        *(number(100 * top, 0), number(boost, 1)),
        *(["–", "–", "–"] if is_plain else [shown(ranks, 1), detectable(ranks, 1), same_documents(run, cell)]),
    ]


def _flagged(run: str, cell: Cell) -> str:
    """Return the shares of edited targets that are flagged before and after the attack."""
    shares = [cells(run)[cell].get(("flagged", condition, "", "")) for condition in ("clean", "attacked")]
    if not all(shares):
        return "–"
    before, after = (100 * fmean(value for values in of.values() for value in values) for of in shares)
    return f"{number(before, 0)} → {number(after, 0)}"


@cache
def targets(run: str) -> dict[Cell, dict[tuple[str, str], float]]:
    """Return the rank after the attack of each target, query and document."""
    of: dict[Cell, dict[tuple[str, str], float]] = defaultdict(dict)
    for row in published_rows(run):
        if (row["measure"], row["condition"]) == ("rank", "attacked") and row["value"]:
            of[Cell(row["ranker"], row["defense"], row["attack"])][row["query_id"], row["doc_id"]] = float(row["value"])
    return of


def same_documents(run: str, cell: Cell) -> str:
    """Return the difference in rank after the attack of the documents that are targets of both rankers."""
    mine, plain = targets(run)[cell], targets(run)[cell._replace(defense="none")]
    of_query: dict[str, list[float]] = defaultdict(list)
    for target in sorted(mine.keys() & plain.keys()):
        of_query[target[0]].append(mine[target] - plain[target])
    count = f"{len(mine.keys() & plain.keys())} of {len(mine)}"
    return (
        f"{shown(effect_of(np.array([fmean(v) for v in of_query.values()])), 1)} ({count})"
        if of_query
        else f"– ({count})"
    )


def costs() -> str:
    """Return the table of what defenses cost on clean lists."""
    groups = ("gain 3", "gain 2", "gain 1", "gain 0", "unjudged")
    of = [(run, cell) for run, attacks in RUNS.items() for cell in cells(run) if cell.attack in attacks]
    rows = [_cost(run, cell, groups) for run, cell in of]
    return table(
        ["ranker", "defense", "queries", "nDCG@10", "difference", "MDE", *(f"flagged: {g}" for g in groups)], rows
    )


def _cost(run: str, cell: Cell, groups: Sequence[str]) -> list[str]:
    values = by_query(run, cell, "nDCG@10", "clean", "10")
    of = effect(run, cell, "nDCG@10", "clean", "10")
    shares = [cells(run)[cell].get(("flagged_candidates", "clean", "", group)) for group in groups]
    flagged = [number(100 * fmean(v for q in share.values() for v in q), 1) if share else "–" for share in shares]
    differences = ["–", "–"] if cell.defense == "none" else [shown(of, 3), detectable(of, 3)]
    return [cell.ranker, cell.defense, str(len(values)), number(values.mean(), 3), *differences, *flagged]


def typos() -> str:
    """Return the table of typos: the mean of the forms of each query."""
    rows = []
    for attack in ("typos", "adaptive typos"):
        for cell in (cell for cell in cells("defenses") if cell.attack == attack):
            values, clean = (by_query("defenses", cell, "nDCG@10", c, "10").mean() for c in ("attacked", "clean"))
            of = effect("defenses", cell, "nDCG@10", "attacked", "10")
            differences = ["–", "–"] if cell.defense == "none" else [shown(of, 3), detectable(of, 3)]
            rows.append([marked(attack), cell.ranker, cell.defense, number(clean, 3), number(values, 3), *differences])
    return table(["attack", "ranker", "defense", "clean nDCG@10", "under attack", "difference", "MDE"], rows)


def verdicts() -> Iterator[str]:
    """Yield a line for each ranker and defense: the attacks that query it under which it has a significant effect."""
    for run, ranker, attacks, _ in SECTIONS.values():
        known = [attack for attack in attacks if attack not in UNAWARE]
        for defense in dict.fromkeys(d for a in known for d in defenses_of(run, ranker, a) if d != "none"):
            met = [Cell(ranker, defense, attack) for attack in known if defense in defenses_of(run, ranker, attack)]
            yield f"- {ranker}, {defense}: {_verdict(run, met)}.\n"
    yield from _of_typos()


def _of_typos() -> Iterator[str]:
    """Yield a line for each ranker behind spelling correction."""
    for cell in (cell for cell in cells("defenses") if cell.attack == "adaptive typos" and cell.defense != "none"):
        of = effect("defenses", cell, "nDCG@10", "attacked", "10")
        what = "**an effect** under" if of.low > 0 else "none under"
        told = f"nDCG@10 {shown(of, 3)}, MDE {detectable(of, 3)}"
        yield f"- {cell.ranker}, {cell.defense}: {what} {cell.attack} ({told}).\n"


def _verdict(run: str, met: Sequence[Cell]) -> str:
    parts: dict[str, list[str]] = {"**an effect** under": [], "none under": [], "not tested by": []}
    for cell in met:
        asr, ranks = effect(run, cell, "success"), effect(run, cell, "boost")
        if not by_query(run, cell._replace(defense="none"), "success").any():
            parts["not tested by"].append(f"{cell.attack}, which has no success without the defense either")
        elif asr.is_lower or ranks.is_lower:
            same = f"rank of the same documents {same_documents(run, cell)}"
            shares = f"ASR {shown(asr, 0, 100)}, boost {shown(ranks, 1)}, {same}"
            parts["**an effect** under"].append(f"{cell.attack} ({shares})")
        else:
            of = f"MDE: ASR {detectable(asr, 0, 100)}, boost {detectable(ranks, 1)}"
            parts["none under"].append(f"{cell.attack} ({of})")
    return "; ".join(f"{what} {', '.join(names)}" for what, names in parts.items() if names)


def page() -> str:
    """Return the page."""
    parts = [ABOUT, "\n## Which defenses have an effect\n\n", VERDICTS, *verdicts()]
    for heading, (run, ranker, attacks, about) in SECTIONS.items():
        parts += [
            f"\n## {heading}\n\n",
            f"`results/{run}` (`robustrank run {run}`). {about}\n\n",
            attacked(run, ranker, attacks),
        ]
    parts += ["\n## Typos\n\n", TYPOS, typos(), "\n## Cost on clean lists\n\n", COSTS, costs(), detection()]
    return "".join(parts)


VERDICTS = """\
Under attacks that query the defended ranker, an effect is an interval of the difference of ASR or boost below zero
(under typos, of nDCG@10 above zero). Where the interval of the same documents holds zero, the effect is that of other
targets, and of those that were flagged before they were attacked. Where there is none, MDE tells what an effect would
have to be for a power of 80 % to find it, in points of ASR and in ranks of boost.

"""
TYPOS = """\
`results/defenses` (`robustrank run defenses`): all 43 queries, two misspelt words. Typos: the mean of five forms at
random. Adaptive: of twelve forms the one that changes the served list most. Differences to the same ranker without
correction.

"""
COSTS = """\
`results/defenses` (`robustrank run defenses`) and `results/defenses-smoothing` (`robustrank run defenses-smoothing`):
the queries that are attacked, for spelling correction all 43. Flagged: share of the clean candidates of each judged
gain that a filter flags, in %, mean over queries; a gain of 3 is a perfect answer.

"""
