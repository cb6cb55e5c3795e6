"""The tables of the papers, declared: a new one is an entry here, and every format and test follows."""

from __future__ import annotations

import functools
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from robustrank.measures.defined import ratio
from robustrank.measures.detection import detection_rate
from robustrank.measures.risk import reliability_of_improvement, urisk
from robustrank.measures.robustness import gmap, hard_set_mean, poor_queries, variance, vnap
from robustrank.report.certified import ANY_ATTACK, ATTACKED_TEXTS, CERTIFIED, ROBUST
from robustrank.report.selection import EACH, TABLE, Select
from robustrank.report.tables import Column, Table, Values

TAU = 0.1  # a query that loses more of a measure than this is counted; the cut is ours
EPS = 1e-5  # GMAP's, as trec_eval

ATTACKED = ("attack", "ranker", "defense")


def _log(values: Values) -> Values:
    return np.log(np.maximum(values, EPS))


def relative_change(clean: Values, shifted: Values) -> Values:
    """Return relative changes of means: (shifted - clean) / clean; nan where the clean mean is 0."""
    return ratio(np.subtract(shifted, clean), clean)


def _change_by_defense(defended: Values, undefended: Values) -> Values:
    return relative_change(undefended, defended)


def _losing(clean: Values, shifted: Values) -> NDArray[np.bool_]:
    losing: NDArray[np.bool_] = clean - shifted > TAU
    return losing


def _median(values: Values) -> float:
    return float(np.median(values))


def _count_positive(values: Values) -> float:
    return float(np.count_nonzero(values > 0))


_share = functools.partial(Column, percent=True, share=True, digits=1)
_low_share = functools.partial(_share, higher_is_better=False)
_change = functools.partial(Column, percent=True, signed=True, digits=1, higher_is_better=True, compare=False)
_plain = functools.partial(Column, compare=False)
_of_text = functools.partial(_plain, percent=True, digits=1)
_AP = (Select("AP"),)
_LOSING = f"queries losing more than {TAU:g}"


def _shift(measure: str, clean: str, shifted: str) -> tuple[Select, Select]:
    return Select(measure, clean), Select(measure, shifted)


IID = Table(
    name="iid-variance",
    caption="Effectiveness on i.i.d. queries: mean, variance and the worst-served queries",
    task="iid-variance",
    columns=(
        Column(EACH, (Select(EACH),), higher_is_better=True),
        _plain("Var(AP)", _AP, statistic=variance, higher_is_better=False),
        _plain("VNAP", _AP, statistic=vnap, higher_is_better=False),
        _plain("AP, lowest 10 %", _AP, statistic=poor_queries, higher_is_better=True),
        _plain("AP, lowest 25 %", _AP, statistic=functools.partial(poor_queries, percent=25), higher_is_better=True),
        _plain("AP, hard set", _AP, statistic=hard_set_mean, reference=_AP, higher_is_better=True),
        Column("GMAP", _AP, unit=_log, statistic=functools.partial(gmap, eps=EPS), higher_is_better=True),
        _plain("RI", _AP, statistic=reliability_of_improvement, reference=_AP, higher_is_better=True),
        _plain("URisk", _AP, statistic=urisk, reference=_AP, higher_is_better=True),
    ),
)

QUERY_ATTACK = Table(
    name=f"query-attack-{TABLE}",
    caption=f"{TABLE} of clean queries, of their attacked variants, and of each query's worst variant",
    task="query-attack",
    each=Select(TABLE, "clean"),
    rows=ATTACKED,
    columns=(
        Column("clean", (Select(TABLE, "clean"),), higher_is_better=True),
        Column("attacked", (Select(TABLE, "attacked"),), higher_is_better=True),
        _change(f"relative change of {TABLE}", _shift(TABLE, "clean", "attacked"), of_means=relative_change),
        Column("worst-case", (Select(TABLE, "worst"),), higher_is_better=True),
        _change("relative change, worst-case", _shift(TABLE, "clean", "worst"), of_means=relative_change),
        _low_share(_LOSING, _shift(TABLE, "clean", "attacked"), unit=_losing),
    ),
)

QUERY_COST = Table(
    name="query-attack-cost",
    caption="Cost of the attacks on queries: means over queries",
    task="query-attack",
    rows=ATTACKED,
    columns=(
        _plain("edited variants", (Select("edited"),), percent=True, digits=1),
        _plain("queries to the victim", (Select("queries"),), digits=1),
        _plain("forward passes", (Select("model_calls"),), digits=1),
        _plain("queries to prepare", (Select("queries", group="prepare"),), digits=0, exact=True, units=""),
    ),
)

OOD_QUERY = Table(
    name=f"ood-query-{TABLE}",
    caption=f"Unseen query types: {TABLE} after training with each query's type, and without it",
    task="ood-query",
    each=Select(TABLE, "seen"),
    columns=(
        Column("seen", (Select(TABLE, "seen"),), higher_is_better=True),
        Column("unseen", (Select(TABLE, "unseen"),), higher_is_better=True),
        _change(f"relative change of {TABLE}", _shift(TABLE, "seen", "unseen"), of_means=relative_change),
        _low_share(_LOSING, _shift(TABLE, "seen", "unseen"), unit=_losing),
    ),
)

OOD_QUERY_TYPES = Table(
    name=f"ood-query-{TABLE}-types",
    caption=f"Unseen query types: relative change of {TABLE} by the type left out of training",
    task="ood-query",
    units="",
    each=Select(TABLE, "seen"),
    columns=(
        _change(
            EACH, (Select(TABLE, "seen", group=EACH), Select(TABLE, "unseen", group=EACH)), of_means=relative_change
        ),
    ),
)

OOD_CORPUS = Table(
    name=f"ood-corpus-{TABLE}",
    caption=f"Cross-domain {TABLE}: in-domain training against training on other collections",
    task="ood-corpus",
    each=Select(TABLE, "in_domain"),
    columns=(
        Column("in-domain", (Select(TABLE, "in_domain"),), higher_is_better=True),
        Column("out-of-domain", (Select(TABLE, "out_of_domain"),), higher_is_better=True),
        _change(f"relative change of {TABLE}", _shift(TABLE, "in_domain", "out_of_domain"), of_means=relative_change),
        _low_share(_LOSING, _shift(TABLE, "in_domain", "out_of_domain"), unit=_losing),
        _change(
            f"relative change, trained on {EACH}",
            (Select(TABLE, "in_domain"), Select(TABLE, "out_of_domain", group=EACH)),
            of_means=relative_change,
        ),
    ),
    note="Out-of-domain: a query's mean over the other collections.",
)

_SUCCESS, _BASELINE_SUCCESS = Select("success", "attacked"), Select("success", "control")
DOCUMENT_ATTACK = Table(
    name="document-attack",
    caption="Attacks on documents: ASR, top-k success and boost, beside the random-edit baseline",
    task="document-attack",
    rows=ATTACKED,
    units="targets",
    columns=(
        _low_share("ASR", (_SUCCESS,)),
        _share("ASR of the random-edit baseline", (_BASELINE_SUCCESS,), compare=False),
        _low_share("ASR - baseline", (_SUCCESS, _BASELINE_SUCCESS), unit=np.subtract, paired=True, signed=True),
        _low_share("ASR above noise", (Select("success_above_noise", "attacked"),)),
        _low_share(f"top-{EACH} success", (Select("success", "attacked", cutoff=EACH),)),
        Column("boost (mean rank improvement)", (Select("boost", "attacked"),), digits=1, higher_is_better=False),
        _plain("median boost", (Select("boost", "attacked"),), statistic=_median, digits=1, higher_is_better=False),
        Column("normalised boost", (Select("normalised_boost", "attacked"),), higher_is_better=False),
        _plain("spill", (Select("spill", "attacked"),), digits=2),
        _plain("edited targets", (Select("edits", "attacked"),), statistic=_count_positive, digits=0, exact=True),
        _change(
            "relative change of nDCG@10",
            _shift("nDCG@10", "clean", "attacked"),
            of_means=relative_change,
            units="queries",
        ),
    ),
)

_PUBLISHED = "as computed by the published scripts"
DOCUMENT_COST = Table(
    name="document-attack-cost",
    caption="Cost of the attacks on documents: means over targets",
    task="document-attack",
    rows=ATTACKED,
    units="targets",
    columns=(
        _plain("queries to the victim", (Select("queries"),), digits=1),
        _plain("reranks", (Select("reranks"),), digits=1),
        _plain("forward passes", (Select("model_calls"),), digits=1),
        _plain("queries to prepare", (Select("queries", group="prepare"),), digits=0, exact=True, units=""),
        _plain("edits", (Select("edits", "attacked"),), digits=1),
        _of_text("words changed", (Select("words_changed", "attacked"),)),
        _of_text("edited words not read", (Select("edits_unseen", "attacked"),)),
        _of_text("characters changed", (Select("characters_changed", "attacked"),)),
        _plain("tokens added", (Select("tokens_added", "attacked"),), digits=1),
        _plain("boost of the random-edit baseline", (Select("boost", "control"),), digits=1),
        _share(f"ASR {_PUBLISHED}", (Select("success", "published_script"),), compare=False),
        _plain(f"boost {_PUBLISHED}", (Select("boost", "published_script"),), digits=1),
    ),
)


def _looks(measure: str, **more: object) -> tuple[Column, ...]:
    named = {"clean": "clean", "attacked": "attacked", "control": "random edit"}
    column = functools.partial(_plain, **more)
    return tuple(column(f"{measure}, {name}", (Select(measure, condition),)) for condition, name in named.items())


DOCUMENT_STEALTH = Table(
    name="document-attack-stealth",
    caption="Stealth: spamicity, similarity to the clean text and median PPL of attacked documents",
    task="document-attack",
    rows=ATTACKED,
    units="targets",
    columns=(*_looks("spamicity"), *_looks("similarity"), *_looks("perplexity", statistic=_median, digits=1)),
)

DOCUMENT_CHECKED = Table(
    name="document-attack-certificates",
    caption="Empirical check of certificates: targets that attacks on certified lists did not bring into the top K",
    task="document-attack",
    rows=ATTACKED,
    units="targets",
    columns=(_share(f"no violation@{EACH}", (Select("certificate_check", "attacked", k=EACH),), compare=False),),
    note="Below 100 % a certificate is wrong, or its estimate of the score is; such rows are errors of the run.",
)

_ANOMALY = (Select("anomaly_score", "attacked"), Select("anomaly_score", "clean"))
DOCUMENT_DETECTED = Table(
    name="document-attack-detection",
    caption="Detection of edited documents, against the same documents clean",
    task="document-attack",
    rows=ATTACKED,
    units="targets",
    columns=(
        _share("flagged, attacked", (Select("flagged", "attacked"),), compare=False),
        _share("flagged, clean", (Select("flagged", "clean"),), compare=False),
        _plain("AUC", (Select("AUC"),)),
        _share(
            "detection rate at FPR 5 %",
            _ANOMALY,
            statistic=functools.partial(detection_rate, target_fpr=0.05),
            compare=False,
        ),
    ),
)

IMITATION = Table(
    name="imitation",
    caption="Agreement of an imitation model with its victim on test queries",
    task="imitation",
    columns=(
        _plain("queries to the victim", (Select("queries", group="prepare"),), digits=0, exact=True, units=""),
        _plain("overlap@10", (Select("overlap@10"),)),
        _plain("RBO", (Select("RBO"),)),
        _plain("Kendall's tau distance", (Select("Kendall's tau distance"),)),
    ),
)


def _certified(k: int | str, radius: str, group: str = "") -> Select:
    return Select(CERTIFIED, k=k, radius=radius, group=group)


CERTIFIED_TOPK = Table(
    name=f"certified-topk-r-{TABLE}",
    caption=f"Certified top-K robustness at radius R = {TABLE}: queries whose top K no allowed edit can enter (CRQ)",
    task="certified-topk",
    each=Select("rho", radius=TABLE),
    columns=(
        _share(f"CRQ@{EACH}", (_certified(EACH, TABLE),), higher_is_better=True),
        _share(f"CRQ@{EACH}, published bound", (_certified(EACH, TABLE, "paper"),), compare=False),
        _plain("rho", (Select("rho", radius=TABLE),)),
        _plain("samples per document", (Select("samples", radius=TABLE),), digits=0),
    ),
)

TRADE_OFF = Table(
    name="certified-topk-trade-off",
    caption="CRQ-effectiveness trade-off: CRQ by certified radius R, and effectiveness on clean lists",
    task="certified-topk",
    columns=(
        *(
            _share(f"CRQ@{k}, R = {EACH}", (_certified(k, EACH),), higher_is_better=True, compare=False)
            for k in (1, 5, 10)
        ),
        Column(f"{EACH}, defended", (Select(EACH), Select(EACH, "undefended")), higher_is_better=True),
        _plain(f"{EACH}, undefended", (Select(EACH, "undefended"),)),
        _change(f"relative change of {EACH}", (Select(EACH), Select(EACH, "undefended")), of_means=_change_by_defense),
        _share("words with overlap < 1", (Select("overlap_below_1"),), compare=False),
        _plain("least overlap", (Select("overlap_least"),)),
    ),
    note="Overlap 1 throughout: trivially certified, as the canonical ranker certifies without a sample.",
)

_CHECKED = Select(ROBUST, "attacked", k=EACH, radius=TABLE)
CERTIFIED_ATTACKED = Table(
    name=f"certified-topk-r-{TABLE}-attacked",
    caption=f"CRQ (lower bound) and empirical robustness (upper bound) at R = {TABLE}, over attacked lists",
    task="certified-topk",
    each=Select(ATTACKED_TEXTS, radius=TABLE),
    columns=(
        _share(f"CRQ@{EACH}", (_certified(EACH, TABLE), _CHECKED), compare=False),
        _share(f"empirically robust@{EACH}", (_CHECKED, _certified(EACH, TABLE)), compare=False),
        _share(
            f"empirically robust@{EACH}, any attack",
            (Select(ROBUST, "attacked", k=EACH, group=ANY_ATTACK), _certified(EACH, TABLE)),
            compare=False,
        ),
        _plain("attacked texts per query", (Select(ATTACKED_TEXTS, radius=TABLE),), digits=1),
    ),
)

ROBUSTNESS = (  # what says of each task how robust a ranker is
    _plain("VNAP", _AP, statistic=vnap, higher_is_better=False, task="iid-variance"),
    *(
        _change(f"relative change of nDCG@10, {title}", _shift("nDCG@10", *pair), of_means=relative_change, task=task)
        for title, pair, task in (
            ("unseen query types", ("seen", "unseen"), "ood-query"),
            ("out-of-domain", ("in_domain", "out_of_domain"), "ood-corpus"),
            ("query attacks", ("clean", "attacked"), "query-attack"),
            ("document attacks", ("clean", "attacked"), "document-attack"),
        )
    ),
    _low_share("ASR, document attacks", (_SUCCESS,), task="document-attack", units="targets"),
)

SUMMARY = Table(
    name="summary",
    caption="Summary: one row per ranker, one figure per task",
    task="",
    units="",
    columns=(
        Column("nDCG@10", (Select("nDCG@10"),), higher_is_better=True, task="iid-variance"),
        *ROBUSTNESS,
        _share(f"CRQ@10, R = {EACH}", (_certified(10, EACH),), higher_is_better=True, task="certified-topk"),
    ),
    note="Figures of attacks are means over the attacks, whatever their budgets.",
)

FAMILIES = Table(
    name="families",
    caption="Families of rankers: mean over their undefended rankers, and rank among the families (1: most robust)",
    task="",
    units="rankers",
    columns=tuple(replace(column, compare=False) for column in ROBUSTNESS),
    note="A family without a figure is not ranked there; equal figures share a rank. Mean rank: over tasks.",
)

TABLES: tuple[Table, ...] = (
    IID,
    OOD_QUERY,
    OOD_QUERY_TYPES,
    OOD_CORPUS,
    QUERY_ATTACK,
    QUERY_COST,
    DOCUMENT_ATTACK,
    DOCUMENT_COST,
    DOCUMENT_STEALTH,
    DOCUMENT_CHECKED,
    DOCUMENT_DETECTED,
    IMITATION,
    CERTIFIED_TOPK,
    TRADE_OFF,
    CERTIFIED_ATTACKED,
)
