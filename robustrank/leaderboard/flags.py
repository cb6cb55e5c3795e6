"""The flags of an entry: what its rows say against its figures. None is typed, and none is taken off by hand."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from robustrank.measures.ties import DEGENERATE
from robustrank.rows import Coordinates

_TARGET = ["seed", "query_id", "doc_id"]


def flags(rows: pd.DataFrame, cells: Sequence[Coordinates], is_contradicted: bool = False) -> list[str]:
    """Return the flags that rows give, in alphabetical order.

    Args:
        rows: Those of the submitter's run, see :func:`robustrank.analysis.load.load_rows`.
        cells: Its cells.
        is_contradicted: Whether an attack of another run entered a certified list.
    """
    shares = {
        "degenerate-scores": _degenerate(rows),
        "noise-floor": _mean(rows, "noise_boost", "control"),
        "parse-failures": max(_mean(rows, "unparsable", condition) for condition in ("", "clean", "attacked")),
    }
    facts = {
        "certificate-contradicted": is_contradicted or _breaks_certificates(rows),
        "masked-gradients": _masks_gradients(rows, cells),
        "not-adaptively-attacked": _is_not_adaptively_attacked(rows, cells),
        "randomised": _is_randomised(rows, cells),
    }
    named = [f"{name}:{share:.3f}" for name, share in shares.items() if share > 0]
    return sorted([*named, *(name for name, is_so in facts.items() if is_so)])


def is_adaptive(rows: pd.DataFrame, cells: Sequence[Coordinates]) -> bool:
    """Return whether some attack queries the system as it is served, its defense included."""
    return not any(cell.attack for cell in cells) or not _attacks_without_feedback(rows)


def _degenerate(rows: pd.DataFrame) -> float:
    """Return the share of queries with a list of which over 20 % of the scores are equal to another."""
    lists = rows[(rows["query_id"] != "") & (rows["doc_id"] == "") & rows["value"].notna()]
    noted = lists[lists["note"].str.startswith(DEGENERATE)]
    return noted["query_id"].nunique() / lists["query_id"].nunique() if len(lists) else 0.0


def _mean(rows: pd.DataFrame, measure: str, condition: str) -> float:
    values = rows[(rows["measure"] == measure) & (rows["condition"] == condition)]["value"].dropna()
    return float(values.mean()) if len(values) else 0.0


def _breaks_certificates(rows: pd.DataFrame) -> bool:
    """Return whether an attack of the run entered a certified served list."""
    checks = rows[(rows["measure"] == "certificate_check") & (rows["group"] == "")]
    return bool((checks["value"] == 0).any())


def _masks_gradients(rows: pd.DataFrame, cells: Sequence[Coordinates]) -> bool:
    """Return whether an attack by transfer breaks more targets than the same attack by its gradients."""
    surrogates = {
        cell.key: str(cell.attack.parameters["surrogate"])
        for cell in cells
        if cell.attack and cell.status == "done" and "surrogate" in cell.attack.parameters
    }
    wanted = (rows["measure"] == "success") & (rows["condition"] == "attacked") & rows["cutoff"].isna()
    success = rows[wanted & rows["cell"].isin(surrogates)]
    for _, of_attack in success.groupby(["task", "attack_name"]):
        surrogate = of_attack["cell"].map(surrogates)
        direct, transferred = of_attack[surrogate == "victim"], of_attack[surrogate != "victim"]
        common = direct[_TARGET].merge(transferred[_TARGET])
        if len(common) and _broken(transferred, common) > _broken(direct, common):
            return True
    return False


def _broken(success: pd.DataFrame, targets: pd.DataFrame) -> int:
    """Return how many of the targets some cell breaks."""
    return int(success.merge(targets.drop_duplicates()).groupby(_TARGET)["value"].max().sum())


def _is_not_adaptively_attacked(rows: pd.DataFrame, cells: Sequence[Coordinates]) -> bool:
    """Return whether there is a defense, and attacks on it of which none queries the defended system."""
    is_defended = any(cell.defense.name != "none" for cell in cells)
    return is_defended and any(cell.attack for cell in cells) and _attacks_without_feedback(rows)


def _attacks_without_feedback(rows: pd.DataFrame) -> bool:
    victim_queries = rows[(rows["measure"] == "queries") & (rows["doc_id"] != "") & (rows["group"] == "")]
    return not (victim_queries["value"] > 0).any()


def _is_randomised(rows: pd.DataFrame, cells: Sequence[Coordinates]) -> bool:
    """Return whether a model samples its answers, or repeats of a list differ."""
    repeats = rows[(rows["measure"] == "tau") & (rows["group"] == "repeats")]["value"]
    samples = any(float(cell.ranker.parameters.get("temperature") or 0) > 0 for cell in cells)
    return samples or bool((repeats < 1).any())
