"""Trains rr-minilm-ce, the standard cross-encoder victim: all-MiniLM-L6-v2 with a segment-cosine head.

    python -m robustrank.experiments.rr_minilm_ce DATA models/rr-minilm-ce

DATA holds what it learns from, none of whose queries is of TREC DL 2019: TREC DL 2021 and 2022 in BEIR's layout (dl21,
dl22) with runs of BM25 and SPLADE++, and DARA's validation files (dara); SciFact's training queries are of ir_datasets.
MS MARCO's texts are for non-commercial research, so the weights are not part of this package. An interrupted training
resumes. The ranker is then segment-cosine:model=models/rr-minilm-ce.

Targets: for the DL queries 6 x the SPLADE++ score scaled to [0, 1] within its list (-1.5 for other candidates)
+ 10 x the MiniLM cosine + 1.5 x the NIST grade; for DARA's and SciFact's 20 x the cosine + half the score of
SPLADE-tiny, for SciFact's also 4 x the grade. Sized for an hour and a half of one core.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import click
import numpy as np

from robustrank.adversarial import read_adversarial
from robustrank.collections.collection import Collection
from robustrank.collections.trec import read_qrels, read_run
from robustrank.json_lines import read_lines
from robustrank.plugins import create
from robustrank.plugins.specification import parse
from robustrank.randomness import derive
from robustrank.rankers import runtime
from robustrank.repairs import Repairs
from robustrank.retrieval.bm25 import BM25Retriever

SETTINGS = {
    "loss": "kl",
    "epochs": 2,
    "positives": 1,
    "negatives": 5,
    "hard_negatives": 2,
    "groups": 8,
    "dropout": 0.0,
    "threads": 1,
}
RANKER = "segment-cosine:model=minilm,max_length=96,dtype=bf16"
BI_ENCODER = "minilm:max_length=128"
LEXICAL = "splade:model=splade-tiny,max_length=96"  # the second teacher
QUERIES = {"dara": 3490, "scifact": 300}
DEPTH = {"splade": 60, "bm25": 40, "dara": 24, "scifact": 12}  # candidates of a query, by each of its sources
COPIES = {"dl21": 20, "dl22": 20, "dara": 1, "scifact": 2}  # lists of a query that an epoch draws
HELD_OUT = {"dl21": 15, "scifact": 40}  # queries that choose the epoch

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
    pool = {d: part.documents[d] for part in parts.values() for scores in part.targets.values() for d in scores}
    parts |= {"dara": dara(data / "dara", pool, seed), "scifact": of_collection(scifact, seed)}
    collection = joined(parts)
    targets = Path(f"{out}.targets.trec")
    targets.parent.mkdir(parents=True, exist_ok=True)
    lines = (
        f"{key(name, copy, query_id)} Q0 {name}-{doc_id} {rank} {scores[doc_id]:.6f} teachers\n"
        for name, part in parts.items()
        for copy in range(COPIES[name])
        for query_id, scores in part.targets.items()
        for rank, doc_id in enumerate(best(scores, len(scores)), 1)
    )
    targets.write_text("".join(lines), encoding="utf-8")
    held_out = {name: drawn(judged(parts[name]), count, seed) for name, count in HELD_OUT.items()}
    chosen = [key(name, 0, query_id) for name, ids in held_out.items() for query_id in ids]
    left_out = {key(name, copy, q) for name, ids in held_out.items() for copy in range(COPIES[name]) for q in ids}
    ranker = create("ranker", parse(RANKER))
    settings = {**SETTINGS, "teacher": f"run-file:path={targets}"}
    train = collection.only([query_id for query_id in collection.queries if query_id not in left_out])
    ranker.fit(train, collection.only(chosen), seed, str(out), settings)
    card = json.loads((out / "card.json").read_text(encoding="utf-8"))
    click.echo(f"validation nDCG@10: first stage {card['first_stage_nDCG@10']}, epochs {card['validation_nDCG@10']}")


def deep_learning(folder: Path) -> Part:
    """Return a year of TREC DL: the best of SPLADE++ and of BM25."""
    names = ("splade-p-p-ensemble-distil", "bm25")
    splade, bm25 = (read_run(folder / "runs" / f"{name}.trec", Repairs()) for name in names)
    queries = {
        record["_id"]: record["text"] for _, record in read_lines(folder / "queries.jsonl") if record["_id"] in splade
    }
    documents = {record["_id"]: record["text"] for _, record in read_lines(folder / "corpus.jsonl")}
    qrels = read_qrels(folder / "qrels" / "test.tsv", Repairs())
    listed = {
        query_id: list(dict.fromkeys([*best(bm25.get(query_id, {}), DEPTH["bm25"]), *best(of_splade, DEPTH["splade"])]))
        for query_id, of_splade in splade.items()
    }
    part = Part(queries, documents, qrels, taught(queries, documents, listed, {BI_ENCODER: 10.0}))
    for query_id, scores in part.targets.items():
        of_splade = splade[query_id]
        low, high = min(of_splade.values()), max(of_splade.values())
        for doc_id in scores:
            scores[doc_id] += 6 * (of_splade[doc_id] - low) / (high - low) if doc_id in of_splade else -1.5
            scores[doc_id] += 1.5 * qrels.get(query_id, {}).get(doc_id, 0)
    return part


def dara(folder: Path, pool: Mapping[str, str], seed: int) -> Part:
    """Return queries of DARA's, with passages of its own and of a pool that BM25 and the cosine rank high."""
    pairs = [pair for path in sorted(folder.glob("valid.*.tsv")) for pair in read_adversarial(path)]
    documents = {**pool, **{pair.doc_id: pair.before for pair in pairs}}
    known = {pair.query_id: pair.query for pair in pairs}
    queries = {query_id: known[query_id] for query_id in drawn(sorted(known), QUERIES["dara"], seed)}
    return searched(queries, documents, DEPTH["dara"])


def of_collection(specification: str, seed: int) -> Part:
    """Return queries of a collection, with its judgements."""
    read = create("collection", parse(specification)).read()
    chosen = read.only(drawn(list(read.queries), QUERIES["scifact"], seed))
    part = searched(dict(chosen.queries), dict(chosen.documents), DEPTH["scifact"], chosen.qrels)
    for query_id, scores in part.targets.items():
        for doc_id in scores:
            scores[doc_id] += 4 * read.qrels[query_id].get(doc_id, 0)
    return part


def searched(
    queries: dict[str, str],
    documents: dict[str, str],
    depth: int,
    qrels: Mapping[str, Mapping[str, int]] | None = None,
) -> Part:
    """Return a corpus' best by the cosine and by BM25, and what is relevant, with the sum of both teachers' scores."""
    lexical = BM25Retriever()
    lexical.index(documents)
    hits = lexical.search(list(queries.values()), depth)
    listed = {}
    for query_id, near, found in zip(queries, nearest(queries, documents, depth), hits, strict=True):
        relevant = [doc_id for doc_id, gain in (qrels or {}).get(query_id, {}).items() if gain > 0]
        listed[query_id] = list(dict.fromkeys([*near, *(doc_id for doc_id, _ in found), *relevant]))
    return Part(queries, documents, qrels or {}, taught(queries, documents, listed, {BI_ENCODER: 20.0, LEXICAL: 0.5}))


def nearest(queries: Mapping[str, str], documents: Mapping[str, str], depth: int) -> Iterator[list[str]]:
    """Yield for each query the ids of the documents that the bi-encoder finds most similar."""
    encoder, doc_ids = teacher(BI_ENCODER), list(documents)
    vectors, of_queries = encoder.embed(list(documents.values())), encoder.embed_queries(list(queries.values()))
    matrix = np.array([vectors[text] for text in documents.values()])
    for query in queries.values():
        similarities = encoder.approximate_similarities(of_queries[query][None], matrix)[0]
        yield [doc_ids[i] for i in np.argsort(-similarities, kind="stable")[:depth]]


@cache
def teacher(specification: str) -> Any:
    """Return the ranker of a specification, which remembers what it has encoded."""
    return create("ranker", parse(specification))


def taught(
    queries: Mapping[str, str],
    documents: Mapping[str, str],
    listed: Mapping[str, Sequence[str]],
    teachers: Mapping[str, float],
) -> Targets:
    """Return the sum of the teachers' scores of listed documents, times their factors."""
    pairs = [(query_id, doc_id) for query_id in queries for doc_id in listed[query_id]]
    texts = [(queries[query_id], documents[doc_id]) for query_id, doc_id in pairs]
    total = sum(factor * teacher(spec).score(texts) for spec, factor in teachers.items())
    targets: Targets = {query_id: {} for query_id in queries}
    for (query_id, doc_id), score in zip(pairs, np.asarray(total).tolist(), strict=True):
        targets[query_id][doc_id] = score
    return targets


def joined(parts: Mapping[str, Part]) -> Collection:
    """Return one collection, whose ids begin with the name of their source."""
    queries: dict[str, str] = {}
    documents: dict[str, str] = {}
    qrels: dict[str, dict[str, int]] = {}
    candidates: dict[str, tuple[str, ...]] = {}
    for name, part in parts.items():
        for query_id, scores in part.targets.items():
            gains = {f"{name}-{doc_id}": gain for doc_id, gain in part.qrels.get(query_id, {}).items()}
            documents |= {f"{name}-{doc_id}": part.documents[doc_id] for doc_id in scores}
            for copy in range(COPIES[name]):
                drawn_as = key(name, copy, query_id)
                queries[drawn_as] = part.queries[query_id]
                qrels[drawn_as] = gains
                candidates[drawn_as] = tuple(f"{name}-{doc_id}" for doc_id in scores)
    return Collection("rr-minilm-ce", queries, documents, qrels, candidates)


def key(name: str, copy: int, query_id: str) -> str:
    """Return the id of a query of a part in the joined collection."""
    return f"{name}-{copy}-{query_id}"


def judged(part: Part) -> list[str]:
    """Return the queries with a relevant candidate."""
    return [q for q, scores in part.targets.items() if any(part.qrels.get(q, {}).get(d, 0) > 0 for d in scores)]


def drawn(ids: Sequence[str], count: int, seed: int) -> list[str]:
    """Return ``count`` ids at random."""
    return [ids[i] for i in derive(seed, "rr-minilm-ce").permutation(len(ids))[:count]]


def best(scores: Mapping[str, float], count: int) -> list[str]:
    """Return the ids of the highest scores, best first."""
    return sorted(scores, key=lambda doc_id: (-scores[doc_id], doc_id))[:count]


if __name__ == "__main__":
    main()
