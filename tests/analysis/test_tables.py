"""Figures, intervals and marks of tables, against numbers worked out by hand or another way."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pandas as pd
import pytest

from robustrank.analysis.catalogue import catalogue_of
from robustrank.analysis.estimated import BASELINE, PAIR, UNDEFENDED
from robustrank.analysis.load import load_rows
from robustrank.analysis.records import records
from robustrank.errors import UsageError
from robustrank.report import markdown
from robustrank.report.numbers import number
from robustrank.report.view import view
from robustrank.tables import Column
from tests.report_rows import QUERIES, frame, make_rows, relabelled, row

AP = {"bm25": [0.2, 0.4, 0.6, 0.8], "minilm": [0.5, 0.5, 0.7, 0.9]}


def iid(values=AP, **more):
    return [
        row("AP", value, f"q{number}", ranker=ranker, **more)
        for ranker, of_ranker in values.items()
        for number, value in enumerate(of_ranker)
    ]


def attack(success, control, *, ranker="bm25", attack="random-edit:edits=3", **more):
    """Rows of targets: success and control are lists a query of values a document."""
    task = "document-attack"
    for query, (attacked, edited) in enumerate(zip(success, control, strict=True)):
        for document, pair in enumerate(zip(attacked, edited, strict=True)):
            for condition, value in zip(("attacked", "control"), pair, strict=True):
                at = {"query": f"q{query}", "doc_id": f"{ranker}-{document}", "condition": condition}
                yield row("success", value, task=task, ranker=ranker, attack=attack, **at, **more)


def tables(rows, baseline="bm25", **more):
    rows = rows if isinstance(rows, pd.DataFrame) else frame(rows)
    catalogue = catalogue_of(rows, baseline=baseline, **{"rounds": 200, **more})
    return {table.name: table for table in catalogue.tables}


def cell(table, column, *keys):
    position = [c.title for c in table.columns].index(column)
    (line,) = [line for line in table.lines if set(keys) <= set(line.labels)]
    return line.values[position]


def test_a_small_table_worked_out_by_hand():
    table = tables(iid())["iid-variance"]
    assert [line.labels for line in table.lines] == [("bm25",), ("minilm",)]
    bm25 = {
        "AP": 0.5,
        "Var(AP)": (0.09 + 0.01 + 0.01 + 0.09) / 4,
        "VNAP": 0.05 / 0.25,
        "AP, lowest 10 %": 0.2,  # 10 % of four queries is one
        "AP, lowest 25 %": 0.2,
        "AP, hard set": 0.2,
        "GMAP": (0.2 * 0.4 * 0.6 * 0.8) ** 0.25,
        "RI": 0,
        "URisk": 0,
    }
    minilm = {"AP": 0.65, "AP, hard set": 0.5, "AP, lowest 25 %": 0.5, "RI": 1, "URisk": 0.15}
    for ranker, expected in (("bm25", bm25), ("minilm", minilm)):
        for column, value in expected.items():
            assert cell(table, column, ranker).estimate == pytest.approx(value), (ranker, column)
    # minilm is better on every query; of the 16 patterns of signs two are as extreme.
    assert cell(table, "AP", "minilm").p_values == {BASELINE: pytest.approx(2 / 16)}
    assert [line.units for line in table.lines] == [4, 4]


def test_numbers_are_written_as_the_field_writes_them():
    three, decimal, percent = (
        Column("a", ()),
        Column("b", (), digits=1),
        Column("c", (), percent=True, digits=1),
    )
    written = [number(value, three) for value in (0.4968, -0.0312, 1.25, -0.0001, 1.0, None)]
    assert written == [".497", "-.031", "1.250", ".000", "1.000", "–"]
    assert [number(value, decimal) for value in (0.5, -0.04, 12.34)] == ["0.5", "0.0", "12.3"]
    assert [number(value, percent) for value in (0.0049, -0.125)] == ["0.5", "-12.5"]


def test_the_best_is_bold_only_where_its_interval_is_apart_from_every_other():
    noise = np.linspace(-0.01, 0.01, 12)
    apart = {"a": 0.5 + noise, "b": 0.6 + noise, "c": 0.9 + noise}
    near = {"a": 0.5 + noise, "b": 0.9 + noise, "c": 0.901 + noise}
    few = {name: values[:9] for name, values in apart.items()}
    bold = [
        [line.values[0].best for line in tables(iid(values), baseline="a")["iid-variance"].lines]
        for values in (apart, near, few)
    ]
    assert bold == [[False, False, True], [False] * 3, [False] * 3]


def test_a_figure_is_the_mean_over_seeds_of_each_seeds_figure():
    rows = iid({"bm25": [0.2, 0.4]}) + iid({"bm25": [0.8, 0.4]}, seed=1)
    table = tables(rows)["iid-variance"]
    # The means over seeds, .5 and .4, have a variance of .0025.
    assert cell(table, "Var(AP)", "bm25").estimate == pytest.approx((0.01 + 0.04) / 2)
    assert cell(table, "VNAP", "bm25").estimate == pytest.approx((0.01 / 0.3**2 + 0.04 / 0.6**2) / 2)
    assert cell(table, "AP, lowest 10 %", "bm25").estimate == pytest.approx(0.3)
    assert "95 % CI (bootstrap) over queries and 2 seeds" in table.caption


def test_seeds_that_agree_leave_the_interval_over_queries():
    values = {"bm25": [0.1, 0.5, 0.7, 0.2, 0.9]}
    single, triple = (tables([row for seed in range(n) for row in iid(values, seed=seed)]) for n in (1, 3))
    assert single == triple
    assert "95 % CI (bootstrap) over queries." in single["iid-variance"].caption


def test_an_interval_of_effectiveness_stays_between_0_and_1():
    low, high = cell(
        tables(iid({"bm25": [0.9, 1.0, 0.95]}) + iid({"bm25": [0.1, 0.0, 0.2]}, seed=1))["iid-variance"], "AP", "bm25"
    ).interval
    assert (low, high) == (0.0, 1.0)  # two seeds that differ so much tell nothing
    variance = cell(
        tables(iid({"bm25": [0, 1, 0]}) + iid({"bm25": [0.5, 0.6, 0.5]}, seed=1))["iid-variance"], "Var(AP)", "bm25"
    )
    assert variance.interval[0] < 0  # no mean of values


def test_what_is_paired_was_measured_under_the_same_seed():
    rows = []
    for seed, clean, attacked in ((0, 0.8, 0.4), (1, 0.2, None)):
        more = {"task": "query-attack", "attack": "typos", "seed": seed}
        rows.append(row("nDCG@10", clean, condition="clean", **more))
        status = "ok" if attacked else "failed"
        rows.append(row("nDCG@10", attacked, condition="attacked", status=status, **more))
    table = tables(rows)["query-attack-ndcg-10"]
    assert cell(table, "relative change", "bm25").estimate == pytest.approx(-0.5)
    assert cell(table, "clean", "bm25").estimate == pytest.approx(0.5)


def test_relative_changes_are_ratios_of_means():
    pairs = [(0.8, 0.4), (0.2, 0.2), (0.0, 0.0)]
    more = {"task": "query-attack", "attack": "typos"}
    rows = [
        row("AP", value, f"q{query}", condition=name, **more)
        for query, pair in enumerate(pairs)
        for name, value in zip(("clean", "attacked"), pair, strict=True)
    ]
    table = tables(rows)["query-attack-ap"]
    assert cell(table, "relative change", "bm25").estimate == pytest.approx(
        -0.4
    )  # the mean of ratios is -.25 or undefined
    assert cell(table, "queries losing > 0.1", "bm25").estimate == pytest.approx(1 / 3)


def test_the_difference_to_the_control_is_tested_a_query():
    success = [[1, 1], [1, 1], [1, 0], [1, 1], [1, 1], [1, 1]]
    control = [[0, 0], [0, 0], [0, 0], [0, 1], [0, 0], [0, 0]]
    table = tables(attack(success, control))["document-attack"]
    value = cell(table, "ASR - baseline", "bm25")
    assert value.estimate == pytest.approx(11 / 12 - 1 / 12)
    assert value.units == 12
    assert value.p_values == {PAIR: pytest.approx(2 / 64)}
    assert value.marks == PAIR


def test_rankers_with_other_targets_are_compared_by_query_means():
    a = attack([[0, 0], [0, 0], [1, 0]], [[0, 0]] * 3)
    b = attack([[1, 1, 1], [1, 0, 1], [1, 1, 1]], [[0, 0, 0]] * 3, ranker="minilm")
    value = cell(tables([*a, *b])["document-attack"], "ASR", "minilm")
    assert value.estimate == pytest.approx(8 / 9)
    assert value.p_values[BASELINE] == pytest.approx(2 / 8)


def test_holm_goes_over_the_column_and_defended_rankers_meet_themselves():
    rng = np.random.default_rng(5)
    base = rng.uniform(0.3, 0.5, 8)
    rows = iid({"bm25": base, "minilm": base + 0.1}) + iid({"minilm": base + 0.05}, defense="certdr")
    table = tables(rows)["iid-variance"]
    exact = 2 / 2**8  # every test finds all eight queries on one side
    # bm25 is not defended here, so the defended minilm has one counterpart: two tests in all.
    assert cell(table, "AP", "minilm", "none").p_values == {BASELINE: pytest.approx(2 * exact)}
    assert cell(table, "AP", "minilm", "certdr").p_values == {UNDEFENDED: pytest.approx(2 * exact)}
    assert cell(table, "AP", "minilm", "certdr").marks == UNDEFENDED


@pytest.mark.parametrize("title", ["ASR", "median boost"])
def test_intervals_draw_queries_and_not_documents(title):
    rng = np.random.default_rng(1)
    chance = rng.uniform(0, 1, 30)  # documents of a query rise and fall together
    sizes = np.where(chance < 0.5, 2, 8)  # and a query of many documents weighs more
    success = [list((rng.uniform(size=n) < p).astype(float)) for p, n in zip(chance, sizes, strict=True)]
    rows = list(attack(success, success))
    rows += [
        row(
            "boost",
            10 * p,
            f"q{query}",
            task="document-attack",
            attack="random-edit:edits=3",
            doc_id=f"bm25-{document}",
            condition="attacked",
        )
        for query, p in enumerate(chance)
        for document in range(sizes[query])
    ]
    low, high = cell(tables(rows, rounds=1000)["document-attack"], title, "bm25").interval
    arrays = (
        [np.array(values) for values in success]
        if title == "ASR"
        else [np.full(n, 10 * p) for p, n in zip(chance, sizes, strict=True)]
    )
    statistic = np.mean if title == "ASR" else np.median
    drawn = [statistic(np.concatenate([arrays[i] for i in rng.integers(30, size=30)])) for _ in range(4000)]
    expected = np.quantile(drawn, [0.025, 0.975])
    assert (low, high) == pytest.approx(tuple(expected), rel=0.12)


def test_a_missing_value_is_never_a_zero():
    rows = iid({"bm25": [0.4, 0.6]})
    table = tables(rows)["iid-variance"]
    gap = row("AP", None, "q9", status="failed", note="undefined")
    with_gap = tables([*rows, gap])["iid-variance"]
    assert cell(with_gap, "AP", "bm25").estimate == cell(table, "AP", "bm25").estimate == 0.5
    assert with_gap.lines[0].units == 2
    assert "1 row failed, measured and undefined: undefined (1)." in with_gap.notes


def test_a_line_whose_cell_broke_shows_that_it_did():
    broken = row("error", None, "", ranker="minilm", status="error", note="RuntimeError: out of memory")
    table = tables([*iid({"bm25": [0.4, 0.6]}), broken])["iid-variance"]
    assert all(value.estimate is None for value in table.lines[1].values)
    assert any("RuntimeError: out of memory (1)" in note for note in table.notes)
    assert f"– : undefined or not measured ({len(table.columns)} cells)." in table.notes


def test_rows_that_all_failed_make_a_table_that_says_so():
    rows = [
        row("AP", None, f"q{i}", ranker=ranker, status="failed", note="undefined") for ranker in AP for i in range(3)
    ]
    (table,) = tables(rows).values()
    assert [line.labels for line in table.lines] == [("bm25",), ("minilm",)]
    assert table.columns == ()
    assert "6 rows failed, measured and undefined: undefined (6)." in table.notes


def test_a_row_that_was_only_skipped_is_in_the_notes_alone():
    about = {"task": "certified-topk", "radius": 1}
    skipped = row("certified", None, "", status="skipped", k=1, note="it gives no certificates", **about)
    certified = [row("certified", 1.0, defense="certdr", k=1, **about), row("rho", 1.0, defense="certdr", **about)]
    table = tables([skipped, *certified])["certified-topk-r-1"]
    assert [line.labels for line in table.lines] == [("bm25", "certdr")]
    assert any("it gives no certificates" in note for note in table.notes)


def test_a_row_without_a_fact_of_the_table_is_left_out_of_it():
    more = {"task": "document-attack", "attack": "x", "doc_id": "d"}
    flagged = [row("flagged", 1, condition=c, defense="spamicity-filter", **more) for c in ("clean", "attacked")]
    by_name = tables([row("success", 1, condition="attacked", **more), *flagged])
    assert [line.labels[-1] for line in by_name["document-attack-detection"].lines] == ["spamicity-filter"]
    assert [line.labels for line in by_name["document-attack"].lines] == [("x", "bm25")]


def test_one_query_has_no_interval_and_one_ranker_no_rival():
    table = tables(iid({"bm25": [0.4]}))["iid-variance"]
    value = cell(table, "AP", "bm25")
    assert (value.estimate, value.interval, value.p_values, value.best) == (0.4, None, {}, False)


def test_map_of_zero_leaves_vnap_undefined():
    table = tables(iid({"bm25": [0.0, 0.0]}))["iid-variance"]
    assert cell(table, "VNAP", "bm25").estimate is None
    assert cell(table, "AP", "bm25").estimate == 0


def test_an_unknown_task_gets_a_table_of_its_means():
    values = (("q1", 1), ("q2", 2))
    rows = [row("m", v, q, task="their-task:x=1", **c) for c in ({}, {"k": 5}) for q, v in values]
    (table,) = tables(rows).values()
    assert table.name == "their-task-means-1"
    assert [column.title for column in table.columns] == ["m", "m k=5"]
    assert [value.estimate for value in table.lines[0].values] == [1.5, 1.5]


def test_settings_of_a_task_are_rows_of_one_table_and_columns_of_the_summary():
    labels = [f"document-attack:targets={t}" for t in ("easy-5", "hard-5")]
    rows = [row("success", v, task=t, attack="x", condition="attacked") for t, v in zip(labels, (1, 0), strict=True)]
    by_name = tables(rows)
    table = by_name["document-attack"]
    assert table.keys == ("task", "attack", "ranker")
    assert [cell(table, "ASR", label).estimate for label in labels] == [1, 0]
    titles = [column.title for column in by_name["summary"].columns]
    assert titles == [f"ASR, document attacks ({label})" for label in labels]


def test_facts_of_one_measure_are_told_apart_by_every_column():
    about = {"task": "document-attack", "attack": "x", "doc_id": "d"}
    facts = [("attacked", None, "", 1), ("control", None, "", 0.5), ("attacked", 10, "", 0.25), ("attacked", 50, "", 0)]
    rows = [row("success", v, condition=c, cutoff=n, group=g, **about) for c, n, g, v in facts]
    table = tables(rows)["document-attack"]
    figures = {column.title: value.estimate for column, value in zip(table.columns, table.lines[0].values, strict=True)}
    assert figures == {
        "ASR": 1,
        "ASR of the random-edit baseline": 0.5,
        "ASR - baseline": 0.5,
        "top-10 success": 0.25,
        "top-50 success": 0,
    }


def test_the_summary_averages_over_attacks_that_every_line_met():
    rows = [
        *attack([[1], [1]], [[0], [0]], attack="white-box"),
        *attack([[0], [0]], [[0], [0]], attack="black-box"),
        *attack([[0], [1]], [[0], [0]], attack="black-box", ranker="minilm"),
    ]
    table = tables(rows)["summary"]
    assert cell(table, "ASR, document attacks", "bm25").estimate == 0
    assert "black-box" in table.legend
    assert "white-box" not in table.legend


def test_the_order_of_lines_is_that_of_papers():
    rows = [
        *iid({name: [0.1] for name in ("minilm", "zebra", "bm25")}),
        *(row("success", 1.0, task="document-attack", attack=f"a:size={n}", condition="attacked") for n in (10, 5)),
    ]
    by_name = tables(rows, baseline="zebra")
    assert [line.labels[0] for line in by_name["iid-variance"].lines] == ["bm25", "zebra", "minilm"]
    assert [line.labels[0] for line in by_name["document-attack"].lines] == ["a:size=5", "a:size=10"]
    assert catalogue_of(frame(rows)).settings.baseline.label == "bm25"


def test_an_unknown_baseline_is_an_error_with_a_hint(rows):
    with pytest.raises(UsageError, match="did you mean 'bm25'"):
        catalogue_of(rows, baseline="bm52")


def test_the_order_of_rows_changes_nothing(rows):
    few = rows[(rows["task_name"] == "document-attack") & (rows["ranker"] != "query-likelihood")]
    few = few[few["measure"].isin(["success", "nDCG@10"])]
    shuffled = few.sample(frac=1, random_state=3)
    assert tables(shuffled, rounds=20) == tables(few, rounds=20)


def test_values_agree_with_the_rows(run_folder):
    rows = load_rows(run_folder)
    at = {"task_name": "document-attack", "ranker": "minilm", "defense": "none", "measure": "boost"}
    at |= {"attack": "word-substitution:max_words=5", "condition": "attacked"}
    values = rows[np.logical_and.reduce([rows[key] == value for key, value in at.items()])]
    expected = values.groupby("seed")["value"].mean().mean()
    boosts = rows[(rows["measure"] == "boost") & (rows["ranker"] == "minilm")]
    table = tables(boosts, "minilm", rounds=0)["document-attack"]
    value = cell(table, "boost (mean rank improvement)", "none", at["attack"])
    assert value.estimate == pytest.approx(expected)
    assert not math.isnan(expected)


def test_unseen_types_and_corpora_show_what_out_of_domain_training_costs(study):
    by_name = tables(study, rounds=0)
    duet = study[study["ranker"] == "duet"]
    mean = duet.groupby(["task", "condition", "group", "seed"])["value"].mean().unstack()
    mean = mean.loc["ood-query"]
    expected = (mean.loc["unseen", ""] / mean.loc["seen", ""] - 1).mean()
    table = by_name["ood-query-ndcg-10"]
    assert cell(table, "relative change", "duet").estimate == pytest.approx(expected)
    expected = (mean.loc["unseen", "what"] / mean.loc["seen", "what"] - 1).mean()
    types = by_name["ood-query-ndcg-10-types"]
    assert cell(types, "what", "duet").estimate == pytest.approx(expected)
    assert [(column.title, column.count) for column in types.columns] == [
        ("how", "n = 4"), ("other", "n = 4"), ("what", "n = 4")
    ]  # fmt: skip
    assert [value.estimate is None for value in table.lines[0].values] == [False, True, True, True]  # bm25
    assert any("no type is new to it" in note for note in table.notes)
    corpora = by_name["ood-corpus-ndcg-10"]
    changes = [cell(corpora, f"relative change{of}", "duet") for of in ("", ", trained on c9")]
    assert changes[0] == changes[1]
    titles = [column.title for column in by_name["summary"].columns]
    assert {f"change of nDCG@10, {shift}" for shift in ("unseen query types", "out-of-domain")} <= set(titles)


def test_rankers_are_by_family_with_the_baseline_in_its_own(study):
    by_name = tables(study, "duet", rounds=20, permutations=50)
    table = by_name["summary"]
    families = [line.labels[0] for line in table.lines]
    assert families == ["traditional"] * 2 + ["learning to rank"] * 2 + ["neural"] * 3 + ["pretrained"] * 3
    assert "from the baseline duet" in by_name["iid-variance"].legend
    lines = [line for line in markdown.table(view(table)).splitlines() if line.startswith("|")]
    shown = [line.split("|")[1].strip() for line in lines][2:]
    assert shown == ["traditional", "", "learning to rank", "", "neural", "", "", "pretrained", "", ""]


def partly_edited():
    """An attack that edits half of its targets: the others have the same text as control, as the task writes it."""
    success = [[1, 0], [1, 0], [0, 0], [1, 1]]
    control = [[1, 0], [0, 0], [0, 0], [0, 1]]
    edits = [[1, 0], [1, 0], [1, 0], [1, 0]]
    yield from attack(success, control, attack="partial")
    for query, counts in enumerate(edits):
        for document, count in enumerate(counts):
            at = {"task": "document-attack", "attack": "partial", "doc_id": f"bm25-{document}"}
            yield row("edits", count, f"q{query}", condition="attacked", **at)
        yield row("nDCG@10", 0.5, f"q{query}", condition="clean", task="document-attack", attack="partial")
        yield row("nDCG@10", 0.25, f"q{query}", condition="attacked", task="document-attack", attack="partial")
        yield row(
            "success", 1, f"q{query}", condition="attacked", cutoff=10, task="document-attack", attack="partial",
            doc_id="bm25-0",
        )  # fmt: skip


def test_the_figures_of_a_row_share_their_units_or_say_theirs(rows):
    counted = 0
    for table in [*tables(partly_edited()).values(), *tables(rows, rounds=0, permutations=1).values()]:
        lines = {}
        for record in records(table):
            lines.setdefault(tuple(record[key] for key in table.keys), {})[record["column"]] = record
        for line, records_of_line in zip(table.lines, lines.values(), strict=True):
            if {"ASR", "ASR of the random-edit baseline", "ASR - baseline"} <= set(records_of_line):
                asr, baseline, difference = (
                    float("nan") if (e := records_of_line[name]["estimate"]) is None else e
                    for name in ("ASR", "ASR of the random-edit baseline", "ASR - baseline")
                )
                assert asr - baseline == pytest.approx(difference, abs=1e-11, nan_ok=True)
                counted += 1
            for column in table.columns:
                units = records_of_line[column.title]["n"]
                says_so = (
                    column.count
                    or column.exact
                    or column.units == ""
                    or records_of_line[column.title]["estimate"] is None
                )
                assert (table.units and units == line.units) or says_so, (table.name, column.title)
    assert counted > 5


def test_a_column_over_fewer_units_names_them_in_its_heading():
    table = tables(partly_edited())["document-attack"]
    counts = {column.title: column.count for column in table.columns}
    assert counts == {
        "ASR": "",
        "ASR of the random-edit baseline": "",
        "ASR - baseline": "",
        "top-10 success": "n = 4",
        "edited targets": "",
        "change of nDCG@10": "n = 4 queries",
    }
    assert [line.units for line in table.lines] == [8]
    assert cell(table, "edited targets", "partial").estimate == 4
    assert "| top-10 success (%), n = 4 ↓ |" in markdown.table(view(table))


RENAME = {
    "iid-variance": "effectiveness",
    "query-attack:variants=5": "a typo",
    "document-attack:targets=easy-5": "zzz",
    "certified-topk": "proofs: R=all, @5",
    "lee": "Our News/2024",
    "bm25": "sparse",
    "query-likelihood": "a baseline, or none",
    "minilm": "none",
    "none": "undefended",
    "certdr:samples=200": "CertDR [/v2]",
    **{f"word-substitution:max_words={n}": f"WS{9 - n}" for n in (1, 3, 5)},
    **{f"keyword-stuffing:repeats={n},where=front": f"stuffing ({n})" for n in (1, 3)},
    "character-typos:typos=1": "typo",
}


def anonymous(table, labels):
    """A table with numbers for the labels of its keys, and without its name and texts, which hold labels."""
    keys = [tuple(labels.get(label, label) for label in line.labels) for line in table.lines]
    return keys, [line.values for line in table.lines], [column.title for column in table.columns]


@pytest.mark.slow
def test_labels_change_nothing_but_what_is_printed():
    rows, few = make_rows(queries=QUERIES[:5]), {"rounds": 50, "permutations": 200}
    plain = list(tables(rows, **few).values())
    renamed = list(tables(relabelled(rows, RENAME), RENAME["bm25"], **few).values())
    assert len(plain) == len(renamed) > 10
    for table, new in zip(plain, renamed, strict=True):
        assert anonymous(table, RENAME) == anonymous(new, {})
        assert [note for note in table.notes if ":" not in note] == [note for note in new.notes if ":" not in note]
    assert any(PAIR in value.p_values for table in renamed for line in table.lines for value in line.values)
    assert any(UNDEFENDED in value.p_values for table in renamed for line in table.lines for value in line.values)


def test_two_sizes_of_an_attack_with_one_label_each_keep_their_order():
    rows = [row("success", 1, task="document-attack", attack=f"a:size={n}", condition="attacked") for n in (5, 10)]
    by_name = tables(relabelled(rows, {"a:size=5": "z", "a:size=10": "a"}))
    assert [line.labels[0] for line in by_name["document-attack"].lines] == ["z", "a"]


def test_a_quantity_has_one_interval_in_every_table(rows):
    by_name = tables(rows, rounds=20, permutations=1)
    summary, effectiveness = by_name["summary"], by_name["iid-variance"]
    for title in ("nDCG@10", "VNAP"):
        for ranker in ("bm25", "minilm"):
            interval = cell(summary, title, ranker, "none").interval
            assert interval == cell(effectiveness, title, ranker, "none").interval is not None


@pytest.mark.slow
def test_captions_are_short_whatever_the_labels(rows):
    long = {label: label + " and a very long explanation" * 9 for label in RENAME}
    for table in tables(
        relabelled(make_rows(queries=QUERIES[:2]), long), long["bm25"], rounds=20, permutations=1
    ).values():
        assert len(table.caption) <= 200
        assert len(table.name) <= 63
    for table in tables(rows, rounds=20, permutations=1).values():
        assert len(table.caption) <= 200
        assert "lee, 12 queries" in table.caption


def test_shares_of_few_units_have_no_decimals():
    share = Column("s", (), percent=True, share=True, digits=1)
    assert [number(0.333, share, units) for units in (0, 49, 50)] == ["33.3", "33", "33.3"]
    assert number(-0.125, dataclasses.replace(share, signed=True, share=False)) == "-12.5"
    assert number(0.125, dataclasses.replace(share, signed=True, share=False)) == "+12.5"
