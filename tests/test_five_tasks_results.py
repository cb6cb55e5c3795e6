"""The headline figures of docs/five-tasks.md, computed anew from the rows of results/five-tasks.

The table of families is the report's, which tests/test_results.py holds against the rows.
"""

from __future__ import annotations

import csv
import re
from collections import defaultdict
from pathlib import Path
from statistics import fmean

import pytest

from tests.result_rows import published_rows

ROOT = Path(__file__).parents[1]
FAMILIES = ("traditional", "learned", "neural", "pretrained")
LINES = {  # how the line of a measure begins, and whether it is a share in %
    "vnap": ("| 1 variance", False),
    "unseen-types-change": ("| 2 unseen", True),
    "other-corpora-change": ("| 3 unseen", True),
    "query-attack-change": ("| 4 perturbed", True),
    "document-attack-change": ("| 5 attacked documents (relative", True),
    "asr": ("| 5 attacked documents (ASR", True),
}


def page():
    return (ROOT / "docs" / "five-tasks.md").read_text(encoding="utf-8").splitlines()


@pytest.mark.slow
def test_clean_effectiveness_is_that_of_the_rows():
    values = defaultdict(list)
    for row in published_rows("five-tasks"):
        if row["task"].startswith("iid-variance") and row["measure"] == "nDCG@10" and row["query_id"] and row["value"]:
            values[row["ranker"].casefold(), row["collection"]].append(float(row["value"]))
    table = [line.split("|") for line in page() if re.match(r"\| [\w -]+ \| \.\d\d\d \| \.\d\d\d \|", line)]
    assert len(table) == 10
    for _, ranker, cranfield, scifact, *_ in table:
        name = ranker.strip().casefold()
        for collection, said in (("cranfield", cranfield), ("scifact", scifact)):
            assert fmean(values[name, collection]) == pytest.approx(float(said), abs=5.1e-4), (name, collection)


def test_families_are_those_of_the_report():
    path = ROOT / "results" / "five-tasks" / "report" / "tables" / "families.csv"
    found = defaultdict(list)
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            if row["estimate"] and row["id"] in LINES:
                found[row["id"], row["family"], row["collection"]].append(float(row["estimate"]))
    for measure, (start, is_share) in LINES.items():
        (line,) = [line for line in page() if line.startswith(start)]
        for family, cell in zip(FAMILIES, line.split("|")[2:6], strict=True):
            said = [float(x) for x in re.findall(r"-?\d*\.?\d+", cell.replace("−", "-"))]
            expected = [value for c in ("cranfield", "scifact") for value in found[measure, family, c]]
            factor, places = (100, 0) if is_share else (1, 2)
            assert said == [round(factor * value, places) + 0 for value in expected], (measure, family)
