"""Figures, intervals and marks of tables, against numbers worked out by hand or another way."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pandas as pd
import pytest

from robustrank.errors import UsageError
from robustrank.report import html_tables, latex, markdown
from robustrank.report.build import make_tables, settings_for
from robustrank.report.estimate import Settings
from robustrank.report.load import load_rows
from robustrank.report.numbers import number
from robustrank.report.tables import BASELINE, PAIR, UNDEFENDED, Column
from robustrank.rows import COLUMNS, Row

AP = {"bm25": [0.2, 0.4, 0.6, 0.8], "minilm": [0.5, 0.5, 0.7, 0.9]}


def frame(rows):
    made = pd.DataFrame([row.as_dict() for row in rows], columns=list(COLUMNS))
    return made.astype({"value": "float64"})


def row(measure, value, query="q1", *, task="iid-variance", ranker="bm25", **more):
    family = "pretrained" if ranker == "minilm" else "traditional"
    facts = {"defense": "none", "attack": "", "seed": 0, "doc_id": ""} | more
    return Row(
        task=task, collection="lee", ranker=ranker, family=family, query_id=query, measure=measure, value=value, **facts
    )


def iid(values=AP, **more):
    return [
        row("AP", value, f"q{number}", ranker=ranker, **more)
        for ranker, own in values.items()
        for number, value in enumerate(own)
    ]


def attack(success, control, *, ranker="bm25", attack="random-edit:edits=3", **more):
    """Rows of targets: success and control are lists a query of values a document."""
    task = "document-attack"
    for query, (own, other) in enumerate(zip(success, control, strict=True)):
        for document, pair in enumerate(zip(own, other, strict=True)):
            for measure, value in zip(("success", "control/success"), pair, strict=True):
                place = {"query": f"q{query}", "doc_id": f"{ranker}-{document}"}
                yield row(measure, value, task=task, ranker=ranker, attack=attack, **place, **more)


def tables(rows, baseline="bm25", **more):
    rows = rows if isinstance(rows, pd.DataFrame) else frame(rows)
    settings = dataclasses.replace(settings_for(rows, baseline), **{"rounds": 200, **more})
    return {table.name: table for table in make_tables(rows, settings)}


def cell(table, column, *keys):
    position = [one.title for one in table.columns].index(column)
    (line,) = [line for line in table.lines if set(keys) <= set(line.keys)]
    return line.values[position]


def test_a_small_table_worked_out_by_hand():
    table = tables(iid())["iid-variance-lee"]
    assert [line.keys for line in table.lines] == [("traditional", "bm25"), ("pretrained", "minilm")]
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
    assert [cell(table, "AP", ranker).best for ranker in AP] == [False, True]
    assert cell(table, "Var(AP)", "minilm").best
    assert [line.units for line in table.lines] == [4, 4]


def test_numbers_are_written_as_the_field_writes_them():
    three, one, percent = (
        Column("a", ("a",)),
        Column("b", ("b",), digits=1),
        Column("c", ("c",), percent=True, digits=1),
    )
    written = [number(value, three) for value in (0.4968, -0.0312, 1.25, -0.0001, 1.0, None)]
    assert written == [".497", "-.031", "1.250", ".000", "1.000", "–"]
    assert [number(value, one) for value in (0.5, -0.04, 12.34)] == ["0.5", "0.0", "12.3"]
    assert [number(value, percent) for value in (0.0049, -0.125)] == ["0.5", "-12.5"]


def test_figures_that_look_the_same_are_equally_good():
    table = tables(iid({"a": [0.50001, 0.5], "b": [0.5, 0.5], "c": [0.4, 0.4]}), baseline="a")["iid-variance-lee"]
    assert [line.values[0].best for line in table.lines] == [True, True, False]


def test_a_figure_is_the_mean_over_seeds_of_each_seeds_figure():
    rows = iid({"bm25": [0.2, 0.4]}) + iid({"bm25": [0.8, 0.4]}, seed=1)
    table = tables(rows)["iid-variance-lee"]
    # The means over seeds, .5 and .4, have a variance of .0025.
    assert cell(table, "Var(AP)", "bm25").estimate == pytest.approx((0.01 + 0.04) / 2)
    assert cell(table, "VNAP", "bm25").estimate == pytest.approx((0.01 / 0.3**2 + 0.04 / 0.6**2) / 2)
    assert cell(table, "AP, lowest 10 %", "bm25").estimate == pytest.approx(0.3)
    assert "over queries and 2 seeds" in table.legend


def test_seeds_that_agree_leave_the_interval_over_queries():
    values = {"bm25": [0.1, 0.5, 0.7, 0.2, 0.9]}
    one, three = (tables([row for seed in range(n) for row in iid(values, seed=seed)]) for n in (1, 3))
    assert one == three
    assert "interval over queries, 200" in one["iid-variance-lee"].legend


def test_what_is_paired_was_measured_under_the_same_seed():
    rows = []
    for seed, clean, attacked in ((0, 0.8, 0.4), (1, 0.2, None)):
        more = {"task": "query-attack", "attack": "typos", "seed": seed}
        rows.append(row("nDCG@10/clean", clean, **more))
        rows.append(row("nDCG@10/attacked", attacked, status="ok" if attacked else "failed", **more))
    table = tables(rows)["query-attack-ndcg-10-lee"]
    assert cell(table, "drop rate", "bm25").estimate == pytest.approx(-0.5)
    assert cell(table, "clean", "bm25").estimate == pytest.approx(0.5)


def test_drop_rates_are_ratios_of_means():
    pairs = [(0.8, 0.4), (0.2, 0.2), (0.0, 0.0)]
    more = {"task": "query-attack", "attack": "typos"}
    rows = [
        row(f"AP/{name}", value, f"q{query}", **more)
        for query, pair in enumerate(pairs)
        for name, value in zip(("clean", "attacked"), pair, strict=True)
    ]
    table = tables(rows)["query-attack-ap-lee"]
    assert cell(table, "drop rate", "bm25").estimate == pytest.approx(-0.4)  # the mean of ratios is -.25 or undefined
    assert cell(table, "queries dropping", "bm25").estimate == pytest.approx(1 / 3)


def test_the_difference_to_the_control_is_tested_a_query():
    success = [[1, 1], [1, 1], [1, 0], [1, 1], [1, 1], [1, 1]]
    control = [[0, 0], [0, 0], [0, 0], [0, 1], [0, 0], [0, 0]]
    table = tables(attack(success, control))["document-attack-lee"]
    value = cell(table, "success - control", "bm25")
    assert value.estimate == pytest.approx(11 / 12 - 1 / 12)
    assert value.units == 12
    assert value.p_values == {PAIR: pytest.approx(2 / 64)}
    assert value.marks == PAIR
    edited = cell(table, "edited", "bm25")
    assert (edited.estimate, edited.interval) == (12, None)


def test_rankers_with_other_targets_are_compared_by_query_means():
    a = attack([[0, 0], [0, 0], [1, 0]], [[0, 0]] * 3)
    b = attack([[1, 1, 1], [1, 0, 1], [1, 1, 1]], [[0, 0, 0]] * 3, ranker="minilm")
    value = cell(tables([*a, *b])["document-attack-lee"], "success", "minilm")
    assert value.estimate == pytest.approx(8 / 9)
    assert value.p_values[BASELINE] == pytest.approx(2 / 8)


def test_holm_goes_over_the_column_and_defended_rankers_meet_themselves():
    rng = np.random.default_rng(5)
    base = rng.uniform(0.3, 0.5, 8)
    rows = iid({"bm25": base, "minilm": base + 0.1}) + iid({"minilm": base + 0.05}, defense="certdr")
    table = tables(rows)["iid-variance-lee"]
    exact = 2 / 2**8  # every test finds all eight queries on one side
    # bm25 is not defended here, so the defended minilm has one counterpart: two tests in all.
    assert cell(table, "AP", "minilm", "none").p_values == {BASELINE: pytest.approx(2 * exact)}
    assert cell(table, "AP", "minilm", "certdr").p_values == {UNDEFENDED: pytest.approx(2 * exact)}
    assert cell(table, "AP", "minilm", "certdr").marks == UNDEFENDED


@pytest.mark.parametrize("title", ["success", "median boost"])
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
        )
        for query, p in enumerate(chance)
        for document in range(sizes[query])
    ]
    low, high = cell(tables(rows, rounds=1000)["document-attack-lee"], title, "bm25").interval
    own = (
        [np.array(values) for values in success]
        if title == "success"
        else [np.full(n, 10 * p) for p, n in zip(chance, sizes, strict=True)]
    )
    statistic = np.mean if title == "success" else np.median
    drawn = [statistic(np.concatenate([own[i] for i in rng.integers(30, size=30)])) for _ in range(4000)]
    expected = np.quantile(drawn, [0.025, 0.975])
    assert (low, high) == pytest.approx(tuple(expected), rel=0.12)


def test_a_missing_value_is_never_a_zero():
    rows = iid({"bm25": [0.4, 0.6]})
    table = tables(rows)["iid-variance-lee"]
    gap = row("AP", None, "q9", status="failed", note="undefined")
    with_gap = tables([*rows, gap])["iid-variance-lee"]
    assert cell(with_gap, "AP", "bm25").estimate == cell(table, "AP", "bm25").estimate == 0.5
    assert with_gap.lines[0].units == 2
    assert "1 row failed, measured and undefined: undefined (1)." in with_gap.notes


def test_a_line_whose_cell_broke_shows_that_it_did():
    broken = row("error", None, "", ranker="minilm", status="error", note="RuntimeError: out of memory")
    table = tables([*iid({"bm25": [0.4, 0.6]}), broken])["iid-variance-lee"]
    assert all(value.estimate is None for value in table.lines[1].values)
    assert any("RuntimeError: out of memory (1)" in note for note in table.notes)
    assert f"– : undefined or not measured ({len(table.columns)} cells)." in table.notes


def test_rows_that_all_failed_make_a_table_that_says_so():
    rows = [
        row("AP", None, f"q{i}", ranker=ranker, status="failed", note="undefined") for ranker in AP for i in range(3)
    ]
    (table,) = tables(rows).values()
    assert [line.keys for line in table.lines] == [("traditional", "bm25"), ("pretrained", "minilm")]
    assert table.columns == ()
    assert "6 rows failed, measured and undefined: undefined (6)." in table.notes


def test_a_line_that_was_only_skipped_is_in_the_notes_alone():
    skipped = row("certified@1/R=1", None, "", task="certified-topk", status="skipped", note="'none' proves nothing")
    proved = [row(name, 1.0, task="certified-topk", defense="certdr") for name in ("certified@1/R=1", "rho/R=1")]
    table = tables([skipped, *proved])["certified-topk-r-1-lee"]
    assert [line.keys for line in table.lines] == [("traditional", "bm25", "certdr")]
    assert any("'none' proves nothing" in note for note in table.notes)


def test_one_query_has_no_interval_and_one_ranker_no_rival():
    table = tables(iid({"bm25": [0.4]}))["iid-variance-lee"]
    value = cell(table, "AP", "bm25")
    assert (value.estimate, value.interval, value.p_values, value.best) == (0.4, None, {}, False)


def test_map_of_zero_leaves_vnap_undefined():
    table = tables(iid({"bm25": [0.0, 0.0]}))["iid-variance-lee"]
    assert cell(table, "VNAP", "bm25").estimate is None
    assert cell(table, "AP", "bm25").estimate == 0


def test_nothing_measured_is_lost(rows):
    shown = {
        (c.task, name)
        for t in tables(rows, rounds=0, permutations=1).values()
        for c in t.columns
        for name in c.measures
    }
    measured = rows[rows["value"].notna()]
    assert shown >= set(zip(measured["task"], measured["measure"], strict=True))


def test_an_unknown_task_gets_a_table_of_its_means():
    rows = [row(name, value, q, task="their-task:x=1") for name in ("m", "a/b") for q, value in (("q1", 1), ("q2", 2))]
    (table,) = tables(rows).values()
    assert (table.name, table.further) == ("their-task-measures-1-lee", False)
    assert [column.title for column in table.columns] == ["a/b", "m"]
    assert [value.estimate for value in table.lines[0].values] == [1.5, 1.5]


def test_settings_of_a_task_have_tables_of_their_own():
    rows = [
        row("success", v, task=f"document-attack:targets={t}", attack="x") for t, v in (("easy-5", 1), ("hard-5", 0))
    ]
    made = tables(rows)
    assert cell(made["document-attack-targets-hard-5-lee"], "success", "bm25").estimate == 0
    titles = [column.title for column in made["summary-lee"].columns]
    assert titles == [f"document attack, success (targets={t})" for t in ("easy-5", "hard-5")]


def test_the_summary_averages_over_attacks_that_every_line_met():
    rows = [
        *attack([[1], [1]], [[0], [0]], attack="white-box"),
        *attack([[0], [0]], [[0], [0]], attack="black-box"),
        *attack([[0], [1]], [[0], [0]], attack="black-box", ranker="minilm"),
    ]
    table = tables(rows)["summary-lee"]
    assert cell(table, "document attack, success", "bm25").estimate == 0
    assert "black-box" in table.legend
    assert "white-box" not in table.legend


def test_the_order_of_lines_is_that_of_papers():
    rows = [
        *iid({name: [0.1] for name in ("minilm", "zebra", "bm25")}),
        *(row("success", 1.0, task="document-attack", attack=f"a:size={size}") for size in (10, 5)),
    ]
    made = tables(rows, baseline="zebra")
    assert [line.keys[1] for line in made["iid-variance-lee"].lines] == ["bm25", "zebra", "minilm"]
    assert [line.turns for line in made["iid-variance-lee"].lines] == [False, False, True]
    assert [line.keys[0] for line in made["document-attack-lee"].lines] == ["a:size=5", "a:size=10"]
    assert settings_for(frame(rows), None) == Settings("bm25")


def test_an_unknown_baseline_is_an_error_with_a_hint(rows):
    with pytest.raises(UsageError, match="did you mean 'bm25'"):
        settings_for(rows, "bm52")


def test_the_order_of_rows_changes_nothing(rows):
    few = rows[(rows["task"] == "document-attack:targets=easy-5") & (rows["ranker"] != "query-likelihood")]
    few = few[few["measure"].isin(["success", "control/success", "nDCG@10/clean", "nDCG@10/attacked"])]
    shuffled = few.sample(frac=1, random_state=3)
    assert tables(shuffled, rounds=20) == tables(few, rounds=20)


def test_values_agree_with_the_rows(run_folder):
    rows = load_rows(run_folder)
    at = {"task": "document-attack:targets=easy-5", "ranker": "minilm", "defense": "none", "measure": "boost"}
    at["attack"] = "word-substitution:max_words=5"
    own = rows[np.logical_and.reduce([rows[key] == value for key, value in at.items()])]
    expected = own.groupby(["query_id", "doc_id"])["value"].mean().mean()
    boosts = rows[(rows["measure"] == "boost") & (rows["ranker"] == "minilm")]
    value = cell(tables(boosts, "minilm", rounds=0)["document-attack-lee"], "boost", "none", at["attack"])
    assert value.estimate == pytest.approx(expected)
    assert not math.isnan(expected)


def test_unseen_types_and_corpora_show_what_training_elsewhere_costs(study):
    made = tables(study, rounds=0)
    own = study[(study["ranker"] == "duet") & (study["task"] == "ood-query") & (study["query_id"] != "")]
    mean = own.groupby(["measure", "seed"])["value"].mean().unstack()
    expected = (mean.loc["nDCG@10/unseen"] / mean.loc["nDCG@10/seen"] - 1).mean()
    table = made["ood-query-ndcg-10-c0"]
    assert cell(table, "drop rate", "duet").estimate == pytest.approx(expected)
    expected = (mean.loc["nDCG@10/unseen/what"] / mean.loc["nDCG@10/seen/what"] - 1).mean()
    types = made["ood-query-ndcg-10-types-c0"]
    assert cell(types, "what (4)", "duet").estimate == pytest.approx(expected)
    assert [column.title for column in types.columns] == ["how (4)", "other (4)", "what (4)"]
    assert [value.estimate is None for value in table.lines[0].values] == [False, True, True, True]  # bm25
    assert any("no type is new to it" in note for note in table.notes)
    corpora = made["ood-corpus-ndcg-10-c0"]
    assert cell(corpora, "drop rate from c9", "duet") == cell(corpora, "drop rate", "duet")
    titles = [column.title for column in made["summary-c0"].columns]
    assert {"unseen queries, drop rate", "other corpora, drop rate"} <= set(titles)


def test_rankers_stand_by_family_with_the_baseline_in_its_own(study):
    table = tables(study[study["task"] == "iid-variance"], "duet", rounds=0)["iid-variance-c0"]
    families = [line.keys[0] for line in table.lines]
    assert families == ["traditional"] * 2 + ["learning to rank"] * 2 + ["neural"] * 3 + ["pretrained"] * 3
    assert [i for i, line in enumerate(table.lines) if line.turns] == [2, 4, 7]
    assert "from the baseline duet" in table.legend
    assert [line for line in latex.table(table).splitlines() if "cmidrule" in line] == [r"\cmidrule{1-14}"] * 3
    shown = [line.split("|")[1].strip() for line in markdown.table(table).splitlines() if line.startswith("|")][2:]
    assert shown == ["traditional", "", "learning to rank", "", "neural", "", "", "pretrained", "", ""]
    assert html_tables.table(table).count("class=turns") == 3
