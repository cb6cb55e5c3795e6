"""The part on detection of docs/defenses-figures.md, from the rows of results/detection, by code of its own."""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tests.result_rows import published_rows

FOLDER = Path(__file__).parents[1] / "results" / "detection"
COLUMNS = ("attack", "detector", "trained on", "AUC", "flagged attacked %", "flagged clean %", "detected % at FPR 5 %")
DRAWS = 1000
ABOUT = """
## Detection of attacks that were not seen

`results/detection` (`{command}`):
{pairs} passages of MS MARCO for each attack of DARA, as they were and as IDEM, PAT or PRADA wrote them. These attacks
did not query the detectors: **none of these figures is of an adaptive attack**. The learned filter is trained on the
two other attacks, or on all; predictions are out-of-fold by query and document. 95 % bootstrap CIs over queries. The
rows have no texts.

"""


def detection() -> str:
    """Return the section."""
    of = scores()
    pairs = {len(found["clean"]) for found in of.values()}
    assert len(pairs) == 1, "as many pairs of each attack"
    command = json.loads((FOLDER / "provenance.json").read_text(encoding="utf-8"))["command"]
    lines = [
        ABOUT.format(command=command, pairs=pairs.pop()),
        f"| {' | '.join(COLUMNS)} |\n",
        "|---" * len(COLUMNS),
        "|\n",
    ]
    lines += [f"| {' | '.join([*names, *figures(found)])} |\n" for names, found in of.items()]
    return "".join(lines)


def scores() -> dict[tuple[str, str, str], dict[str, list[tuple[str, float, float]]]]:
    """Return (query id, anomaly score, flagged) by attack, detector and training, and by condition."""
    found: dict = {}
    for row in published_rows("detection"):
        names = tuple(row[name].replace("valid.", "") for name in ("tested_on", "detector", "trained_on"))
        values = (row["query_id"], float(row["anomaly_score"]), float(row["flagged"]))
        found.setdefault(names, defaultdict(list))[row["condition"]].append(values)
    return found


def figures(found: dict[str, list[tuple[str, float, float]]]) -> list[str]:
    """Return the cells of a line."""
    queries = [query for query, _, _ in found["clean"]]
    assert queries == [query for query, _, _ in found["attacked"]]
    clean, attacked = (np.array([score for _, score, _ in found[name]]) for name in ("clean", "attacked"))
    flagged = [100 * np.mean([flag for _, _, flag in found[name]]) for name in ("attacked", "clean")]
    areas, rates = zip(
        *(_figures(clean[of], attacked[of]) for of in [np.arange(len(clean)), *resamples(queries)]), strict=True
    )
    (low, high), (least, most) = (np.percentile(values[1:], (2.5, 97.5)) for values in (areas, rates))
    first, low, high = (f"{value:.3f}".removeprefix("0") for value in (areas[0], low, high))
    return [
        f"{first} [{low}, {high}]",
        *(f"{share:.1f}" for share in flagged),
        f"{100 * rates[0]:.1f} [{100 * least:.0f}, {100 * most:.0f}]",
    ]


def resamples(queries: list[str]) -> list[NDArray[np.int64]]:
    """Return the pairs of each resample of the queries."""
    of_query: dict[str, list[int]] = defaultdict(list)
    for number, query in enumerate(queries):
        of_query[query].append(number)
    clusters = [np.array(numbers) for numbers in of_query.values()]
    draws = np.random.default_rng(0).integers(len(clusters), size=(DRAWS, len(clusters)))
    return [np.concatenate([clusters[i] for i in draw]) for draw in draws.tolist()]


def _figures(clean: NDArray[np.float64], attacked: NDArray[np.float64]) -> tuple[float, float]:
    """Return the AUC, and the share of attacked documents above the threshold that 5 % of the clean ones exceed."""
    clean = np.sort(clean)
    below, upto = (np.searchsorted(clean, attacked, side=side) for side in ("left", "right"))
    threshold = clean[len(clean) - 1 - int(0.05 * len(clean) + 1e-9)]
    return float((below + upto).mean() / 2 / len(clean)), float((attacked > threshold).mean())
