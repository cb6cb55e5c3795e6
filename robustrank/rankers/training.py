"""Training of rankers by gradient descent: sampled groups, early stopping, resumption after a kill.

Losses are those of :mod:`robustrank.rankers.losses`. Perturbation-invariant: the loss of clean groups plus the KL
divergence of perturbed from clean scores (Liu et al.: Perturbation-Invariant Adversarial Training for Neural Ranking
Models, AAAI 2024, arXiv 2312.10329).
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Protocol

import numpy as np

from robustrank.collections.collection import Collection
from robustrank.errors import DataError, UsageError
from robustrank.measures.effectiveness import list_ndcg
from robustrank.measures.ranking import ranking
from robustrank.plugins import AttackSpec, RankerSpec
from robustrank.plugins.constraints import Amount, Count, Number, Positive, Range, Share, Weight
from robustrank.randomness import derive, derive_seed
from robustrank.rankers import runtime
from robustrank.rankers.augmentation import Augmentation, On
from robustrank.rankers.checkpoint import training_card, write_checkpoint
from robustrank.rankers.groups import (
    Group,
    Sizes,
    Targets,
    distillation_groups,
    graded_groups,
    judged_groups,
    tell_unused,
    with_documents_of_others,
)
from robustrank.rankers.list_losses import LIST_LOSSES
from robustrank.rankers.losses import DISTILLATION, Loss, divergence, loss_of, teacher_scores
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

    @property
    def head_weights(self) -> Sequence[Any]:
        """The parameters above a pretrained model; none without one."""

    def relevance(self, queries: Sequence[str], documents: Sequence[str]) -> torch.Tensor:
        """Return float32[n], differentiable: the relevance of document i to query i."""

    def score(self, pairs: Sequence[Pair]) -> Scores:
        """Return float32[n], computed with the current weights."""

    def save(self, folder: Path) -> None:
        """Write the files that the ranker's ``load`` reads into an existing folder."""


@dataclass(frozen=True)
class TrainingSettings(Settings):
    """Training settings. Each ranker defines its defaults."""

    loss: Loss = "listwise"  # listwise and pairwise: one relevant document against sampled others; kl, margin-mse: of a
    # teacher's scores; the others: of lists with gains
    teacher: tuple[RankerSpec, ...] = ()  # rankers whose scores of the candidates are learned, in place of judgements
    teacher_weights: tuple[Number, ...] = ()  # one a teacher: the factor of its scores in the sum; empty: 1 each
    graded: Weight = 0.0  # weight of a document's judged gain in the teachers' sum
    epochs: Count = 3  # maximum number of passes over the training queries
    negatives: Count = 5  # documents sampled from the candidates beside the first of a group
    hard_negatives: Amount = 0  # how many of these are drawn from the first quarter: of the teacher, or the first stage
    in_batch: Amount = 0  # documents of the other groups of its batch that are added to each group
    positives: Count = 1  # groups per query and epoch, each with a different relevant document (or other documents)
    groups: Count = 4  # groups per optimiser step
    learning_rate: Positive = 5e-5  # of AdamW, after warm-up; falls linearly to zero
    warmup: Share = 0.1  # share of the steps
    weight_decay: Weight = 0.01  # of AdamW; biases and layer norms do not decay
    patience: Count = 2  # epochs without a better validation nDCG@10 before training stops
    threads: Annotated[int, Range(at_least=1, at_most=1024)] = 2  # of the CPU; sums and so the weights depend on it
    augment: AttackSpec | None = (
        None  # specification of the attack that perturbs groups: noise, typos or adversarial training
    )
    augmented: Share = 1.0  # share of the groups that are perturbed
    augment_on: On | None = None  # documents that are: all, or negatives; null: negatives if the attack asks the ranker
    invariance: Weight = 0.0  # weight of the divergence of perturbed scores (PIAT); 0: no clean groups

    @property
    def head_rate(self) -> float:
        """The learning rate of the layers above a pretrained model."""
        return self.learning_rate

    def __post_init__(self) -> None:
        if (self.loss in DISTILLATION) != bool(self.teacher):
            raise UsageError(
                f"loss {self.loss!r} with {'a' if self.teacher else 'no'} teacher",
                allowed=f"a teacher with {' or '.join(DISTILLATION)}, and none with others",
            )
        if len(self.teacher_weights) not in (0, len(self.teacher)):
            raise UsageError(f"{len(self.teacher_weights)} teacher_weights of {len(self.teacher)} teachers")
        if self.hard_negatives > self.negatives:
            raise UsageError(f"{self.hard_negatives} hard_negatives of {self.negatives} negatives")


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

    The untrained ranker is epoch 0: it is kept if no epoch is better. The state after each epoch is saved in
    ``FOLDER.state`` until training ends: a killed training resumes from it and ends in the same weights.

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
            augmentation = Augmentation.of(
                settings.augment, settings.augmented, settings.augment_on, learner, train, seed
            )
        progress = resume(state, identity, learner.network, optimiser)
        if not progress.curve:
            progress = progress.after(_validate(learner, validation), learner.network)
        weights = settings.teacher_weights or (1.0,) * len(settings.teacher)
        targets = teacher_scores(train, settings.teacher, weights, settings.graded) if settings.teacher else None
        first = progress.epochs
        for _ in range(progress.epochs, settings.epochs):
            if progress.epochs - progress.best_epoch >= settings.patience:
                break
            groups = _groups(train, targets, seed, progress.epochs, settings)
            if progress.epochs == first:
                tell_unused(train, groups)
            with _attention():
                _epoch(learner, optimiser, groups, seed, progress.epochs, settings, augmentation)
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


@contextmanager
def _attention() -> Iterator[None]:
    """Compute attention on processors as plain products, whose gradients cost half of those of the fused kernel."""
    from torch.nn.attention import SDPBackend, sdpa_kernel

    with sdpa_kernel(SDPBackend.MATH) if runtime.device() == "cpu" else nullcontext():
        yield


def _optimiser(learner: Learner, settings: TrainingSettings) -> torch.optim.Optimizer:
    import torch

    head = {id(weight) for weight in learner.head_weights}
    groups: dict[tuple[float, float], list[Any]] = {}
    for weight in learner.network.parameters():
        if weight.requires_grad:
            rate = settings.head_rate if id(weight) in head else settings.learning_rate
            decay = settings.weight_decay if weight.ndim > 1 else 0.0
            groups.setdefault((rate, decay), []).append(weight)
    return torch.optim.AdamW(
        [{"params": group, "lr": rate, "rate": rate, "weight_decay": decay} for (rate, decay), group in groups.items()]
    )


def _groups(
    train: Collection, targets: Targets | None, seed: int, epoch: int, settings: TrainingSettings
) -> list[Group]:
    """Return the groups of an epoch, shuffled."""
    rng = derive(seed, "groups", str(epoch))
    sizes = Sizes(settings.positives, settings.negatives, settings.hard_negatives)
    if targets is not None:
        return distillation_groups(train, targets, sizes, rng)
    return (graded_groups if settings.loss in LIST_LOSSES else judged_groups)(train, sizes, rng)


def _epoch(
    learner: Learner,
    optimiser: torch.optim.Optimizer,
    groups: Sequence[Group],
    seed: int,
    epoch: int,
    settings: TrainingSettings,
    augmentation: Augmentation | None,
) -> None:
    """Train for one epoch; the random draws and the learning rate depend on the epoch's number alone."""
    import torch

    torch.manual_seed(derive_seed(seed, "epoch", str(epoch)) % 2**63)
    batches = [groups[i : i + settings.groups] for i in range(0, len(groups), settings.groups)]
    learner.network.train()
    for number, batch in enumerate(followed(batches, f"batches, epoch {epoch + 1} of {settings.epochs}")):
        factor = _schedule(epoch * len(batches) + number, len(batches), settings)
        for parameters in optimiser.param_groups:
            parameters["lr"] = parameters["rate"] * factor
        if settings.in_batch:
            batch = with_documents_of_others(batch, settings.in_batch)
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


def _loss(learner: Learner, batch: Sequence[Group], kind: Loss) -> torch.Tensor:
    return loss_of(_relevance(learner, batch), batch, kind)


def _robust_loss(
    learner: Learner, clean: Sequence[Group], perturbed: Sequence[Group], settings: TrainingSettings
) -> torch.Tensor:
    """Return the loss of perturbed groups; with ``invariance``, of clean groups plus the weighted divergence."""
    if not settings.invariance:
        return _loss(learner, perturbed, settings.loss)
    before, after = _relevance(learner, clean), _relevance(learner, perturbed)
    return loss_of(before, clean, settings.loss) + settings.invariance * divergence(after, before)


def _relevance(learner: Learner, batch: Sequence[Group]) -> torch.Tensor:
    """Return float32[groups, documents]."""
    queries = [group.query for group in batch for _ in group.documents]
    return learner.relevance(queries, [text for group in batch for text in group.documents]).view(len(batch), -1)


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
