"""Documents attacked per minute by word substitution: here, one document at a time, and by TextAttack.

    python benchmarks/word_substitution.py --documents 24

All attack the same targets of the same ranker, with the same substitutes, the same words they may change and the same
limit of victim calls; TextAttack's is its greedy search in order of importance by deletion (TextFooler's), without the
constraints that would cost it more. Every contestant starts with a ranker that remembers nothing. They take turns,
``--rounds`` times; times are medians.
"""

from __future__ import annotations

import importlib
import statistics
import time
from collections.abc import Callable, Sequence
from functools import partial
from types import SimpleNamespace

import click
import numpy as np
from rich.console import Console
from rich.table import Table

from robustrank.attack import Attack
from robustrank.collections.collection import Collection
from robustrank.engine.batching_scheduler import MAX_CONCURRENT, AttackThread, run_batched
from robustrank.plugins import create
from robustrank.plugins.specification import Spec, parse
from robustrank.randomness import derive
from robustrank.rankers.serving import ServedRanker
from robustrank.records import RankedList
from robustrank.text.embedding_table import load_table
from robustrank.text.textattack_adapter import textattack_package
from robustrank.text.textattack_recipes import Recipe, table_embedding
from robustrank.victim import Budget, BudgetExhausted, DocumentVictim, QueryInterface, Target, Victim

Attacked = tuple[Target, RankedList]  # a target document, and the list it stands in
Outcome = tuple[list[str], int]  # the attacked texts, the queries to the victim


@click.command()
@click.option("--collection", default="lee:split=background,depth=50", show_default=True, help="A specification.")
@click.option("--ranker", default="minilm:max_length=192", show_default=True, help="A specification.")
@click.option("--documents", default=24, show_default=True, help="Targets, three a query.")
@click.option("--max-words", default=5, show_default=True, help="Words changed at the most.")
@click.option("--queries", default=500, show_default=True, help="Queries to the victim per target, at most.")
@click.option("--rounds", default=1, show_default=True)
def main(collection: str, ranker: str, documents: int, max_words: int, queries: int, rounds: int) -> None:
    """Print the table."""
    read: Collection = create("collection", parse(collection)).read()
    targets = choose(read, ranker, documents)
    table = load_table("encoder", read.documents.values(), 0.6, 10)
    attacks = {
        "word-substitution, many at once": ("word-substitution", {"surrogate": "victim"}, MAX_CONCURRENT),
        "word-substitution, one at a time": ("word-substitution", {"surrogate": "victim"}, 1),
        "greedy-substitution, many at once": ("greedy-substitution", {}, MAX_CONCURRENT),
        "greedy-substitution, one at a time": ("greedy-substitution", {}, 1),
    }
    contestants: dict[str, Callable[[ServedRanker], Outcome]] = {
        name: partial(ours, prepared(plugin, {"max_words": max_words, **more}, read), targets, queries, width)
        for name, (plugin, more, width) in attacks.items()
    }
    contestants["TextAttack"] = partial(textattack, targets, table, max_words, queries)
    times: dict[str, list[float]] = {name: [] for name in contestants}
    outcomes: dict[str, Outcome] = {}
    for _ in range(rounds):
        for name, contestant in contestants.items():
            served = fresh(ranker, read)
            start = time.perf_counter()
            outcomes[name] = contestant(served)
            times[name].append(time.perf_counter() - start)
    report(targets, fresh(ranker, read), {n: statistics.median(t) for n, t in times.items()}, outcomes)


def fresh(ranker: str, collection: Collection) -> ServedRanker:
    """Return a ranker with its weights read and nothing remembered."""
    made = create("ranker", parse(ranker))
    made.prepare(collection)
    made.score([("warm", "up")])
    return ServedRanker(made)


def choose(collection: Collection, ranker: str, count: int) -> list[Attacked]:
    """Return targets from the middle, three quarters down and the end of lists, each with its list."""
    ranking_model, targets = fresh(ranker, collection), []
    for query_id, query in collection.queries.items():
        request = collection.request(query_id)
        served = RankedList(request, ranking_model.rank([request])[0])
        for index in (len(request) // 2, 3 * len(request) // 4, len(request) - 1):
            document = served.candidates[index].document
            target = Target(query_id, query, document.doc_id, document.text, index + 1, served.candidates)
            targets.append((target, served))
        if len(targets) >= count:
            break
    return targets[:count]


def prepared(plugin: str, parameters: dict[str, object], collection: Collection) -> Attack:
    """Return an attack that has read its table."""
    attack: Attack = create("attack", Spec(plugin, parameters))
    attack.prepare(
        QueryInterface(ServedRanker(create("ranker", Spec("bm25"))), attack.access), collection, derive(0, "prepare")
    )
    return attack


def ours(attack: Attack, targets: Sequence[Attacked], queries: int, width: int, served: ServedRanker) -> Outcome:
    """Attack all targets, ``width`` of them at once."""
    victims: dict[int, Victim] = {}

    def job(number: int, backend: AttackThread[str]) -> str:
        target, clean = targets[number]
        victims[number] = DocumentVictim(backend, clean, target.doc_id, attack.access, Budget(queries))
        try:
            return attack.perturb(target, victims[number], derive(0, "attack", target.query_id, target.doc_id)).text
        except BudgetExhausted:
            return target.document

    texts = dict(run_batched([partial(job, number) for number in range(len(targets))], served, width))
    return [texts[number] for number in range(len(targets))], sum(v.meter.queries for v in victims.values())


def textattack(
    targets: Sequence[Attacked], table: object, max_words: int, queries: int, served: ServedRanker
) -> Outcome:
    """Let TextAttack drive the same ranker, in batches of 32, as its goal functions do."""
    package = textattack_package()
    before = importlib.import_module("textattack.constraints.pre_transformation")
    recipe = Recipe(
        "greedy",
        SimpleNamespace(
            transformation=package.transformations.WordSwapEmbedding(
                max_candidates=10, embedding=table_embedding(table)
            ),
            search_method=package.search_methods.GreedyWordSwapWIR(wir_method="delete"),
            constraints=[],
            pre_transformation_constraints=[before.RepeatModification(), before.StopwordModification()],
        ),
    )
    spent, texts = 0, []
    for target, _ in targets:

        def scores(asked: list[str], query: str = target.query) -> list[float]:
            nonlocal spent
            spent += len(asked)
            batches = [asked[i : i + 32] for i in range(0, len(asked), 32)]
            return [float(s) for batch in batches for s in served.ranker.score([(query, text) for text in batch])]

        texts.append(recipe.search(target.document, scores, max_words, queries, derive(0, "textattack"))[0])
    return texts, spent


def report(
    targets: Sequence[Attacked], served: ServedRanker, times: dict[str, float], outcomes: dict[str, Outcome]
) -> None:
    """Print what each did and how long it took."""
    shown = Table(title=f"{len(targets)} documents")
    for column in ("", "success %", "mean boost", "calls a document", "documents a minute", "times TextAttack's"):
        shown.add_column(column, justify="left" if not column else "right")
    for name, (texts, spent) in outcomes.items():
        attacked = zip(targets, texts, strict=True)
        rankings = served.rerank([(clean, {target.doc_id: text}) for (target, clean), text in attacked])
        boosts = [
            target.rank - int(ranking.ranks[clean.request.doc_ids.index(target.doc_id)])
            for (target, clean), ranking in zip(targets, rankings, strict=True)
        ]
        pace = 60 * len(targets) / times[name]
        shown.add_row(
            name,
            f"{100 * np.mean([boost > 0 for boost in boosts]):.1f}",
            f"{np.mean(boosts):.1f}",
            f"{spent / len(targets):.0f}",
            f"{pace:.1f}",
            f"{times['TextAttack'] / times[name]:.1f}",
        )
    Console(width=120).print(shown)


if __name__ == "__main__":
    main()
