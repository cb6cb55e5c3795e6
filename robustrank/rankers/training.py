"""Fine-tunes a cross-encoder on a collection's judgements: listwise or pairwise, with early stopping.

Listwise: softmax cross-entropy of one relevant document against sampled others (Gao, Dai, Callan, ECIR 2021).
Pairwise: RankNet's logistic loss on the same groups (Burges et al., ICML 2005).
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from robustrank.collections.collection import Collection
from robustrank.errors import DataError, UsageError
from robustrank.measures.effectiveness import list_ndcg
from robustrank.measures.ranking import ranking
from robustrank.randomness import derive, derive_seed

if TYPE_CHECKING:
    import torch

    from robustrank.rankers.cross_encoder import CrossEncoderRanker

Group = tuple[str, list[str]]  # a query and documents, the relevant one first


@dataclass(frozen=True)
class TrainingSettings:
    """How a cross-encoder is trained."""

    loss: Literal["listwise", "pairwise"] = "listwise"  # over one relevant document and sampled others
    epochs: int = 3  # passes over the training queries at the most
    negatives: int = 5  # documents sampled from the candidates beside each relevant one
    groups: int = 4  # queries in a step
    learning_rate: float = 5e-5  # of AdamW, after warm-up; falls linearly to zero
    warmup: float = 0.1  # share of the steps
    patience: int = 2  # epochs without a better validation nDCG@10 before training stops

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> TrainingSettings:
        """Read settings; numbers given as YAML reads them.

        Raises:
            UsageError: A setting is unknown or of the wrong type.
        """
        from pydantic import TypeAdapter, ValidationError

        unknown = set(settings) - set(cls.__dataclass_fields__)
        if unknown:
            raise UsageError(
                f"there is no training setting {', '.join(sorted(unknown))}",
                allowed=", ".join(cls.__dataclass_fields__),
            )
        try:
            return TypeAdapter(cls).validate_python(dict(settings))
        except ValidationError as error:
            problems = [f"{detail['loc'][0]}: {detail['msg']}" for detail in error.errors()]
            raise UsageError("training settings: " + "; ".join(problems)) from error


def split_by_query(collection: Collection, share: float, rng: np.random.Generator) -> tuple[Collection, Collection]:
    """Split a collection's queries into training and validation; at least one query in each.

    Raises:
        DataError: There are fewer than two queries.
    """
    query_ids = list(collection.queries)
    if len(query_ids) < 2:
        raise DataError(f"collection {collection.name!r} has too few queries to train on", allowed="two at the least")
    count = min(len(query_ids) - 1, max(1, round(share * len(query_ids))))
    held = {query_ids[i] for i in rng.permutation(len(query_ids))[:count]}
    parts = ([q for q in query_ids if q not in held], [q for q in query_ids if q in held])
    train, validation = (
        replace(
            collection,
            queries={q: collection.queries[q] for q in part},
            qrels={q: collection.qrels[q] for q in part},
            candidates={q: collection.candidates[q] for q in part},
        )
        for part in parts
    )
    return train, validation


def train_cross_encoder(
    ranker: CrossEncoderRanker,
    train: Collection,
    validation: Collection,
    seed: int,
    folder: str,
    settings: TrainingSettings,
) -> None:
    """Train, keep the epoch with the best validation nDCG@10, and leave safetensors and card.json in ``folder``."""
    import torch

    from robustrank.rankers.weights import load_model

    with torch.random.fork_rng(devices=[]):  # a fresh head and dropout draw from torch's generator
        torch.manual_seed(derive_seed(seed, "training") % 2**63)
        network = load_model(ranker.auto_class, ranker.folder, num_labels=1)
        student = replace(ranker)
        student.__dict__["network"] = network
        curve: list[float] = []
        best = _copy(network)
        for epoch, loss in enumerate(_epochs(student, train, seed, settings)):
            if not np.isfinite(loss):
                raise DataError(f"training diverged in epoch {epoch + 1}", hint="lower learning_rate")
            curve.append(_validate(student, validation))
            if curve[-1] == max(curve):
                best = _copy(network)
            if epoch - int(np.argmax(curve)) >= settings.patience:
                break
    network.load_state_dict(best)
    _save(student, Path(folder), _card(ranker, train, validation, seed, settings, curve))


def _epochs(student: CrossEncoderRanker, train: Collection, seed: int, settings: TrainingSettings) -> Iterator[float]:
    """Train an epoch a time; yield its mean loss."""
    import torch
    from rich.progress import track

    network = student.network
    optimiser = torch.optim.AdamW(network.parameters(), lr=settings.learning_rate, weight_decay=0.01)
    steps = settings.epochs * -(-len(train.queries) // settings.groups)
    warmup = max(1, round(settings.warmup * steps))
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimiser, lambda step: min((step + 1) / warmup, max(0.0, (steps - step) / max(1, steps - warmup)))
    )
    for epoch in range(settings.epochs):
        groups = _groups(train, settings.negatives, derive(seed, "groups", str(epoch)))
        batches = [groups[i : i + settings.groups] for i in range(0, len(groups), settings.groups)]
        losses = []
        network.train()
        for batch in track(batches, f"training, epoch {epoch + 1} of {settings.epochs}", transient=True):
            loss = _loss(student, batch, settings.loss)
            optimiser.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimiser.step()
            schedule.step()
            losses.append(float(loss.detach()))
        network.eval()
        yield float(np.mean(losses))


def _groups(train: Collection, negatives: int, rng: np.random.Generator) -> list[Group]:
    """Return a shuffled group a query: a relevant document, then sampled candidates of lower gain."""
    groups: list[Group] = []
    for query_id, query in train.queries.items():
        gains, listed = train.qrels[query_id], list(train.candidates[query_id])
        relevant = [d for d in listed if gains.get(d, 0) > 0]
        if not relevant:
            continue
        positive = relevant[int(rng.integers(len(relevant)))]
        lower = [d for d in listed if gains.get(d, 0) < gains[positive]]
        chosen = [lower[i] for i in rng.permutation(len(lower))[:negatives]]
        if len(chosen) == negatives:
            groups.append((query, [train.documents[d] for d in [positive, *chosen]]))
    if not groups:
        raise DataError(f"collection {train.name!r} has no query with a relevant and {negatives} other candidates")
    return [groups[i] for i in rng.permutation(len(groups))]


def _loss(student: CrossEncoderRanker, batch: list[Group], kind: str) -> torch.Tensor:
    import torch

    from robustrank.rankers.cross_encoder import relevance

    queries = [query for query, documents in batch for _ in documents]
    documents = [document for _, documents in batch for document in documents]
    encoded = student.tokenizer(
        queries,
        documents,
        truncation="longest_first",
        max_length=student.max_length,
        padding=True,
        return_tensors="pt",
    )
    scores = relevance(student.network(**encoded).logits).view(len(batch), -1)
    if kind == "pairwise":
        return torch.nn.functional.softplus(scores[:, 1:] - scores[:, :1]).mean()
    return torch.nn.functional.cross_entropy(scores, torch.zeros(len(batch), dtype=torch.long))


def _validate(student: CrossEncoderRanker, validation: Collection) -> float:
    """Return the mean nDCG@10 over the validation queries."""
    values = []
    for query_id in validation.queries:
        listed, gains = list(validation.candidates[query_id]), validation.qrels[query_id]
        order = ranking(student.score(validation.pairs(query_id)), listed)
        values.append(list_ndcg([gains.get(listed[i], 0) for i in order], list(gains.values()), 10))
    return float(np.mean(values))


def _copy(network: Any) -> dict[str, torch.Tensor]:
    return {name: tensor.detach().clone() for name, tensor in network.state_dict().items()}


def _card(
    ranker: CrossEncoderRanker,
    train: Collection,
    validation: Collection,
    seed: int,
    settings: TrainingSettings,
    curve: list[float],
) -> dict[str, Any]:
    return {
        "start": ranker.model,
        "max_length": ranker.max_length,
        "train": {"collection": train.name, "queries": len(train.queries), "fingerprint": train.fingerprint},
        "validation": {"queries": len(validation.queries), "fingerprint": validation.fingerprint},
        "settings": asdict(settings),
        "seed": seed,
        "validation_nDCG@10": [round(value, 6) for value in curve],
        "versions": {name: version(name) for name in ("torch", "transformers", "safetensors", "robustrank")},
    }


def _save(student: CrossEncoderRanker, folder: Path, card: dict[str, Any]) -> None:
    """Write the checkpoint; the folder is there whole or not at all."""
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
        try:
            student.network.save_pretrained(temporary, safe_serialization=True)
            student.tokenizer.save_pretrained(temporary)
            (temporary / "card.json").write_text(json.dumps(card, indent=2) + "\n", encoding="utf-8")
            temporary.chmod(0o755)
            os.replace(temporary, folder)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
    except OSError as error:
        raise DataError(f"the checkpoint cannot be written: {error}", where=str(folder)) from error
