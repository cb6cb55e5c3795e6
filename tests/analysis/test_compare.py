"""Two runs compared: paired where both measured, counted where one did not."""

from __future__ import annotations

import dataclasses
import io
import math

import pandas as pd
import pytest
from rich.console import Console

from robustrank.analysis.compare import compare_runs
from robustrank.cli.compare_command import comparison_table
from tests.report_rows import frame, make_rows, point, relabelled, row


def run(values, measure="AP", **at):
    return frame(row(measure, value, query, **at) for query, value in values.items())


def only(compared):
    (record,) = compared.to_dict("records")
    return record


def test_a_difference_worked_out_by_hand():
    a = run({"q1": 0.1, "q2": 0.2, "q3": 0.3, "q4": 0.4, "gone": 0.9})
    b = run({"q1": 0.2, "q2": 0.3, "q3": 0.3, "q4": 0.6, "new": 0.0, "newer": 0.0})
    record = only(compare_runs(a, b))
    assert (record["mean_a"], record["mean_b"]) == (pytest.approx(0.25), pytest.approx(0.35))
    assert record["difference"] == pytest.approx(0.1)
    assert record["low"] < 0.1 < record["high"]
    assert record["p"] == pytest.approx(2 / 8)  # three queries differ, all in one direction
    assert (record["common"], record["only_a"], record["only_b"]) == (4, 1, 2)


def test_seeds_are_averaged_and_a_missing_value_is_no_zero():
    a = pd.concat([run({"q1": 0.2, "q2": 0.5}), run({"q1": 0.4}, seed=1)])
    b = pd.concat([run({"q1": 0.5}), frame([row("AP", None, "q2", status="failed")])])
    record = only(compare_runs(a, b))
    assert (record["mean_a"], record["mean_b"]) == (pytest.approx(0.3), 0.5)
    assert (record["common"], record["only_a"], record["only_b"]) == (1, 1, 0)


def test_seeds_that_both_runs_have_are_resampled():
    queries = [f"q{i}" for i in range(30)]
    a = pd.concat([run(dict.fromkeys(queries, 0.5), seed=seed) for seed in range(4)])
    gains = {q: 0.1 + 0.001 * i for i, q in enumerate(queries)}
    b = pd.concat([run({q: 0.5 + g * seed for q, g in gains.items()}, seed=seed) for seed in range(4)])
    same = pd.concat([run({q: 0.5 + g * 1.5 for q, g in gains.items()}, seed=seed) for seed in range(4)])
    wide, narrow = only(compare_runs(a, b)), only(compare_runs(a, same))
    assert wide["difference"] == pytest.approx(narrow["difference"])
    assert wide["high"] - wide["low"] > 5 * (narrow["high"] - narrow["low"])
    disjoint = only(compare_runs(a, b.assign(seed=b["seed"] + 10)))  # no seed in common: over queries alone
    assert disjoint["high"] - disjoint["low"] == pytest.approx(narrow["high"] - narrow["low"], rel=0.2)


def test_a_task_whose_parameters_differ_is_paired_and_named_by_both():
    a, b = run({"q1": 0.2}), run({"q1": 0.4}, task="iid-variance:floor=0.2")
    record = only(compare_runs(a, b))
    assert (record["task"], record["common"]) == ("iid-variance → iid-variance:floor=0.2", 1)
    several = pd.concat([b, run({"q1": 0.5}, task="iid-variance:floor=0.3")])
    assert set(compare_runs(a, several)["common"]) == {0}  # which of the two would be a guess


def test_runs_with_nothing_in_common_are_counted_and_not_tested():
    compared = compare_runs(run({"q1": 0.2}), run({"q2": 0.4}, measure="RR"))
    assert compared["measure"].tolist() == ["AP", "RR"]
    assert compared["p"].isna().all()
    assert compared["difference"].isna().all()
    assert compared[["only_a", "only_b"]].to_numpy().tolist() == [[1, 0], [0, 1]]
    assert math.isnan(compared["mean_b"][0])


def test_holm_goes_over_the_conditions_of_a_measure_that_differ():
    queries = [f"q{i}" for i in range(8)]
    low, high = dict.fromkeys(queries, 0.2), dict.fromkeys(queries, 0.4)
    a = pd.concat([run(low, ranker=name) for name in "xyz"] + [run(low, measure="RR")])
    b = pd.concat([run(high, ranker=name) for name in "xy"] + [run(low, ranker="z"), run(high, measure="RR")])
    p = compare_runs(a, b).set_index(["measure", "ranker"])["p"]
    assert p.to_dict() == {
        ("AP", "x"): pytest.approx(2 * 2 / 256),
        ("AP", "y"): pytest.approx(2 * 2 / 256),
        ("AP", "z"): 1,
        ("RR", "bm25"): pytest.approx(2 / 256),
    }


def test_the_same_run_differs_in_nothing(small_rows):
    compared = compare_runs(small_rows, small_rows.sample(frac=1, random_state=1))
    assert (compared["difference"] == 0).all()
    assert (compared[["only_a", "only_b"]] == 0).all(axis=None)


def test_the_table_shows_what_differs():
    compared = compare_runs(
        pd.concat([run({"q1": 0.1, "q2": 0.2}), run({"q1": 1.0}, measure="same")]),
        pd.concat([run({"q1": 0.2, "q2": 0.2}), run({"q1": 1.0}, measure="same")]),
    )
    console = Console(width=80, file=io.StringIO(), color_system=None)
    console.print(comparison_table(compared))
    text = console.file.getvalue()
    assert "0.15" in text
    assert "0.05" in text
    assert max(map(len, text.splitlines())) <= 80


def test_runs_are_paired_by_plug_in_and_parameters_whatever_they_are_labelled():
    rows = make_rows(("bm25",), ("q1", "q2"), (0,))
    labels = {text: f"other {number}" for number, text in enumerate(("iid-variance", "lee", "bm25", "none"))}
    compared = compare_runs(frame(rows), frame(relabelled(rows, labels)), rounds=0)
    assert (compared["difference"] == 0).all()
    assert (compared[["only_a", "only_b"]] == 0).all(axis=None)
    assert set(compared["ranker"]) == {"bm25 → other 2"}
    assert {"none → other 3", "certdr:samples=200"} == set(compared["defense"])


def test_a_collection_in_another_folder_is_paired_by_its_identity():
    def at(folder, identity):
        (cell, fact), *_ = [row("AP", 0.5, collection=f"beir:folder={folder}")]
        changed = dataclasses.replace(cell, collection=point(f"beir:folder={folder}", identity=identity))
        return frame([(changed, fact)])

    assert only(compare_runs(at("a", "same"), at("b", "same")))["common"] == 1
    assert set(compare_runs(at("a", "one"), at("b", "two"))["common"]) == {0}
