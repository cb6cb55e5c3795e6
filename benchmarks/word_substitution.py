"""Time of word substitution a document, and its success: concurrent, sequential, and TextAttack.

    OMP_NUM_THREADS=1 python benchmarks/word_substitution.py --documents 24

All systems attack the same target documents of the same victim model, with the same substitution table and the same
query budget. TextAttack runs its greedy search in order of importance by deletion (TextFooler's), without the
constraints that would cost more time: once over all words but stop words, and once over the words that the others may
replace, which leave names as they are.
Every system starts with an empty score cache. The systems run in turn, ``--rounds`` times; times are medians, of the
processor and by the clock. Pairs are those that are given to the ranker; of those that are alike after truncation it
computes one a call.
"""

from __future__ import annotations

import importlib
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import click
import numpy as np
from rich.console import Console
from rich.table import Table

sys.path.insert(0, str(Path(__file__).parents[1]))
from benchmarks.records import Records, out_option
from robustrank.attack import Attack, Perturbation
from robustrank.collections.collection import Collection
from robustrank.engine.batching_scheduler import MAX_CONCURRENT, run_batched
from robustrank.plugins import create
from robustrank.plugins.specification import Spec, parse
from robustrank.randomness import derive
from robustrank.rankers.ranker import PointwiseRanker
from robustrank.rankers.serving import ServedRanker
from robustrank.records import RankedList
from robustrank.text.embedding_table import load_table
from robustrank.text.fitting import fitting
from robustrank.text.table import SubstitutionTable
from robustrank.text.textattack_adapter import textattack_package
from robustrank.text.textattack_recipes import Recipe, table_embedding
from robustrank.text.words import vocabulary, words
from robustrank.victim import Budget, BudgetExhausted, DocumentVictim, QueryInterface, Target

Outcome = tuple[list[str], int]  # adversarial documents, pairs that the ranker was given


@click.command()
@click.option("--collection", default="lee:split=background,depth=50", show_default=True, help="A specification.")
@click.option("--ranker", default="minilm:max_length=192", show_default=True, help="A specification.")
@click.option("--documents", default=24, show_default=True, help="Target documents, three per query.")
@click.option("--max-words", default=5, show_default=True, help="Maximum number of replaced words.")
@click.option("--budget", default=500, show_default=True, help="Query budget of each target.")
@click.option("--rounds", default=1, show_default=True)
@click.option("--only", default="", help="Systems whose names contain this, besides TextAttack.")
@out_option
def main(
    collection: str,
    ranker: str,
    documents: int,
    max_words: int,
    budget: int,
    rounds: int,
    only: str,
    out: Path | None,
) -> None:
    """Print the table."""
    records = Records(out, click.get_current_context().params)
    read: Collection = create("collection", parse(collection)).read()
    targets, lists = sample_targets(read, ranker, documents)
    table = load_table("encoder", vocabulary(read.documents.values()), 0.6, 10)
    attacks = {
        "word substitution, concurrent": (
            "word-substitution",
            {"surrogate": "victim", "similarity": None},
            MAX_CONCURRENT,
        ),
        "word substitution, sequential": ("word-substitution", {"surrogate": "victim", "similarity": None}, 1),
        "greedy substitution, concurrent": ("greedy-substitution", {}, MAX_CONCURRENT),
        "greedy substitution, sequential": ("greedy-substitution", {}, 1),
        "greedy substitution by deletion, sequential": ("greedy-substitution", {"search": "deletion"}, 1),
    }
    systems: dict[str, Callable[[ServedRanker], Outcome]] = {
        name: partial(
            run_attack,
            prepared_attack(plugin, {"max_words": max_words, "table": "encoder", **parameters}, read),
            targets,
            lists,
            budget,
            concurrent,
        )
        for name, (plugin, parameters, concurrent) in attacks.items()
        if only in name
    }
    for name, is_fitting in {"TextAttack": False, "TextAttack, without names": True}.items():
        systems[name] = partial(run_textattack, targets, table, read.language, is_fitting, max_words, budget)
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in systems}
    outcomes: dict[str, Outcome] = {}
    for _ in range(rounds):
        for name, system in systems.items():
            served = uncached_ranker(ranker, read)
            start = time.process_time(), time.perf_counter()
            outcomes[name] = system(served)
            times[name].append((time.process_time() - start[0], time.perf_counter() - start[1]))
    medians = {name: tuple(map(statistics.median, zip(*rows, strict=True))) for name, rows in times.items()}
    report(targets, lists, uncached_ranker(ranker, read), medians, outcomes, records)
    records.write()


def uncached_ranker(ranker: str, collection: Collection) -> ServedRanker:
    """Return a ranker with its weights loaded and an empty score cache."""
    model = create("ranker", parse(ranker))
    model.prepare(collection)
    model.score([("warm", "up")])
    return ServedRanker(model)


def sample_targets(collection: Collection, ranker: str, count: int) -> tuple[list[Target], list[RankedList]]:
    """Return targets at the middle, at three quarters and at the end of the served lists, and each target's list."""
    served, targets, lists = uncached_ranker(ranker, collection), [], []
    for query_id, query in collection.queries.items():
        request = collection.request(query_id)
        ranked = RankedList(request, served.rank([request])[0])
        size = len(ranked.candidates)
        for index in (size // 2, 3 * size // 4, size - 1):
            target = ranked.candidates[index]
            targets.append(Target(query_id, query, target.doc_id, target.text, index + 1, ranked.candidates))
            lists.append(ranked)
        if len(targets) >= count:
            break
    return targets[:count], lists[:count]


def prepared_attack(plugin: str, parameters: dict[str, object], collection: Collection) -> Attack:
    """Return an attack with its substitution table loaded."""
    attack: Attack = create("attack", Spec(plugin, parameters))
    attack.prepare(
        QueryInterface(ServedRanker(create("ranker", Spec("bm25"))), attack.access), collection, derive(0, "prepare")
    )
    return attack


def run_attack(
    attack: Attack,
    targets: Sequence[Target],
    lists: Sequence[RankedList],
    budget: int,
    concurrent: int,
    served: ServedRanker,
) -> Outcome:
    """Attack all targets, ``concurrent`` of them at a time."""
    victims: dict[int, DocumentVictim] = {}

    def job(number: int, attack_thread: object) -> str:
        target = targets[number]
        victims[number] = DocumentVictim(
            attack_thread,  # type: ignore[arg-type]
            lists[number],
            target.doc_id,
            attack.access,
            Budget(budget),
        )
        try:
            return attack.perturb(target, victims[number], derive(0, "attack", target.query_id, target.doc_id)).text
        except BudgetExhausted:
            return Perturbation(target.document).text

    texts = dict(run_batched([partial(job, number) for number in range(len(targets))], served, concurrent))
    return [texts[number] for number in range(len(targets))], sum(v.meter.queries for v in victims.values())


def textattack_recipe(document: str, table: SubstitutionTable, language: str, is_fitting: bool) -> Recipe:
    """Return TextAttack's greedy search over the words of a document, or those that the others may replace."""
    package = textattack_package()
    constraints = importlib.import_module("textattack.constraints")
    document_words = words(document)
    eligible = {document_words[i].key for i in fitting(document, document_words, table, language)}

    class Eligible(constraints.PreTransformationConstraint):  # type: ignore[misc, name-defined]  # it has no types
        def _get_modifiable_indices(self, current_text: Any) -> set[int]:
            return {i for i, word in enumerate(current_text.words) if word.lower() in eligible or not is_fitting}

    before = constraints.pre_transformation
    transformation = package.transformations.WordSwapEmbedding(max_candidates=10, embedding=table_embedding(table))
    return Recipe(
        "greedy",
        SimpleNamespace(
            transformation=transformation,
            search_method=package.search_methods.GreedyWordSwapWIR(wir_method="delete"),
            constraints=[],
            pre_transformation_constraints=[before.RepeatModification(), before.StopwordModification(), Eligible()],
        ),
    )


def run_textattack(
    targets: Sequence[Target],
    table: SubstitutionTable,
    language: str,
    is_fitting: bool,
    max_words: int,
    budget: int,
    served: ServedRanker,
) -> Outcome:
    """Attack all targets by TextAttack's greedy search, with batches of 32, as in its goal functions."""
    ranker = cast(PointwiseRanker, served.ranker)
    queries, texts = 0, []
    for target in targets:

        def scores(candidates: list[str], query: str = target.query) -> list[float]:
            nonlocal queries
            queries += len(candidates)
            batches = [candidates[i : i + 32] for i in range(0, len(candidates), 32)]
            return [float(s) for batch in batches for s in ranker.score([(query, text) for text in batch])]

        recipe = textattack_recipe(target.document, table, language, is_fitting)
        texts.append(recipe.search(target.document, scores, max_words, budget, derive(0, "textattack"))[0])
    return texts, queries


def report(
    targets: Sequence[Target],
    lists: Sequence[RankedList],
    served: ServedRanker,
    times: dict[str, tuple[float, ...]],
    outcomes: dict[str, Outcome],
    records: Records,
) -> None:
    """Print and keep the success of each system and what it took."""
    shown = Table(title=f"{len(targets)} documents")
    for column in (
        "",
        "ASR (%)",
        "mean boost",
        "pairs per document",
        "processor s per document",
        "TextAttack's over it",
        "by the clock",
    ):
        shown.add_column(column, justify="left" if not column else "right")
    for name, (texts, queries) in outcomes.items():
        boosts = []
        for target, ranked, text in zip(targets, lists, texts, strict=True):
            (ranking,) = served.rerank([(ranked, {target.doc_id: text})])
            boosts.append(target.rank - int(ranking.ranks[ranked.request.doc_ids.index(target.doc_id)]))
        (processor, wall), success = times[name], float(np.mean([boost > 0 for boost in boosts]))
        figures = {"success": success, "boost": float(np.mean(boosts)), "pairs": queries}
        records.keep(name, documents=len(targets), **figures, wall_s=wall, processor_s=processor)
        factors = [a / b for a, b in zip(times["TextAttack"], times[name], strict=True)]
        shown.add_row(
            name,
            f"{100 * success:.1f}",
            f"{np.mean(boosts):.1f}",
            f"{queries / len(targets):.0f}",
            f"{processor / len(targets):.2f}",
            *(f"{factor:.1f}" for factor in factors),
        )
    Console(width=120).print(shown)


if __name__ == "__main__":
    main()
