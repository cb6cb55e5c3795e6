"""Seconds that PAT takes a document, with its language model and its surrogate model, and where they go.

    python benchmarks/pat.py [--documents 2] [--triggers FILE]

The surrogate is a cross-encoder of MiniLM's weights under an untrained head, which stands for an imitation model: it is
neither trained nor loaded within the time. Each target document is attacked alone. The attacked documents are written
to a file, or compared with those in it: faster code has to find the same ones.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).parents[1]))
from benchmarks.records import HELP, Records
from robustrank.plugins import create
from robustrank.plugins.specification import Spec, parse
from robustrank.randomness import derive
from robustrank.rankers.model_files import model_folder
from robustrank.rankers.serving import ServedRanker
from robustrank.records import RankedList
from robustrank.victim import Access, DocumentVictim, QueryInterface, Target


def surrogate(folder: str) -> str:
    """Write a cross-encoder with MiniLM's weights and a head drawn at random; return its specification."""
    from sentence_transformers import CrossEncoder

    torch.manual_seed(0)
    model = CrossEncoder(str(model_folder("minilm")), num_labels=1, device="cpu")
    torch.nn.init.normal_(model.model.classifier.weight, std=0.5)
    model.save_pretrained(folder)
    return f"cross-encoder:model={folder},max_length=128"


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--documents", type=int, default=2)
    parser.add_argument("--triggers", type=Path)
    parser.add_argument("--out", type=Path, help=HELP)
    arguments = parser.parse_args()
    records = Records(arguments.out, vars(arguments))
    collection = create("collection", parse("lee:split=background,depth=50")).read()
    ranker = create("ranker", parse("bm25"))
    ranker.prepare(collection)
    victim, texts = ServedRanker(ranker), []
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads")
    with tempfile.TemporaryDirectory() as folder:
        attack = create("attack", Spec("pat", {"surrogate": surrogate(folder)}))
        attack.prepare(QueryInterface(victim, Access.NOTHING), collection, derive(0, "prepare"))
        request = collection.request(next(iter(collection.queries)))
        served = RankedList(request, victim.rank([request])[0])
        candidates = served.candidates[-arguments.documents :]
        print("| document | seconds | of processor time | trigger |\n|---|---|---|---|")
        _ = attack._decoder.model.network, attack._surrogate.score([(request.query, "")])  # loads them
        for number, candidate in enumerate(candidates, 1):
            rank = len(request) - arguments.documents + number
            target = Target(
                request.query_id, request.query, candidate.doc_id, candidate.text, rank, tuple(served.candidates)
            )
            black_box = DocumentVictim(victim, served, candidate.doc_id, Access.NOTHING)
            wall, processor = time.perf_counter(), time.process_time()
            done = attack.perturb(target, black_box, derive(0, "perturb"))
            wall, processor = time.perf_counter() - wall, time.process_time() - processor
            trigger = done.text[: len(done.text) - len(candidate.text)].strip()
            texts.append(done.text)
            records.keep(candidate.doc_id, document=number, wall_s=wall, processor_s=processor)
            print(f"| {candidate.doc_id} | {wall:.1f} | {processor:.1f} | {trigger} |", flush=True)
    if arguments.triggers and arguments.triggers.exists():
        same = np.sum([a == b for a, b in zip(texts, json.loads(arguments.triggers.read_text()), strict=True)])
        print(f"{same} of {len(texts)} attacked documents are those of {arguments.triggers}")
    elif arguments.triggers:
        arguments.triggers.write_text(json.dumps(texts))
    records.write()


if __name__ == "__main__":
    main()
