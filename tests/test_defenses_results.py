"""Results of defenses: each met an attack that queries it, targets are as many as the page says, rows have no texts."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from robustrank.measures.detection import detection_rate
from tests.defenses_figures import RUNS, SECTIONS, UNAWARE, cells, defenses_of, effect_of, targets
from tests.detection_figures import figures, scores
from tests.result_rows import published_rows

RESULTS = Path(__file__).parents[1] / "results"


@pytest.mark.parametrize("run", RUNS)
def test_every_defense_of_a_table_was_attacked_by_one_that_queries_it(run):
    defended = {(cell.ranker, cell.defense) for cell in cells(run)}
    assert defended == {(cell.ranker, cell.defense) for cell in cells(run) if cell.attack not in UNAWARE}


def test_targets_are_as_many_as_the_page_says():
    for run, ranker, attacks, _ in SECTIONS.values():
        expected = 90 if ranker == "BM25" else 60
        for attack in attacks:
            of = [targets(run)[cell] for cell in targets(run) if (cell.ranker, cell.attack) == (ranker, attack)]
            assert of
            assert {len(found) for found in of} == {expected}
            assert len(defenses_of(run, ranker, attack)) > 1


def test_an_effect_by_hand():
    alike, apart = effect_of(np.zeros(30)), effect_of(np.array([-1.0, -0.5] * 15))
    assert (alike.mean, alike.low, alike.high, alike.detectable, alike.is_lower) == (0, 0, 0, 0, False)
    assert apart.is_lower
    assert apart.mean == -0.75
    error = np.std([-1.0, -0.5] * 15, ddof=1) / np.sqrt(30)
    assert apart.detectable == pytest.approx((1.959964 + 0.841621) * error, rel=1e-6)
    assert apart.high - apart.low == pytest.approx(2 * 1.96 * error, rel=0.1)  # means of 30 such values have steps


def test_detection_is_that_of_the_library_and_of_scikit_learn():
    for found in scores().values():
        clean, attacked = ([score for _, score, _ in found[name]] for name in ("clean", "attacked"))
        area = roc_auc_score([0] * len(clean) + [1] * len(attacked), clean + attacked)
        told = figures(found)
        assert told[0].startswith(f"{area:.3f} ".removeprefix("0"))
        assert told[3].startswith(f"{100 * detection_rate(attacked, clean, 0.05):.1f} ")


def test_the_rows_of_detection_have_no_texts():
    rows = published_rows("detection")
    names = {"tested_on", "detector", "trained_on", "query_id", "doc_id", "condition", "anomaly_score", "flagged"}
    assert rows[0].keys() == names
    assert all(row["query_id"].isdigit() and row["doc_id"].isdigit() for row in rows)
    assert len(rows) == 3 * 5 * 2 * 300
