"""Attacks the very pairs of DARA with ours, and sets both texts side by side: is ours as strong as the authors'?

    python benchmarks/fidelity.py data/dara --pairs 20 [--surrogate SPEC ...] [--attacks pat,idem,prada] [--out FILE]

DARA (Chen et al., arXiv 2307.16816) holds passages of MS MARCO that the authors' own code of PAT, IDEM and PRADA
attacked, for another victim (a transfer). Ours attack the same passages for the same queries: white-box by default,
where the surrogate is the victim itself, or by transfer from --surrogate. The list of a query has the 100 passages of
DARA's files that BM25 ranks best, and the target.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence, Set
from itertools import product
from pathlib import Path
from typing import Any

import click
import numpy as np

from robustrank.adversarial import Attacked, read_adversarial
from robustrank.attack import Attack, Perturbation
from robustrank.collections.collection import Collection
from robustrank.language_model import SMOLLM2, language_model
from robustrank.plugins import Spec, create
from robustrank.plugins.specification import parse
from robustrank.prepared_attack import PreparedAttack, prepare
from robustrank.randomness import derive
from robustrank.rankers import runtime
from robustrank.rankers.ranker import PointwiseRanker, ranking_by_score
from robustrank.rankers.serving import ServedRanker
from robustrank.records import RankedList
from robustrank.retrieval.bm25 import BM25Retriever
from robustrank.text.stopwords import STOP_WORDS
from robustrank.text.words import words
from robustrank.victim import DocumentVictim, QueryInterface, Target

DEPTH = 100
ATTACKS: Mapping[str, tuple[str, dict[str, Any]]] = {  # DARA's file: our plug-in and its parameters
    "pat": ("pat", {"length": 12}),
    "idem": ("idem", {"shortlist": 10}),
    "prada": ("word-substitution", {"max_words": 10}),
}
MEASURES = ("won", "rises", "boost", "inserted", "query_words", "perplexity")


@click.command()
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--pairs", type=click.IntRange(1), default=20, help="Pairs of each attack.")
@click.option("--attacks", default=",".join(ATTACKS), help="DARA's files.")
@click.option("--victim", default="minilm:max_length=128", help="The ranker under attack.")
@click.option(
    "--surrogate",
    "surrogates",
    multiple=True,
    default=("victim",),
    show_default=True,
    help="What ours optimise against: victim (white box), or a ranker. Several share what does not depend on them.",
)
@click.option("--set", "settings", multiple=True, metavar="KEY=VALUE", help="A parameter of our attacks.")
@click.option("--out", type=click.Path(path_type=Path), help="JSONL of measures; pairs that it holds are kept.")
@click.option("--device", type=click.Choice(["auto", "cpu", "cuda", "mps"]), default="auto")
@click.option("--seed", type=click.IntRange(0), default=0)
def main(
    folder: Path,
    pairs: int,
    attacks: str,
    victim: str,
    surrogates: Sequence[str],
    settings: Sequence[str],
    out: Path | None,
    device: runtime.Device,
    seed: int,
) -> None:
    """Print a line for the authors' texts and one for ours, of each attack."""
    runtime.use_device(device)
    more = parse("settings:" + ",".join(settings)).parameters if settings else {}
    records = [json.loads(text) for text in out.read_text("utf-8").splitlines()] if out and out.exists() else []
    click.echo(f"{'attack':8}{'texts':10}{'pairs':>6}" + "".join(f"{name:>13}" for name in MEASURES))
    for name in attacks.split(","):
        plugin, parameters = ATTACKS[name]
        specs = {surrogate: Spec(plugin, {**parameters, "surrogate": surrogate, **more}) for surrogate in surrogates}
        setting = {"attack": name, "victim": victim, "settings": ",".join(settings), "device": runtime.device()}
        found = [record for record in records if setting.items() <= record.items() and record["surrogate"] in specs]
        done = {(record["surrogate"], record["query_id"], record["doc_id"]) for record in found}
        for measures in compared(folder, name, specs, create("ranker", parse(victim)), pairs, seed, done):
            found.append({**setting, **measures})
            if out is not None:
                with out.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(found[-1]) + "\n")
        for surrogate, texts in product(surrogates, ("authors'", "ours")):
            measured_pairs = [record[texts] for record in found if record["surrogate"] == surrogate]
            click.echo(f"{name:8}{texts:10}" + line(measured_pairs) + f"  surrogate {surrogate}")


def compared(
    folder: Path,
    name: str,
    specs: Mapping[str, Spec],
    ranker: PointwiseRanker,
    count: int,
    seed: int,
    done: Set[tuple[str, str, str]] = frozenset(),
) -> Iterator[dict[str, Any]]:
    """Yield, for pairs of one of DARA's files and surrogates that are not done, the measures of both texts."""
    chosen = sample(read_adversarial(folder / f"valid.{name}.tsv"), count, seed)
    collection = lists_of(folder, chosen)
    served = ServedRanker(ranker)
    ours = {
        surrogate: ready(spec, served, collection, derive(seed, "prepare", name)) for surrogate, spec in specs.items()
    }
    for pair in chosen:
        left = [s for s in ours if (s, pair.query_id, pair.doc_id) not in done]
        if not left:
            continue
        request = collection.request(pair.query_id)
        clean = RankedList(request, ranking_by_score(request, served.score(request.pairs)))
        rank = 1 + [candidate.doc_id for candidate in clean.candidates].index(pair.doc_id)
        target = Target(pair.query_id, pair.query, pair.doc_id, pair.before, rank, clean.candidates)
        theirs = measured(served, clean, target, Perturbation(pair.after, pair.edits))
        for surrogate in left:
            attack = ours[surrogate]
            victim = DocumentVictim(served, clean, pair.doc_id, attack.attack.access)
            text = attack.perturb(target, victim, derive(seed, "pair", pair.query_id, pair.doc_id))
            yield {
                "surrogate": surrogate,
                "query_id": pair.query_id,
                "doc_id": pair.doc_id,
                "rank": rank,
                "authors'": theirs,
                "ours": measured(served, clean, target, text),
            }


def ready(spec: Spec, served: ServedRanker, collection: Collection, rng: np.random.Generator) -> PreparedAttack:
    """Return a prepared attack; one without queries to the victim gets no training queries."""
    attack: Attack = create("attack", spec)
    training = collection.only([]) if attack.access == 0 else collection
    return prepare(attack, QueryInterface(served, attack.access), training, rng)


def measured(served: ServedRanker, clean: RankedList, target: Target, text: Perturbation) -> dict[str, Any]:
    """Return what an attacked text gained, and what it is like."""
    before, after = served.score([(target.query, target.document), (target.query, text.text)]).tolist()
    others = [c.doc_id for c in clean.candidates if c.doc_id != target.doc_id]
    scores = served.score([(target.query, c.text) for c in clean.candidates if c.doc_id != target.doc_id])
    above = sum(s > after or (s == after and d < target.doc_id) for s, d in zip(scores, others, strict=True))
    new, old = (Counter(word.key for word in words(words_of)) for words_of in (text.text, target.document))
    inserted = list((new - old).elements())
    query = {word.key for word in words(target.query)} - STOP_WORDS
    return {
        "won": after - before,
        "rises": float(after > before),
        "boost": float(target.rank - 1 - above),
        "inserted": float(len(inserted)),
        "query_words": float(np.mean([key in query for key in inserted])) if inserted else 0.0,
        "perplexity": language_model(SMOLLM2).perplexity(text.text),
    }


def lists_of(folder: Path, chosen: Sequence[Attacked]) -> Collection:
    """Return the pairs' queries, with BM25's best passages of all files, and the targets."""
    documents = {p.doc_id: p.before for path in sorted(folder.glob("valid.*.tsv")) for p in read_adversarial(path)}
    documents |= {pair.doc_id: pair.before for pair in chosen}
    queries = {pair.query_id: pair.query for pair in chosen}
    retriever = BM25Retriever()
    retriever.index(documents)
    hits = retriever.search(list(queries.values()), DEPTH)
    lists = {q: dict.fromkeys(doc_id for doc_id, _ in found) for q, found in zip(queries, hits, strict=True)}
    for pair in chosen:
        lists[pair.query_id][pair.doc_id] = None
    return Collection("dara", queries, documents, {q: {} for q in queries}, {q: tuple(d) for q, d in lists.items()})


def sample(pairs: Sequence[Attacked], count: int, seed: int) -> list[Attacked]:
    """Return ``count`` pairs, each of another query."""
    chosen: dict[str, Attacked] = {}
    for number in derive(seed, "dara").permutation(len(pairs)):
        pair = pairs[int(number)]
        if len(chosen) < count:
            chosen.setdefault(pair.query_id, pair)
    return list(chosen.values())


def line(measures: Sequence[Mapping[str, Any]]) -> str:
    """Return means over pairs (of inserted words and perplexity, medians), with the number of pairs."""
    values = {name: [m[name] for m in measures] for name in MEASURES}
    middle = {name: np.median if name in ("inserted", "perplexity") else np.mean for name in MEASURES}
    return f"{len(measures):>6}" + "".join(f"{float(middle[name](values[name])):>13.3f}" for name in MEASURES)


if __name__ == "__main__":
    main()
