"""The page holds what the run says, whole and escaped, and says what it has no room for."""

from __future__ import annotations

import json
import re
import shutil

import pytest

from robustrank.analysis.load import load_cells, load_rows
from robustrank.errors import DataError
from robustrank.report import page as pages
from robustrank.report import page_run
from robustrank.report.attacked_texts import attacked_texts
from robustrank.report.page import Page, Section, fragment, render
from robustrank.report.page_tables import table_view

from .attacked_run import FOX, HOSTILE, HOSTILE_LABEL, SECTIONS, TEXTS, attacked_run, page_of
from .test_write import odd_table


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return attacked_run(tmp_path_factory.mktemp("attacked") / "foxes-run")


@pytest.fixture(scope="module")
def html(run):
    return page_of(run).decode()


def data_of(html):
    return json.loads(re.search(r'<script type="application/json" id="data">(.*?)</script>', html).group(1))


def test_the_same_run_makes_the_same_bytes(run, html):
    assert page_of(run).decode() == html


def test_it_names_the_experiment_its_time_and_what_became_of_its_cells(html):
    assert "<h1>foxes</h1>" in html
    assert "2026-11-26 09:00 to 09:05 UTC" in html
    assert "5 done of 7" in html
    assert "7 min 7 s, summed over cells" in html
    assert "<b>1 skipped</b>: needs gradients" in html
    assert "<b>1 failed</b>: &lt;/script&gt;" in html
    assert "lee: 2 documents repaired" in html


def test_provenance_holds_versions_plug_ins_and_the_experiment_verbatim(html):
    assert '<pre tabindex="0">name: foxes\n' in html
    for text in ("numpy", "2.4", "cores", "word", "schema"):
        assert text in html


def test_no_text_is_markup(html):
    assert html.count("<script") == html.count("</script>") == 2
    assert '<img src="https' not in html
    assert "<svg" not in html
    assert "49" not in re.findall(r"\$\{window.broken = 4\} (.{9})", html)
    assert not re.search("[\u2028\u202e\u200b\x07]", html)
    assert "\\u2028" in html


def test_attacked_texts_are_data_with_what_was_measured(html):
    data = data_of(html)
    records = [dict(zip(data["fields"], values, strict=True)) for values in data["records"]]
    assert len(records) == len(TEXTS)
    texts = {(data["texts"][r["attack"]], data["texts"][r["ranker"]], data["texts"][r["doc_id"]]): r for r in records}
    swap = texts["swap", "bm25", "d1"]
    assert data["texts"][swap["before"]] == FOX
    assert data["texts"].count(FOX) == 1  # a long text stands there once
    measured = {(data["facts"][n]["measure"], data["facts"][n]["condition"]): value for n, value in swap["facts"]}
    assert measured["rank", "clean"] == 14
    assert measured["queries", ""] == 120
    assert data["texts"][texts[HOSTILE_LABEL, "bm25", "d9"]["before"]] == " ".join(HOSTILE)


def test_what_has_no_room_is_left_out_evenly_and_counted(run):
    few = attacked_texts(run, load_cells(run), load_rows(run), 600)
    assert 0 < len(few["records"]) < few["total"] == len(TEXTS)
    names = {few["texts"][record[few["fields"].index("attack")]] for record in few["records"]}
    assert len(names) > 1  # some of every cell
    text = render(Page("t"), lambda _: few).decode()
    assert f"room for {len(few['records'])} of {len(TEXTS)} texts" in text


def test_long_tables_and_many_pictures_are_cut_and_counted(monkeypatch):
    monkeypatch.setattr(pages, "PICTURE_BYTES", 10)
    pages.templates.cache_clear()
    monkeypatch.setattr(pages, "ROWS", 2)
    text = render(Page("t", sections=SECTIONS)).decode()
    pages.templates.cache_clear()
    assert "2 of 3 rows are in this page" in text
    assert "minilm" not in text
    assert "data:image" not in text
    assert "Two &#34;dots&#34; of &gt; 1" in text  # in place of the picture
    assert "figures/dots.pdf" in text


def test_a_page_stays_within_its_limit(run, monkeypatch):
    monkeypatch.setattr(page_run, "_LEAST_BYTES", 0)
    monkeypatch.setattr(page_run, "_BYTES", 0)
    assert len(data_of(page_of(run).decode())["records"]) == 1


def test_a_folder_without_cells_says_that_the_texts_are_not_there(tmp_path):
    run = attacked_run(tmp_path / "taken")
    shutil.rmtree(run / "cells")
    (run / "provenance.json").unlink()
    html = page_of(run).decode()
    assert "The texts of 5 cells with attacks are not in this folder" in html
    assert "The folder has no provenance.json" in html
    assert 'id="browser"' not in html


def test_damage_is_refused(tmp_path):
    run = attacked_run(tmp_path / "damaged")
    with next(run.glob("cells/*/adversarial.jsonl")).open("a") as file:
        file.write("\n")
    with pytest.raises(DataError, match="damaged"):
        page_of(run)
    (tmp_path / "damaged" / "provenance.json").write_text("{}")
    with pytest.raises(DataError, match="provenance"):
        page_of(run)


def test_a_table_of_the_report_is_shown_with_its_intervals_marks_and_files():
    view = table_view(odd_table())
    html = fragment(view)
    assert "&lt;b&gt;bm25&lt;/b&gt;" in html
    assert '<b>−25.0</b><sup>†</sup> <small class="interval">[−50.0, 0.0]</small>' in html
    assert 'data-sort="-0.25"' in html
    assert 'href="tables/odd.csv"' in html
    assert view.rows[0][1][-1].sort is None
    assert html in render(Page("t", sections=(Section("s", (view,)),))).decode()


def test_the_glossary_is_on_the_page(html):
    assert html.count("<dt>") > 80
    assert html.count("<dt>ASR</dt>") == 1


def test_an_empty_page_is_a_page():
    text = render(Page("nothing")).decode()
    assert "<h1>nothing</h1>" in text
    assert 'href="#attacked-texts"' not in text
