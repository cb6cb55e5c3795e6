"""robustrank.load_results gives frames and tables of a run folder, and says what is missing of it."""

from __future__ import annotations

import logging
import re
import shutil

import pandas as pd
import pytest

import robustrank
from robustrank.errors import DataError, UsageError
from robustrank.report.write import write_report


@pytest.fixture(scope="module")
def results(tiny, cache):
    task = {"name": "document-attack", "targets": ["3-5"]}
    tasks, attacks = ["iid-variance", task], ["keyword-stuffing"]
    made = robustrank.evaluate(["bm25", "query-likelihood"], tiny, attacks, tasks=tasks, cache=cache)
    return robustrank.load_results(str(made.folder))


def test_rows_and_cells_are_frames(results):
    assert results.cells["status"].tolist() == ["done"] * 4
    assert results.cells["ranker"].tolist() == ["bm25", "query-likelihood"] * 2
    assert results.cells["seconds"].dtype == "float64"
    assert set(results.rows["cell"]) == set(results.cells["cell"])


def test_tables_are_those_of_the_report(results):
    assert "iid-variance" in results.tables
    table = results.table("iid-variance")
    written = results.folder / "report"
    write_report(results.folder, baseline=None)
    assert (written / "tables" / "iid-variance.csv").read_text(encoding="utf-8") == table.to_csv()
    cost = results.table("document-attack-cost")  # not a headline table, whose files hold as many columns as fit
    for suffix, text in (("tex", cost.to_latex()), ("md", cost.to_markdown())):
        assert (written / "tables" / f"{cost.name}.{suffix}").read_text(encoding="utf-8") == text
    assert table.to_html() in (written / "report.html").read_text(encoding="utf-8")
    assert table._repr_html_() == table.to_html()


def test_a_paper_table_has_the_columns_that_are_named(results):
    table = results.table("iid-variance")
    tex = table.to_latex(columns=["vnap", "AP"], ci="off", width="column")
    assert re.search(r"VNAP.*& .*AP", tex)
    assert "\\begin{table}" in tex
    assert "GMAP" not in tex
    assert "| VNAP" in table.to_markdown(columns=["vnap"])
    with pytest.raises(UsageError, match="has no column 'vnpa'"):
        table.to_latex(columns=["vnpa"])


def test_a_table_as_a_frame_has_the_estimates(results):
    frame = results.table("iid-variance").to_dataframe()
    bm25 = frame[frame["ranker"] == "bm25"].iloc[0]
    rows = results.rows[(results.rows["ranker"] == "bm25") & (results.rows["measure"] == "nDCG@10")]
    title = next(column for column in frame.columns if column.startswith("nDCG@10"))
    mean = rows[rows["task"] == "iid-variance"]["value"].mean()
    assert bm25[title] == pytest.approx(mean)


def test_an_unknown_table_is_refused_with_the_nearest(results):
    with pytest.raises(UsageError, match="did you mean 'iid-variance'"):
        results.table("iid-varianc")


def test_adversarial_texts_are_a_frame(results):
    texts = results.adversarial()
    assert isinstance(texts, pd.DataFrame)
    assert set(texts["cell"]) <= set(results.cells["cell"])
    assert len(texts) >= 2
    assert texts["before"].str.len().gt(0).all()


def test_without_an_attack_the_frame_is_empty_with_its_columns(tiny, cache):
    texts = robustrank.evaluate("bm25", tiny, cache=cache).adversarial()
    assert len(texts) == 0
    assert {"query_id", "before", "after", "edits", "ranker"} <= set(texts.columns)


def test_what_was_not_run_is_said(results, tmp_path, caplog):
    folder = tmp_path / "run"
    shutil.copytree(results.folder, folder)
    (folder / "manifest.json").unlink()
    shutil.rmtree(folder / "cells")
    cells = folder / "cells.jsonl"
    text = cells.read_text(encoding="utf-8").replace('"status": "done"', '"status": "planned"', 1)
    cells.write_text(text, encoding="utf-8")
    with caplog.at_level(logging.WARNING):
        results = robustrank.load_results(folder)
    assert "1 of 4 cells" in caplog.text
    with pytest.raises(DataError, match="3 of 3 finished cells are not in the folder"):
        results.adversarial()


def test_a_folder_without_rows_is_refused(tmp_path):
    with pytest.raises(DataError, match=r"no rows\.csv"):
        robustrank.load_results(tmp_path)


def test_metrics_are_the_figures_of_the_headline_tables(results):
    metrics = results.metrics()
    frame = results.table("document-attack").to_dataframe()
    asr = frame.loc[frame["ranker"] == "bm25", "ASR"].item()
    (name,) = [name for name in metrics if name.startswith("document-attack/") and name.endswith("/bm25/none/asr")]
    assert metrics[name] == pytest.approx(asr)
    assert not [value for value in metrics.values() if value != value], "what is missing is left out"


def test_published_results_are_there_by_name():
    published = robustrank.load_results("quickstart")
    assert len(published.cells) == 19
    assert published.table("summary").to_dataframe()["nDCG@10"].notna().any()
