"""Trains rr-minilm-ce, the standard cross-encoder victim: all-MiniLM-L6-v2 with a segment-cosine head.

    python -m robustrank.experiments.rr_minilm_ce DATA models/rr-minilm-ce

DATA holds what it learns from, none of whose queries is of TREC DL 2019: TREC DL 2021 and 2022 in BEIR's layout (dl21,
dl22) with runs of BM25 and SPLADE++, and DARA's valid.idem.tsv (dara); SciFact's training queries are of ir_datasets.
MS MARCO's texts are for non-commercial research, so the weights are not part of this package. An interrupted training
resumes. The ranker is then segment-cosine:model=models/rr-minilm-ce.

Targets: for the DL queries 6 x the SPLADE++ score scaled to [0, 1] within its list (-1.5 for other candidates)
+ 10 x the MiniLM cosine + 1.5 x the NIST grade; for DARA's queries 20 x the cosine; for SciFact's that + 4 x the grade.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import click

from robustrank.adversarial import read_adversarial
from robustrank.collections.collection import Collection
from robustrank.collections.trec import read_qrels, read_run
from robustrank.plugins import create
from robustrank.plugins.specification import parse
from robustrank.randomness import derive
from robustrank.rankers import runtime
from robustrank.repairs import Repairs
from robustrank.retrieval.bm25 import BM25Retriever

SETTINGS = {"loss": "kl", "epochs": 3, "positives": 8, "negatives": 5, "hard_negatives": 2, "groups": 8, "patience": 3}
RANKER = "segment-cosine:model=minilm,max_length=128,dtype=bf16"
DEPTH = {"splade": 60, "bm25": 40, "dara": 8, "scifact": 14}  # candidates of a query
DARA_QUERIES = 1000
HELD_OUT = {"dl21": 15, "scifact": 80}  # queries that choose the epoch

Targets = dict[str, dict[str, float]]  # query id to document id to the score that is to be learned


@dataclass
class Part:
    """Queries of one source, with their candidates, judgements and what the teachers say of each candidate."""

    queries: dict[str, str]
    documents: dict[str, str]
    qrels: Mapping[str, Mapping[str, int]]
    targets: Targets


@click.command()
@click.argument("data", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.argument("out", type=click.Path(path_type=Path))
@click.option(
    "--scifact", default="ir-datasets:id=beir/scifact/train", show_default=True, help="SciFact's training split."
)
@click.option("--device", type=click.Choice(["auto", "cpu", "cuda", "mps"]), default="cpu")
@click.option("--seed", type=click.IntRange(0), default=0)
def main(data: Path, out: Path, scifact: str, device: runtime.Device, seed: int) -> None:
    """Collect the lists, ask the teachers, and train; OUT is the checkpoint, OUT.targets.trec what it learned."""
    runtime.use_device(device)
    parts = {name: deep_learning(data / name) for name in ("dl21", "dl22")}
    pool = {doc_id: text for part in parts.values() for doc_id, text in part.documents.items()}
    parts |= {"dara": dara(data / "dara", pool, seed), "scifact": of_collection(scifact)}
    collection = joined(parts)
    targets = Path(f"{out}.targets.trec")
    targets.parent.mkdir(parents=True, exist_ok=True)
    lines = (
        f"{name}-{query_id} Q0 {name}-{doc_id} {rank} {scores[doc_id]:.6f} teachers\n"
        for name, part in parts.items()
        for query_id, scores in part.targets.items()
        for rank, doc_id in enumerate(best(scores, len(scores)), 1)
    )
    targets.write_text("".join(lines), encoding="utf-8")
    held_out = {f"{name}-{q}" for name, count in HELD_OUT.items() for q in drawn(judged(parts[name]), count, seed)}
    ranker = create("ranker", parse(RANKER))
    settings = {**SETTINGS, "teacher": f"run-file:path={targets}"}
    train = collection.only([query_id for query_id in collection.queries if query_id not in held_out])
    ranker.fit(train, collection.only(held_out), seed, str(out), settings)
    card = json.loads((out / "card.json").read_text(encoding="utf-8"))
    click.echo(f"validation nDCG@10: first stage {card['first_stage_nDCG@10']}, epochs {card['validation_nDCG@10']}")


def deep_learning(folder: Path) -> Part:
    """Return a year of TREC DL: the best of SPLADE++ and of BM25."""
    names = ("splade-p-p-ensemble-distil", "bm25")
    splade, bm25 = (read_run(folder / "runs" / f"{name}.trec", Repairs()) for name in names)
    queries = {record["_id"]: record["text"] for record in records(folder / "queries.jsonl") if record["_id"] in splade}
    documents = {record["_id"]: record["text"] for record in records(folder / "corpus.jsonl")}
    qrels = read_qrels(folder / "qrels" / "test.tsv", Repairs())
    listed = {
        query_id: list(dict.fromkeys([*best(bm25.get(query_id, {}), DEPTH["bm25"]), *best(of_splade, DEPTH["splade"])]))
        for query_id, of_splade in splade.items()
    }
    part = Part(queries, documents, qrels, cosines(queries, documents, listed, 10.0))
    for query_id, scores in part.targets.items():
        of_splade = splade[query_id]
        low, high = min(of_splade.values()), max(of_splade.values())
        for doc_id in scores:
            scores[doc_id] += 6 * (of_splade[doc_id] - low) / (high - low) if doc_id in of_splade else -1.5
            scores[doc_id] += 1.5 * qrels.get(query_id, {}).get(doc_id, 0)
    return part


def dara(folder: Path, pool: Mapping[str, str], seed: int) -> Part:
    """Return queries of DARA's, with passages of its own and of a pool that BM25 and the cosine rank high."""
    pairs = read_adversarial(folder / "valid.idem.tsv")
    documents = {**pool, **{pair.doc_id: pair.before for pair in pairs}}
    known = {pair.query_id: pair.query for pair in pairs}
    queries = {query_id: known[query_id] for query_id in drawn(sorted(known), DARA_QUERIES, seed)}
    return searched(queries, documents, 5 * DEPTH["dara"], DEPTH["dara"])


def of_collection(specification: str) -> Part:
    """Return the queries of a collection, with its judgements."""
    read = create("collection", parse(specification)).read()
    found = searched(dict(read.queries), dict(read.documents), 40, DEPTH["scifact"], read.qrels)
    for query_id, scores in found.targets.items():
        for doc_id in scores:
            scores[doc_id] += 4 * read.qrels[query_id].get(doc_id, 0)
    return Part(found.queries, found.documents, read.qrels, found.targets)


def searched(
    queries: dict[str, str],
    documents: dict[str, str],
    depth: int,
    kept: int,
    qrels: Mapping[str, Mapping[str, int]] | None = None,
) -> Part:
    """Return BM25's best of a corpus, of these the best half and every other of the rest by the cosine."""
    retriever = BM25Retriever()
    retriever.index(documents)
    hits = retriever.search(list(queries.values()), depth)
    listed = {q: [doc_id for doc_id, _ in found] for q, found in zip(queries, hits, strict=True)}
    for query_id, gains in (qrels or {}).items():
        listed[query_id] += [d for d, gain in gains.items() if gain > 0 and d not in listed[query_id]]
    targets = cosines(queries, documents, listed, 20.0)
    for query_id, scores in targets.items():
        order = best(scores, len(scores))
        chosen = [*order[: kept // 2], *order[kept // 2 :: 2]][:kept]
        chosen += [d for d, gain in (qrels or {}).get(query_id, {}).items() if gain > 0 and d not in chosen]
        targets[query_id] = {doc_id: scores[doc_id] for doc_id in chosen}
    return Part(queries, documents, {}, targets)


def cosines(
    queries: Mapping[str, str], documents: Mapping[str, str], listed: Mapping[str, Sequence[str]], factor: float
) -> Targets:
    """Return the bi-encoder's cosines of listed documents, times a factor."""
    teacher = create("ranker", parse("minilm:max_length=128"))
    pairs = [(query_id, doc_id) for query_id in queries for doc_id in listed[query_id]]
    scores = teacher.score([(queries[q], documents[d]) for q, d in pairs])
    targets: Targets = {query_id: {} for query_id in queries}
    for (query_id, doc_id), score in zip(pairs, scores.tolist(), strict=True):
        targets[query_id][doc_id] = factor * score
    return targets


def joined(parts: Mapping[str, Part]) -> Collection:
    """Return one collection, whose ids begin with the name of their source."""
    queries: dict[str, str] = {}
    documents: dict[str, str] = {}
    qrels: dict[str, dict[str, int]] = {}
    candidates: dict[str, tuple[str, ...]] = {}
    for name, part in parts.items():
        for query_id, scores in part.targets.items():
            key = f"{name}-{query_id}"
            queries[key] = part.queries[query_id]
            qrels[key] = {f"{name}-{doc_id}": gain for doc_id, gain in part.qrels.get(query_id, {}).items()}
            candidates[key] = tuple(f"{name}-{doc_id}" for doc_id in scores)
            documents |= {f"{name}-{doc_id}": part.documents[doc_id] for doc_id in scores}
    return Collection("rr-minilm-ce", queries, documents, qrels, candidates)


def judged(part: Part) -> list[str]:
    """Return the queries with a relevant candidate."""
    return [q for q, scores in part.targets.items() if any(part.qrels.get(q, {}).get(d, 0) > 0 for d in scores)]


def drawn(ids: Sequence[str], count: int, seed: int) -> list[str]:
    """Return ``count`` ids at random."""
    return [ids[i] for i in derive(seed, "rr-minilm-ce").permutation(len(ids))[:count]]


def best(scores: Mapping[str, float], count: int) -> list[str]:
    """Return the ids of the highest scores, best first."""
    return sorted(scores, key=lambda doc_id: (-scores[doc_id], doc_id))[:count]


def records(path: Path) -> list[dict[str, str]]:
    """Return the records of a JSONL file."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n") if line]


if __name__ == "__main__":
    main()
