"""Training of rankers by gradient descent: sampled groups, early stopping, resumption after a kill.

Listwise: softmax cross-entropy of one relevant document against sampled others (Gao, Dai, Callan, ECIR 2021).
Pairwise: RankNet's logistic loss on the same groups (Burges et al., ICML 2005).
Perturbation-invariant: the loss of clean groups plus the KL divergence of perturbed from clean scores (Liu et al.:
Perturbation-Invariant Adversarial Training for Neural Ranking Models, AAAI 2024, arXiv 2312.10329).
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Protocol

import numpy as np

from robustrank.collections.collection import Collection
from robustrank.errors import DataError
from robustrank.measures.effectiveness import list_ndcg
from robustrank.measures.ranking import ranking
from robustrank.plugins import AttackSpec
from robustrank.plugins.constraints import Count, Positive, Range, Share, Weight
from robustrank.randomness import derive, derive_seed
from robustrank.rankers.augmentation import Augmentation, Group
from robustrank.rankers.checkpoint import training_card, write_checkpoint
from robustrank.rankers.ranker import Pair, Scores
from robustrank.rankers.settings import Settings
from robustrank.rankers.training_state import resume, save_state
from robustrank.steps import followed

if TYPE_CHECKING:
    import torch


class Learner(Protocol):
    """Interface that :func:`train` requires of a ranker."""

    @property
    def network(self) -> Any:
        """The torch module; parameters without requires_grad are not trained."""

    def relevance(self, queries: Sequence[str], documents: Sequence[str]) -> torch.Tensor:
        """Return float32[n], differentiable: the relevance of document i to query i."""

    def score(self, pairs: Sequence[Pair]) -> Scores:
        """Return float32[n], computed with the current weights."""

    def save(self, folder: Path) -> None:
        """Write the files that the ranker's ``load`` reads into an existing folder."""


@dataclass(frozen=True)
class TrainingSettings(Settings):
    """Training settings. Each ranker defines its defaults."""

    loss: Literal["listwise", "pairwise"] = "listwise"  # over one relevant document and sampled others
    epochs: Count = 3  # maximum number of passes over the training queries
    negatives: Count = 5  # documents sampled from the candidates for each relevant document
    positives: Count = 1  # groups per query and epoch, each with a different relevant document
    groups: Count = 4  # groups per optimiser step
    learning_rate: Positive = 5e-5  # of AdamW, after warm-up; falls linearly to zero
    warmup: Share = 0.1  # share of the steps
    weight_decay: Weight = 0.01  # of AdamW
    patience: Count = 2  # epochs without a better validation nDCG@10 before training stops
    threads: Annotated[int, Range(at_least=1, at_most=1024)] = 2  # of the CPU; sums and so the weights depend on it
    augment: AttackSpec | None = (
        None  # specification of the attack that perturbs groups: noise, typos or adversarial training
    )
    augmented: Share = 1.0  # share of the groups that are perturbed
    invariance: Weight = 0.0  # weight of the divergence of perturbed scores (PIAT); 0: no clean groups


def split_by_query(collection: Collection, share: float, rng: np.random.Generator) -> tuple[Collection, Collection]:
    """Split a collection by query into a training split and a validation split of at least one query each.

    Raises:
        DataError: There are fewer than two queries.
    """
    query_ids = list(collection.queries)
    if len(query_ids) < 2:
        raise DataError(f"collection {collection.name!r} has too few queries to train on", allowed="at least 2")
    count = min(len(query_ids) - 1, max(1, round(share * len(query_ids))))
    held_out = {query_ids[i] for i in rng.permutation(len(query_ids))[:count]}
    return collection.only([q for q in query_ids if q not in held_out]), collection.only(held_out)


def sample_queries(collection: Collection, count: int, rng: np.random.Generator) -> Collection:
    """Return the collection with a random sample of ``count`` queries, or with all if there are fewer."""
    query_ids = list(collection.queries)
    return collection.only([query_ids[i] for i in rng.permutation(len(query_ids))[:count]])


def train(
    create_learner: Callable[[], Learner],
    train: Collection,
    validation: Collection,
    seed: int,
    folder: str,
    settings: TrainingSettings,
    start: Mapping[str, Any],
) -> None:
    """Train, select the epoch with the best validation nDCG@10, and write its checkpoint to ``folder``.

    The state after each epoch is saved in ``FOLDER.state`` until training ends: a killed training resumes from it and
    ends in the same weights.

    Args:
        create_learner: Returns the learner; called with a seeded torch generator, for weights that are initialised.
        train: The training split.
        validation: The validation split, which selects the epoch and decides when to stop.
        seed: Of initial weights, dropout, groups and their order.
        folder: Where the checkpoint is written, atomically.
        settings: Training settings.
        start: Description of the untrained model for the card.

    Raises:
        DataError: No query can be trained on, the loss is not finite, or the folder cannot be written.
    """
    identity = training_card(start, train, validation, seed, asdict(settings), [], ("torch", "transformers"))
    state = Path(f"{folder}.state")
    with _torch(derive_seed(seed, "training"), settings.threads):
        learner = create_learner()
        optimiser = _optimiser(learner, settings)
        augmentation = None
        if settings.augment is not None:
            augmentation = Augmentation.of(settings.augment, settings.augmented, learner, train, seed)
        progress = resume(state, identity, learner.network, optimiser)
        for _ in range(len(progress.curve), settings.epochs):
            if progress.curve and len(progress.curve) - progress.best_epoch >= settings.patience:
                break
            _epoch(learner, optimiser, train, seed, len(progress.curve), settings, augmentation)
            progress = progress.after(_validate(learner, validation), learner.network)
            save_state(state, identity, progress, learner.network, optimiser)
        learner.network.load_state_dict(progress.best)
    card = {**identity, "validation_nDCG@10": [round(value, 6) for value in progress.curve]}
    write_checkpoint(Path(folder), learner.save, card)
    shutil.rmtree(state, ignore_errors=True)


@contextmanager
def _torch(seed: int, threads: int) -> Iterator[None]:
    """Seed torch's generator (initial weights, dropout) and set its number of threads inside the context."""
    import torch

    before = torch.get_num_threads()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed % 2**63)
        torch.set_num_threads(threads)
        try:
            yield
        finally:
            torch.set_num_threads(before)


def _optimiser(learner: Learner, settings: TrainingSettings) -> torch.optim.Optimizer:
    import torch

    weights = [weight for weight in learner.network.parameters() if weight.requires_grad]
    return torch.optim.AdamW(weights, lr=settings.learning_rate, weight_decay=settings.weight_decay)


def _epoch(
    learner: Learner,
    optimiser: torch.optim.Optimizer,
    train: Collection,
    seed: int,
    epoch: int,
    settings: TrainingSettings,
    augmentation: Augmentation | None,
) -> None:
    """Train for one epoch; the random draws and the learning rate depend on the epoch's number alone."""
    import torch

    torch.manual_seed(derive_seed(seed, "epoch", str(epoch)) % 2**63)
    groups = sample_groups(train, settings, derive(seed, "groups", str(epoch)))
    batches = [groups[i : i + settings.groups] for i in range(0, len(groups), settings.groups)]
    learner.network.train()
    for number, batch in enumerate(followed(batches, f"batches, epoch {epoch + 1} of {settings.epochs}")):
        for parameters in optimiser.param_groups:
            parameters["lr"] = settings.learning_rate * _schedule(epoch * len(batches) + number, len(batches), settings)
        if augmentation is None:
            loss = _loss(learner, batch, settings.loss)
        else:
            perturbed = augmentation.perturbed(batch, derive(seed, "perturbations", str(epoch), str(number)))
            loss = _robust_loss(learner, batch, perturbed, settings)
        if not torch.isfinite(loss):
            raise DataError(f"training diverged in epoch {epoch + 1}", hint="lower learning_rate")
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(learner.network.parameters(), 1.0)
        optimiser.step()
    learner.network.eval()


def _schedule(step: int, steps_per_epoch: int, settings: TrainingSettings) -> float:
    """Return the factor of the learning rate at a step: linear warm-up, then linear decay to zero."""
    steps = settings.epochs * steps_per_epoch
    warmup = max(1, round(settings.warmup * steps))
    return min((step + 1) / warmup, max(0.0, (steps - step) / max(1, steps - warmup)))


def sample_groups(train: Collection, settings: TrainingSettings, rng: np.random.Generator) -> list[Group]:
    """Return shuffled groups: a relevant document, then sampled candidates of lower gain.

    Raises:
        DataError: No query has a relevant candidate and enough candidates of lower gain.
    """
    groups: list[Group] = []
    for query_id, query in train.queries.items():
        gains, listed = train.qrels[query_id], list(train.candidates[query_id])
        relevant = [d for d in listed if gains.get(d, 0) > 0]
        for index in rng.permutation(len(relevant))[: settings.positives]:
            positive = relevant[index]
            lower = [d for d in listed if gains.get(d, 0) < gains[positive]]
            chosen = [lower[i] for i in rng.permutation(len(lower))[: settings.negatives]]
            if len(chosen) == settings.negatives:
                groups.append((query, [train.documents[d] for d in [positive, *chosen]]))
    if not groups:
        raise DataError(
            f"collection {train.name!r} has no query with a relevant candidate and {settings.negatives} of lower gain",
            hint="lower negatives, or give longer candidate lists",
        )
    return [groups[i] for i in rng.permutation(len(groups))]


def _loss(learner: Learner, batch: Sequence[Group], kind: str) -> torch.Tensor:
    return _loss_of(_relevance(learner, batch), kind)


def _robust_loss(
    learner: Learner, clean: Sequence[Group], perturbed: Sequence[Group], settings: TrainingSettings
) -> torch.Tensor:
    """Return the loss of perturbed groups; with ``invariance``, of clean groups plus the weighted divergence."""
    import torch

    if not settings.invariance:
        return _loss(learner, perturbed, settings.loss)
    before = _relevance(learner, clean)
    after = torch.log_softmax(_relevance(learner, perturbed), dim=1)
    change = torch.nn.functional.kl_div(after, torch.log_softmax(before, dim=1), reduction="batchmean", log_target=True)
    return _loss_of(before, settings.loss) + settings.invariance * change


def _relevance(learner: Learner, batch: Sequence[Group]) -> torch.Tensor:
    """Return float32[groups, documents]."""
    queries = [query for query, documents in batch for _ in documents]
    return learner.relevance(queries, [text for _, documents in batch for text in documents]).view(len(batch), -1)


def _loss_of(scores: torch.Tensor, kind: str) -> torch.Tensor:
    import torch

    if kind == "pairwise":
        return torch.nn.functional.softplus(scores[:, 1:] - scores[:, :1]).mean()
    return torch.nn.functional.cross_entropy(scores, torch.zeros(len(scores), dtype=torch.long, device=scores.device))


def _validate(learner: Learner, validation: Collection) -> float:
    return mean_ndcg(learner.score, validation)


def mean_ndcg(score: Callable[[Sequence[Pair]], Scores], collection: Collection, cutoff: int = 10) -> float:
    """Return the mean nDCG@cutoff over a collection's queries; all pairs are scored in one call."""
    scores = score([pair for query_id in collection.queries for pair in collection.pairs(query_id)])
    values, start = [], 0
    for query_id in collection.queries:
        listed, gains = list(collection.candidates[query_id]), collection.qrels[query_id]
        order = ranking(scores[start : start + len(listed)], listed)
        start += len(listed)
        values.append(list_ndcg([gains.get(listed[i], 0) for i in order], list(gains.values()), cutoff))
    return float(np.mean(values))
