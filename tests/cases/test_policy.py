"""Which queries and documents a figure is over: no query vanishes, no place is credited by chance, and all is said."""

from __future__ import annotations

import json

import pytest

pytrec_eval = pytest.importorskip("pytrec_eval")


def notes(said) -> list[str]:
    return [line.removeprefix("note: ") for line in said.text.splitlines() if line.startswith("note: ")]


def trec_eval_c(run, judged: str, name: str) -> dict[str, float]:
    """Return a measure of every judged query by pytrec_eval, 0 where it returns none, as ``trec_eval -c`` does."""
    qrels: dict[str, dict[str, int]] = {}
    for line in (run.folder / judged).read_text().splitlines():
        query_id, *_, doc_id, gain = line.split()
        if gain != "score":
            qrels.setdefault(query_id, {})[doc_id] = max(0, int(gain))
    lists: dict[str, dict[str, float]] = {}
    # trec_eval orders equal scores by descending id: it gets ranks.
    ranked = sorted(run.scores().items(), key=lambda item: (-item[1], item[0]))
    for place, ((query_id, doc_id), _) in enumerate(ranked):
        lists.setdefault(query_id, {})[doc_id] = float(-place)
    values = pytrec_eval.RelevanceEvaluator(qrels, {name}).evaluate(lists)
    return {query_id: values.get(query_id, {}).get(name, 0.0) for query_id in qrels}


@pytest.mark.parametrize(
    ("name", "judged", "note"),
    [
        (
            "01-query-with-zero-judgements-only",
            "data/qrels/test.tsv",
            "data: 1 of 2 queries without a relevant document, 0 in every measure, as in trec_eval -c: 'q2'.",
        ),
        (
            "02-run-lacks-a-query",
            "qrels.txt",
            "data: 1 of 2 queries without candidates, 0 in every measure, as in trec_eval -c: 'q2'.",
        ),
    ],
)
def test_a_judged_query_counts_as_in_trec_eval(case, name, judged, note):
    run = case(name)
    said = run.run(report=True)
    assert said.code == 0
    assert note in notes(said)
    ndcg = {query_id: value for (query_id, _), value in run.values("nDCG@10").items()}
    assert ndcg == pytest.approx(trec_eval_c(run, judged, "ndcg_cut_10"), abs=1e-6) == {"q1": 1.0, "q2": 0.0}
    table = (run.folder / "out/report/tables/iid-variance.md").read_text()
    assert "| .500 " in table, "the mean is over both queries"
    run.replace("exp.yaml", "label: data", "unanswered: leave-out, label: data")
    said = run.run(out="fewer")
    assert any("left out: 'q2'" in text for text in notes(said))
    assert run.values("nDCG@10", "fewer") == {("q1", ""): 1.0}


@pytest.mark.parametrize("task", ["document-attack", "query-attack"])
def test_an_attack_on_a_query_without_candidates_is_counted(case, task):
    run = case("02-run-lacks-a-query")
    attack = "keyword-stuffing" if task == "document-attack" else "character-typos"
    run.replace("exp.yaml", "tasks: [iid-variance]", f"attacks: [{attack}]\ntasks: [{task}]")
    if task == "document-attack":
        run.replace("exp.yaml", "tasks: [document-attack]", "tasks: [{name: document-attack, targets: [last-1]}]")
    assert run.run().code == 0
    skipped = [row for row in run.rows(status="skipped") if row["query_id"] == "q2"]
    assert [row["note"] for row in skipped] == ["the query has no candidates: there is nothing to attack"]
    if task == "query-attack":
        for condition in ("clean", "attacked", "worst"):
            assert run.values("nDCG@10", condition=condition)["q2", ""] == 0


@pytest.mark.parametrize("ranker", ["bm25", "query-likelihood", "rm3"])
@pytest.mark.parametrize("run_line", ["", "run: run.txt, "])
def test_a_query_that_matches_nothing_earns_nothing(case, ranker, run_line):
    """By its own list, by that of a run, and where a list holds the whole collection."""
    run = case("02-run-lacks-a-query")
    run.replace("exp.yaml", "run: run.txt, ", run_line)
    run.replace("exp.yaml", "[bm25]", f"[{ranker}]")
    run.replace("queries.tsv", "apple", "zebra")
    run.replace("qrels.txt", "q1 0 a 1", "q1 0 a 1\nq1 0 c 1")
    run.run()
    assert run.values("nDCG@10")["q1", ""] == 0
    assert run.values("AP")["q1", ""] == 0


@pytest.mark.parametrize("defense", ["certdr", "median-smoothing", "random-masking", "canonical", "spamicity-filter"])
def test_a_query_that_matches_nothing_earns_nothing_under_a_defense(case, defense):
    """A smoothed score is no longer the 0 by which BM25 says that nothing matches."""
    run = case("02-run-lacks-a-query")
    run.replace("exp.yaml", "tasks:", f"defenses: [none, {defense}]\ntasks:")
    run.replace("queries.tsv", "apple", "zebra")
    run.replace("qrels.txt", "q1 0 a 1", "q1 0 a 1\nq1 0 c 1")
    assert run.run().code == 0
    assert run.values("nDCG@10", defense=defense) == run.values("nDCG@10", defense="none")
    assert run.values("nDCG@10", defense=defense)["q1", ""] == 0


def test_the_header_says_whose_statistics_a_lexical_ranker_has(case):
    run = case("55-statistics-of-a-given-run")
    pool, whole = run.run(), run.run("whole.yaml", "whole")
    said = "bm25 on data: Its collection statistics are those of the {} documents that were read"
    assert (
        f"{said.format(4)}, each of which is a candidate or judged: of a pool, if the collection holds more."
        in notes(pool)
    )
    assert f"{said.format(16)}." in notes(whole)
    kept = json.loads((run.folder / "out" / "provenance.json").read_text())["rankers"]["bm25 on data"]["reading"]
    assert kept[0].startswith("Its collection statistics are those of the 4 documents")
    assert run.values("nDCG@10") != run.values("nDCG@10", "whole") == {("q1", ""): 0.5}


def test_beirs_rule_leaves_the_querys_own_document_out(case):
    run = case("01-query-with-zero-judgements-only")
    for old, new in (('"_id": "q1"', '"_id": "a"'),):
        run.replace("data/queries.jsonl", old, new)
    run.replace("data/qrels/test.tsv", "q1\ta\t1\nq1\tc\t0", "a\ta\t0\na\tc\t1")
    said = run.run()
    assert "data: For 1 of 2 queries the document with the query's id is left out of the list." in notes(said)
    assert run.values("RR@10")["a", ""] == 1.0
    run.replace("exp.yaml", "label: data", "ignore_identical_ids: false, label: data")
    assert any("is kept in the list" in text for text in notes(run.run(out="kept")))
    assert run.values("RR@10", "kept")["a", ""] == 0.5


def test_ties_by_id_or_worst(case):
    """Apple stands once in a and in c, of equal length."""
    run = case("01-query-with-zero-judgements-only")
    run.replace("exp.yaml", "[iid-variance]", "[iid-variance, {name: iid-variance, ties: worst, label: worst}]")
    said = run.run(report=True)
    assert said.code == 0
    noted = "data: degenerate_scores for 1 query: over 20 % of a list's scores are equal to another"
    assert notes(said).count(f"bm25 on {noted}") == 1, "once, for two cells"
    report = (run.folder / "out/report/report.md").read_text().replace("\\", "")
    assert "degenerate_scores: in 1 list over 20 %" in report
    assert run.values("RR@10", task="iid-variance")["q1", ""] == 1.0
    assert run.values("RR@10", task="worst")["q1", ""] == 0.5
    noted = {row["note"] for row in run.rows(query_id="q1", measure="RR@10")}
    assert noted == {"degenerate_scores: 2 of 2 scores are equal to another"}
