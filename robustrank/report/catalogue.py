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
from robustrank.report.tables import Column, Table, Values

TAU = 0.1  # a drop of a query's measure by more than this is counted; the cut is ours
EPS = 1e-5  # GMAP's, as trec_eval

ATTACKED = ("attack", "ranker", "defense")


def _log(values: Values) -> Values:
    return np.log(np.maximum(values, EPS))


def drop(clean: Values, shifted: Values) -> Values:
    """Return drop rates from means: (shifted - clean) / clean; nan where the clean mean is 0."""
    return ratio(np.subtract(shifted, clean), clean)


def _defended_change(defended: Values, undefended: Values) -> Values:
    return drop(undefended, defended)


def _dropped(clean: Values, shifted: Values) -> NDArray[np.bool_]:
    lost: NDArray[np.bool_] = clean - shifted > TAU
    return lost


def _median(values: Values) -> float:
    return float(np.median(values))


_RATES = "Drop rates are ratios of means, ({0} - {1}) / {1}; negative is a loss."


def _drops(shifted: str, clean: str) -> str:
    return f"{_RATES.format(shifted, clean)} Queries dropping: the share that loses more than {TAU:g}, a cut of ours."


_percent = functools.partial(Column, percent=True, digits=1)
_low_percent = functools.partial(_percent, higher_is_better=False)
_ratio = functools.partial(_percent, higher_is_better=True, compare=False)
_plain = functools.partial(Column, compare=False)

IID = Table(
    name="iid-variance",
    caption="Performance on i.i.d. queries: level, variance and the worst-served queries.",
    task="iid-variance",
    columns=(
        Column("*", ("*",), higher_is_better=True),
        _plain("Var(AP)", ("AP",), statistic=variance, higher_is_better=False),
        _plain("VNAP", ("AP",), statistic=vnap, higher_is_better=False),
        _plain("AP, lowest 10 %", ("AP",), statistic=poor_queries, higher_is_better=True),
        _plain(
            "AP, lowest 25 %", ("AP",), statistic=functools.partial(poor_queries, percent=25), higher_is_better=True
        ),
        _plain("AP, hard set", ("AP",), statistic=hard_set_mean, reference=("AP",), higher_is_better=True),
        Column("GMAP", ("AP",), unit=_log, statistic=functools.partial(gmap, eps=EPS), higher_is_better=True),
        _plain("RI", ("AP",), statistic=reliability_of_improvement, reference=("AP",), higher_is_better=True),
        _plain("URisk", ("AP",), statistic=urisk, reference=("AP",), higher_is_better=True),
    ),
    note=(
        "VNAP: variance of AP / MAP. Lowest 10 % and 25 %: of the ranker's own queries; hard set: the lowest 10 % "
        "under the baseline. GMAP is tested by means of log AP. RI and URisk (alpha 1) are against the baseline."
    ),
)

QUERY_ATTACK = Table(
    name="query-attack-*",
    caption="Perturbed queries: * of the queries as they are, of their variants, and of each query's worst variant.",
    task="query-attack",
    each="*/clean",
    rows=ATTACKED,
    columns=(
        Column("clean", ("*/clean",), higher_is_better=True),
        Column("attacked", ("*/attacked",), higher_is_better=True),
        _ratio("drop rate", ("*/clean", "*/attacked"), of_means=drop),
        Column("worst", ("*/worst",), higher_is_better=True),
        _ratio("worst drop rate", ("*/clean", "*/worst"), of_means=drop),
        _low_percent("queries dropping", ("*/clean", "*/attacked"), unit=_dropped),
    ),
    note=_drops("attacked", "clean"),
)

_OTHERS = "Rankers that are not trained have the first column only, for nothing is new to them. "
OOD_QUERY = Table(
    name="ood-query-*",
    caption="Unforeseen types of queries: * of the rankers trained with each query's type, and without it.",
    task="ood-query",
    each="*/seen",
    columns=(
        Column("seen", ("*/seen",), higher_is_better=True),
        Column("unseen", ("*/unseen",), higher_is_better=True),
        _ratio("drop rate", ("*/seen", "*/unseen"), of_means=drop),
        _low_percent("queries dropping", ("*/seen", "*/unseen"), unit=_dropped),
    ),
    note=_OTHERS + _drops("unseen", "seen"),
)

OOD_QUERY_TYPES = Table(
    name="ood-query-*-types",
    caption="Unforeseen types of queries: the drop rate of * by the type that training left out (number of queries).",
    task="ood-query",
    units="",
    each="*/seen",
    columns=(_ratio("**", ("*/seen/**", "*/unseen/**"), of_means=drop, counted=True),),
    note=_RATES.format("unseen", "seen"),
)

OOD_CORPUS = Table(
    name="ood-corpus-*",
    caption="Unforeseen corpora: * of the rankers trained at home, and of those trained on other collections (there).",
    task="ood-corpus",
    each="*/in_domain",
    columns=(
        Column("in-domain", ("*/in_domain",), higher_is_better=True),
        Column("out-of-domain", ("*/out_of_domain",), higher_is_better=True),
        _ratio("drop rate", ("*/in_domain", "*/out_of_domain"), of_means=drop),
        _low_percent("queries dropping", ("*/in_domain", "*/out_of_domain"), unit=_dropped),
        _ratio("drop rate from **", ("*/in_domain", "*/out_of_domain/**"), of_means=drop),
    ),
    note=_OTHERS + "Out-of-domain: a query's mean over the other collections. " + _drops("out-of-domain", "in-domain"),
)

DOCUMENT_ATTACK = Table(
    name="document-attack",
    caption="Attacked documents: how many targets rise, how far, and how many rise by a random edit of the same size.",
    task="document-attack",
    rows=ATTACKED,
    units="targets",
    columns=(
        _low_percent("success", ("success",)),
        _low_percent("above noise", ("success_above_noise",)),
        _low_percent("top 10", ("top10",)),
        _low_percent("top 50", ("top50",)),
        Column("boost", ("boost",), digits=1, higher_is_better=False),
        _plain("median boost", ("boost",), statistic=_median, digits=1, higher_is_better=False),
        Column("norm. boost", ("normalised_boost",), higher_is_better=False),
        _percent("control success", ("control/success",), compare=False),
        _low_percent("success - control", ("success", "control/success"), unit=np.subtract, paired=True),
        _plain("edited", ("control/success",), statistic=np.size, digits=0, exact=True),
        _ratio("nDCG@10 drop rate", ("nDCG@10/clean", "nDCG@10/attacked"), of_means=drop),
    ),
    note=(
        "From the ranker's side: the best line is the most robust. Top 10 and top 50 are among targets that were "
        "outside; control figures among targets the attack edited (edited: their number, a mean over seeds); "
        "the drop rate is a ratio of means."
    ),
)

DOCUMENT_COST = Table(
    name="document-attack-cost",
    caption="What the attacks on documents cost, and their success as the published scripts would count it.",
    task="document-attack",
    rows=ATTACKED,
    units="targets",
    columns=(
        _plain("queries", ("queries",), digits=1),
        _plain("calls", ("calls",), digits=1),
        _plain("queries to prepare", ("prepare/queries",), digits=0),
        _plain("edits", ("edits",), digits=1),
        _percent("words changed", ("words_changed",), compare=False),
        _plain("characters", ("characters_changed",), digits=1),
        _plain("tokens added", ("tokens_added",), digits=1),
        _plain("control boost", ("control/boost",), digits=1),
        _percent("legacy success", ("legacy/success",), compare=False),
        _plain("legacy boost", ("legacy/boost",), digits=1),
    ),
    note="Queries, calls and sizes are means a target. Legacy: the target's old score left in the list.",
)

DOCUMENT_STEALTH = Table(
    name="document-attack-stealth",
    caption="What attacked documents look like, beside what they were and beside the random edit of the same size.",
    task="document-attack",
    rows=ATTACKED,
    units="targets",
    columns=(
        _plain("spamicity before", ("spamicity/before",)),
        _plain("spamicity", ("spamicity",)),
        _plain("spamicity, control", ("control/spamicity",)),
        _plain("similarity", ("similarity",)),
        _plain("similarity, control", ("control/similarity",)),
        _plain("perplexity before", ("perplexity/before",), statistic=_median, digits=1),
        _plain("perplexity", ("perplexity",), statistic=_median, digits=1),
        _plain("perplexity, control", ("control/perplexity",), statistic=_median, digits=1),
    ),
    note=(
        "Spamicity: how much the text repeats the query's terms (OSD). Similarity: cosine of the encoder's vectors of "
        "the text before and after. Perplexity: medians, under the language model that the task names."
    ),
)

DOCUMENT_HELD = Table(
    name="document-attack-certified",
    caption="Attacks confined to the table, held against certified lists: the share of certified targets kept out.",
    task="document-attack",
    rows=ATTACKED,
    units="targets",
    columns=(_percent("held@*", ("held@*",), compare=False),),
    note="Below 100 % a certificate is wrong, or its estimate of the score is: such rows are errors of the run.",
)

DOCUMENT_DETECTED = Table(
    name="document-attack-detection",
    caption="Attacked documents before a detector: how many it flags, of them and of the same documents as they were.",
    task="document-attack",
    rows=ATTACKED,
    units="targets",
    columns=(
        _percent("flagged", ("flagged",), compare=False),
        _percent("flagged before", ("flagged/before",), compare=False),
        _plain("AUC", ("AUC",)),
        _percent(
            "detected at FPR .05",
            ("suspicion", "suspicion/before"),
            statistic=functools.partial(detection_rate, target_fpr=0.05),
            compare=False,
        ),
    ),
    note=(
        "AUC: the area under the ROC curve, edited documents against the same documents as they were. At FPR .05: "
        "the share of edited documents more suspicious than all but 5 % of the same documents as they were."
    ),
)

IMITATION = Table(
    name="imitation",
    caption="Imitation: agreement of a surrogate with its victim on queries it was not taught.",
    task="imitation",
    columns=(
        _plain("victim's queries", ("prepare/queries",), digits=0, exact=True),
        _plain("overlap@10", ("overlap@10",)),
        _plain("RBO", ("RBO",)),
        _plain("Kendall's tau distance", ("Kendall's tau distance",)),
    ),
    note="RBO with p = .7, truncated. The distance is 0 for equal orders and 1 for reversed ones.",
)

_THREAT = (
    "R: the most words of a document that an attacker replaces by substitutes of the defense's own table, under random "
    "masking by any words at all; tables of different widths are different threats."
)
CERTIFIED = Table(
    name="certified-topk-r-*",
    caption="Certified top-K robustness, R = *: the share of queries whose top K no allowed edit can enter (CRQ).",
    task="certified-topk",
    each="rho/R=*",
    columns=(
        _percent("CRQ@**", ("certified@**/R=*",), higher_is_better=True),
        _percent("CRQ@** paper", ("certified@**/R=*/paper",), compare=False),
        _plain("rho", ("rho/R=*",)),
        _plain("samples", ("samples/R=*",), digits=0),
    ),
    note=(
        f"{_THREAT} Paper: the published bound, beside ours that hold for the whole list at once. Rho: no edit moves a "
        "smoothed probability by more than 1 - rho, a mean over documents. Samples: scored copies a document."
    ),
)

FRONTIER = Table(
    name="certified-topk-frontier",
    caption="What is certified, and at which price: CRQ by the words that an attacker may replace, and clean lists.",
    task="certified-topk",
    columns=(
        *(_percent(f"CRQ@{k}, R=*", (f"certified@{k}/R=*",), higher_is_better=True, compare=False) for k in (1, 5, 10)),
        Column("* defended", ("*", "*/undefended"), higher_is_better=True),
        _plain("* undefended", ("*/undefended",)),
        _ratio("* change", ("*", "*/undefended"), of_means=_defended_change),
        _percent("overlap < 1", ("overlap_below_1",), compare=False),
        _plain("least overlap", ("overlap_least",)),
    ),
    note=(
        f"{_THREAT} Overlap < 1: the share of words with an overlap below 1; least: of a list's words. Where every "
        "overlap is 1 the certificate is trivial: the canonical ranker certifies as much without a sample."
    ),
)

CERTIFIED_ATTACKED = Table(
    name="certified-topk-r-*-attacked",
    caption="Certified beside empirical robustness, R = *: the queries that both speak of.",
    task="certified-topk",
    each="attacks/R=*",
    columns=(
        _percent("CRQ@**", ("certified@**/R=*", "unbroken@**/R=*"), compare=False),
        _percent("kept@**", ("unbroken@**/R=*", "certified@**/R=*"), compare=False),
        _percent("kept@**, any attack", ("unbroken@**/any", "certified@**/R=*"), compare=False),
        _plain("attacked texts", ("attacks/R=*",), digits=1),
    ),
    note=(
        "Kept: the share of queries whose top K no attack of the run entered that replaced at most R words by "
        "substitutes of the defense's table; any attack: whatever it edits, which no certificate is about. Attacks met "
        "a sample of the documents outside the top K, and not the worst edit of each: kept is an upper bound of "
        "robustness, CRQ a lower one. Attacked texts: a query, within the table and R."
    ),
)

ROBUSTNESS = (  # what says of each task how robust a ranker is
    _plain("VNAP", ("AP",), statistic=vnap, higher_is_better=False, task="iid-variance"),
    _ratio("unseen queries, drop rate", ("nDCG@10/seen", "nDCG@10/unseen"), of_means=drop, task="ood-query"),
    _ratio(
        "other corpora, drop rate", ("nDCG@10/in_domain", "nDCG@10/out_of_domain"), of_means=drop, task="ood-corpus"
    ),
    _ratio("query attack, drop rate", ("nDCG@10/clean", "nDCG@10/attacked"), of_means=drop, task="query-attack"),
    _ratio("document attack, drop rate", ("nDCG@10/clean", "nDCG@10/attacked"), of_means=drop, task="document-attack"),
    _low_percent("document attack, success", ("success",), task="document-attack"),
)

SUMMARY = Table(
    name="summary",
    caption="Summary: one line a ranker, one figure a task.",
    task="",
    units="",
    columns=(
        Column("nDCG@10", ("nDCG@10",), higher_is_better=True, task="iid-variance"),
        *ROBUSTNESS,
        _percent("CRQ@10, R=*", ("certified@10/R=*",), higher_is_better=True, task="certified-topk"),
    ),
    note="Figures of attacks are means over the attacks, whatever their budgets; drop rates are those of nDCG@10.",
)

FAMILIES = Table(
    name="families",
    caption="Families of rankers: how robust each is on each task, and its rank among the families (1: most robust).",
    task="",
    units="rankers",
    columns=tuple(replace(column, compare=False) for column in ROBUSTNESS),
    note=(
        "A figure is the mean over the family's undefended rankers that have it (their number is the CSV's units); "
        "a family without one is not ranked there. Equal figures share a rank. Mean rank: over the tasks the family "
        "is ranked on, where figures of one task count as one. Intervals stand with the rankers, in the summary."
    ),
)

TABLES: tuple[Table, ...] = (
    IID,
    OOD_QUERY,
    OOD_QUERY_TYPES,
    OOD_CORPUS,
    QUERY_ATTACK,
    DOCUMENT_ATTACK,
    DOCUMENT_COST,
    DOCUMENT_STEALTH,
    DOCUMENT_HELD,
    DOCUMENT_DETECTED,
    IMITATION,
    CERTIFIED,
    FRONTIER,
    CERTIFIED_ATTACKED,
)
