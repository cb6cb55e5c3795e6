"""Lists are ranked as lists: nothing rises because it was scored apart from the rest."""

from __future__ import annotations


def test_a_list_ranker_that_says_it_is_pointwise_is_refused(case):
    ranker = case("24-listwise-ranker")
    said = ranker.run("pointwise.yaml")
    assert said.code == 5
    assert "subclass Ranker and implement rank(requests)" in said.text
    assert {row["status"] for row in ranker.rows()} == {"error"}


def test_only_a_text_that_matches_better_rises_in_a_ranked_list(case):
    ranker = case("24-listwise-ranker")
    assert ranker.run("lists.yaml").code == 0
    success = ranker.rows(measure="success", condition="attacked", cutoff="")
    assert [row["value"] for row in success if row["attack"] != "keyword-stuffing"] == [0.0] * 6
    assert [row["value"] for row in success if row["attack"] == "keyword-stuffing"] == [1.0] * 3


def test_an_attack_on_queries_gets_the_scores_it_declares(case):
    attack = case("26-query-attack-with-scores")
    said = attack.run()
    assert said.code == 0, said.text
    assert len(attack.values("nDCG@10", condition="worst")) == 3
    words = {"q1": 3, "q2": 4, "q3": 5}
    queries = attack.values("queries", group="")
    assert queries == {(query_id, ""): count for query_id, count in words.items()}
    assert not attack.rows(status="error")
    assert not attack.rows(status="skipped")


def test_flagged_documents_keep_the_order_of_the_ranker(case):
    defense = case("54-flagged-documents-lose-their-order")
    assert defense.run().code == 0
    assert defense.values("nDCG@10", defense="none") == {("q1", ""): 1.0}
    assert defense.values("nDCG@10", defense="flag all") == {("q1", ""): 1.0}
