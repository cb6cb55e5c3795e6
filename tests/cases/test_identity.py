"""What is edited is measured again, whatever a plug-in says its fingerprint is."""

from __future__ import annotations


def test_an_edited_ranker_is_measured_again(case):
    ranker = case("22-stale-ranker-file")
    assert ranker.run().code == 0
    before = ranker.scores()
    ranker.replace("by_length.py", "+len", "-len")
    again = ranker.run()
    assert "1 to do, 1 stale cell moved to retired" in again.text
    assert ranker.run(out="new").code == 0
    after = {pair: -score for pair, score in before.items()}
    assert len(before) == 24
    assert ranker.scores() == after
    assert ranker.scores("new") == after


def test_an_edited_comment_leaves_a_ranker_as_it_is(case):
    ranker = case("22-stale-ranker-file")
    assert ranker.run().code == 0
    ranker.replace("by_length.py", "The score is", "# a remark\n    # another\n\n    The score is")
    assert "1 cell: 0 to do" in ranker.run().text


def test_parameters_that_a_fingerprint_leaves_out_are_told_apart(case):
    defense = case("23-stale-defense-fingerprint")
    assert defense.run().code == 0
    bare, defended = (defense.values("nDCG@10", defense=label) for label in ("none", "./first_words.py:count=200"))
    cut = defense.values("nDCG@10", defense="./first_words.py:count=1")
    assert len(bare) == 3
    assert defended == bare
    assert cut != bare


def test_a_changed_helper_makes_its_cells_stale(case):
    attack = case("52-helper-of-a-file-plug-in")
    assert attack.run("relative.yaml").code == 0
    (texts,) = attack.adversarial()
    assert {text["after"].split()[0] for text in texts} == {"hello"}
    attack.replace("plug_ins/helper.py", "hello", "farewell")
    assert "1 to do" in attack.run("relative.yaml").text
    (texts,) = attack.adversarial()
    assert {text["after"].split()[0] for text in texts} == {"farewell"}


def test_a_helper_without_a_dot_is_refused_with_the_form_that_works(case):
    refusal = case("52-helper-of-a-file-plug-in").run("absolute.yaml")
    assert refusal.is_refusal, refusal.text
    assert "from .helper import" in refusal.text
