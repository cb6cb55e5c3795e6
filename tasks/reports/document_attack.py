"""Attacks on documents: success beside the random edit, cost, stealth, certificates, detection."""

from __future__ import annotations

import functools

import numpy as np

from robustrank.measures.detection import detection_rate
from robustrank.tables import EACH, Column, Figure, Select, Table, TaskReport

from .columns import ATTACKED, change, count_positive, low_share, median, of_text, plain, share, shift

_SUCCESS, _CONTROL = Select("success", "attacked"), Select("success", "control")
_BASELINE = "ASR of the random-edit baseline"
_PUBLISHED = "as computed by the published scripts"
_ANOMALY = (Select("anomaly_score", "attacked"), Select("anomaly_score", "clean"))
_FPR = (0.0, 0.01, 0.02, *(round(0.05 * number, 2) for number in range(1, 21)))  # of the ROC curve
_PREPARE = plain(
    "queries to prepare", (Select("queries", group="prepare"),), id="prepare", digits=0, exact=True, units=""
)
_of_targets = functools.partial(Table, rows=ATTACKED, units="targets")


def _looks(measure: str, **more: object) -> tuple[Column, ...]:
    named = {"clean": "clean", "attacked": "attacked", "control": "random edit"}
    column = functools.partial(plain, **more)
    return tuple(column(f"{measure}, {name}", (Select(measure, condition),)) for condition, name in named.items())


REPORT = TaskReport(
    tables=(
        _of_targets(
            name="document-attack",
            title="Attacks on documents: ASR, top-k success and boost, beside the random-edit baseline",
            headline=1,
            columns=(
                low_share("ASR", (_SUCCESS,), id="asr"),
                share(_BASELINE, (_CONTROL,), id="control-asr", compare=False),
                low_share(
                    "ASR - baseline", (_SUCCESS, _CONTROL), id="asr-difference", unit=np.subtract, paired=True,
                    signed=True,
                ),
                low_share(f"top-{EACH} success", (Select("success", "attacked", cutoff=EACH),)),
                Column(
                    "boost (mean rank improvement)", (Select("boost", "attacked"),), id="boost", digits=1,
                    higher_is_better=False,
                ),
                plain("queries to the victim", (Select("queries"),), id="queries", digits=1),
                plain(
                    "edited targets", (Select("edits", "attacked"),), id="edited", statistic=count_positive, digits=0,
                    exact=True,
                ),
                low_share("ASR above noise", (Select("success_above_noise", "attacked"),), id="asr-above-noise"),
                plain(
                    "median boost", (Select("boost", "attacked"),), statistic=median, digits=1, higher_is_better=False
                ),
                Column("normalised boost", (Select("normalised_boost", "attacked"),), higher_is_better=False),
                plain("spill", (Select("spill", "attacked"),), digits=2),
                change("change of nDCG@10", shift("nDCG@10", "clean", "attacked"), units="queries"),
            ),
        ),
        _of_targets(
            name="document-attack-cost",
            title="Cost of the attacks on documents: means over targets",
            columns=(
                plain("queries to the victim", (Select("queries"),), id="queries", digits=1),
                plain("reranks", (Select("reranks"),), digits=1),
                plain("forward passes", (Select("model_calls"),), id="model-calls", digits=1),
                _PREPARE,
                plain("edits", (Select("edits", "attacked"),), digits=1),
                of_text("words changed", (Select("words_changed", "attacked"),)),
                of_text("edited words not read", (Select("edits_unseen", "attacked"),), id="edits-unseen"),
                of_text("words of the target read", (Select("coverage", "clean"),), id="coverage"),
                of_text("characters changed", (Select("characters_changed", "attacked"),)),
                plain("tokens added", (Select("tokens_added", "attacked"),), digits=1),
                plain("boost of the random-edit baseline", (Select("boost", "control"),), digits=1),
                plain("noise floor", (Select("noise_boost", "control"),), id="noise-floor", digits=1),
                of_text("unparsable, attacked", (Select("unparsable", "attacked"),), id="unparsable"),
                share(f"ASR {_PUBLISHED}", (Select("success", "published_script"),), compare=False),
                plain(f"boost {_PUBLISHED}", (Select("boost", "published_script"),), digits=1),
            ),
        ),
        _of_targets(
            name="document-attack-stealth",
            title="Stealth: spamicity, similarity to the clean text and median PPL of attacked documents",
            columns=(*_looks("spamicity"), *_looks("similarity"), *_looks("perplexity", statistic=median, digits=1)),
        ),
        _of_targets(
            name="document-attack-certificates",
            title="Check of certificates: targets that attacks on certified lists did not bring into the top K",
            columns=(
                share(f"no violation@{EACH}", (Select("certificate_check", "attacked", k=EACH),), compare=False),
                share(
                    f"not broken@{EACH}, exact ranker",
                    (Select("certificate_check", "attacked", k=EACH, group="exact ranker"),),
                    compare=False,
                ),
            ),
            note="A violation of a certificate of the served list is an error; the exact ranker's does not exclude it.",
        ),
        _of_targets(
            name="document-attack-detection",
            title="Detection of edited documents, against the same documents clean",
            columns=(
                share("flagged, attacked", (Select("flagged", "attacked"),), compare=False),
                share("flagged, clean", (Select("flagged", "clean"),), compare=False),
                plain("AUC", (Select("AUC"),), id="auc"),
                share(
                    "detection rate at FPR 5 %", _ANOMALY, id="detection-rate",
                    statistic=functools.partial(detection_rate, target_fpr=0.05), compare=False,
                ),
                share(
                    f"flagged candidates, {EACH}", (Select("flagged_candidates", "clean", group=EACH),),
                    units="queries", compare=False,
                ),
            ),
        ),
    ),
    figures=(
        Figure(
            name="trade-off-document-attack",
            title="Effectiveness against robustness to attacks on documents",
            kind="scatter",
            columns=(
                plain("nDCG@10 of clean lists", (Select("nDCG@10", "clean"),), units="queries"),
                plain("1 - ASR", (_SUCCESS,), unit=lambda success: 1 - success),
            ),
        ),
        Figure(
            name="budget",
            title="ASR against the size of the edit, beside the random-edit baseline (dashed)",
            kind="lines",
            rows=ATTACKED,
            x="column",
            y_title="ASR (%)",
            merged="x",
            columns=(
                plain("budget", (Select("budget"),)),
                share("ASR", (_SUCCESS,), compare=False),
                share(_BASELINE, (_CONTROL,), compare=False),
            ),
            dashed=(_BASELINE,),
        ),
        Figure(
            name="roc",
            title="ROC curves of the detectors, edited against clean documents (mark: the detector's threshold)",
            kind="lines",
            rows=ATTACKED,
            x="value",
            x_title="FPR (clean documents flagged)",
            y_title="detection rate",
            columns=(
                *(
                    plain(
                        f"{rate:g}", _ANOMALY, statistic=functools.partial(detection_rate, target_fpr=rate), exact=True
                    )
                    for rate in _FPR
                ),
                *(plain(name, (Select("flagged", name),), exact=True) for name in ("clean", "attacked")),
            ),
            marked=("clean", "attacked"),
        ),
    ),
    summary=(
        change(
            "change of nDCG@10, document attacks", shift("nDCG@10", "clean", "attacked"), id="document-attack-change"
        ),
        low_share("ASR, document attacks", (_SUCCESS,), id="asr", units="targets"),
    ),
)  # fmt: skip
