"""Corpus poisoning: an adversarial passage that is close to the training queries of a cluster.

Reference: Zhong, Huang, Wettig, Chen: Poisoning Retrieval Corpora by Injecting Adversarial Passages, EMNLP 2023 (code
princeton-nlp/corpus-poisoning).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from robustrank.attack import Edit, Perturbation, TargetBound
from robustrank.collections.collection import Collection
from robustrank.plugins.constraints import Count, InnerShare
from robustrank.steps import Steps
from robustrank.victim import QueryInterface, Target, Victim

from .parts.alphabets import WordAlphabet
from .parts.edits import perturbation_of
from .parts.kept_search import KeptSearch
from .parts.lexicon import Lexicon, Start, Trigger
from .parts.query_groups import GroupedPassages, QueryGroup
from .parts.slots import SlotModel, Variants
from .parts.surrogates import VICTIM, ImitationSettings, Surrogate, pair_model

CHECKED = 50  # steps after which a passage is compared with the best on the held-out queries


@dataclass
class CorpusPoisoning(GroupedPassages):
    """Replaces the document by an adversarial passage that is optimised once for many training queries.

    It was proposed for bi-encoders, where one vector can be close to many queries. It runs on any ranker with
    gradients. The published size (5,000 steps) is for an accelerator. A sweep of ``steps`` goes on
    where the shorter search ended.
    """

    length: Count = 50  # words of a passage; the paper takes 50 tokens
    clusters: Count = 1  # passages, each for the training queries of one cluster
    surrogate: Surrogate = "victim"  # surrogate model: victim (white box), imitation, or a ranker's specification
    imitation: ImitationSettings = field(default_factory=dict)  # settings: surrogate, queries, top, training, …
    batch: Count = 64  # training queries of each step, drawn at random
    steps: Count = 5000  # steps, each in one random slot; one in which no word is better leaves the passage as it is
    candidates: Count = 100  # words scored in each step, those of the largest first-order gain
    start: Start = "mask"  # what a passage begins as: mask tokens (the commonest word without), or random words
    held_out: InnerShare = 0.2  # share of a cluster's queries that choose the best passage, every 50 steps
    minimum_documents: Count = 3  # minimum document frequency of a candidate word

    size_parameter = "length"
    prolonged_by = "steps"
    reference = "Zhong et al., EMNLP 2023, section 3; code princeton-nlp/corpus-poisoning"
    deviations = (
        "candidates are words of the collection, not wordpieces, and the passage is read as any document is, with its "
        "special tokens; queries are clustered by their vectors, or, of a ranker that embeds no queries, by their mean "
        "input embeddings; the mean score alone decides, not the share of queries that are won; no gold passage is a "
        "start; the passage replaces the text of the target document"
    )

    _passages: list[tuple[QueryGroup, str, str]] = field(default_factory=list, init=False, repr=False)

    def prepare_bound(self, collection: Collection) -> int:
        """All steps for every cluster: the gradients and scores of a batch; and the choices on held-out queries."""
        if self.surrogate != VICTIM:
            return super().prepare_bound(collection)
        batch, clusters = min(self.batch, len(collection.queries)), min(self.clusters, len(collection.queries))
        checks = -(-self.steps // CHECKED)
        return clusters * self.steps * batch * (2 + self.candidates) + checks * len(collection.queries)

    def target_bound(self, collection: Collection) -> TargetBound:
        """No query."""
        return lambda target: 0

    def perturb(self, target: Target, victim: Victim, rng: np.random.Generator) -> Perturbation:
        """Return the passage of the cluster nearest to the query."""
        text, note = self._passage_for(target, victim)
        if not self._passages:
            return Perturbation(target.document, note=note)
        edited = perturbation_of(target.document, (Edit(0, len(target.document), text),))
        return Perturbation(edited.text, edited.edits, note)

    def _search(
        self,
        groups: Sequence[QueryGroup],
        interface: QueryInterface,
        collection: Collection,
        rng: np.random.Generator,
    ) -> list[tuple[str, str]]:
        """Return for each group the passage of the highest mean score on its held-out queries."""
        model = pair_model(self._surrogate, interface)
        lexicon = Lexicon.of(collection, model.gradients(""), self.minimum_documents)
        if not lexicon.words:
            return []
        search, kept = _Search(self, groups, lexicon, SlotModel(model, WordAlphabet()), rng), KeptSearch(interface, rng)
        done, state = kept.resume(self.steps)
        if state:
            search.restore(state)
        progress = Steps(self.steps - done, "steps")
        for step in range(done + 1, self.steps + 1):
            search.step()
            if step % CHECKED == 0:
                search.check()
                kept.keep_now_and_then(step, lambda: search.state)
            progress.advance()
        kept.keep(self.steps, search.state)
        if self.steps % CHECKED:
            search.check()
        return [self._written(lexicon, best) for best in search.best]

    def _written(self, lexicon: Lexicon, passage: Trigger) -> tuple[str, str]:
        words = lexicon.written(passage)
        left = len(passage) - len(words)
        return " ".join(words), f"{left} of {len(passage)} slots have no word" if left else ""


class _Search:
    """The search of passages for several groups, a step of all at a time.

    Attributes:
        best: The words of the best passage of each group so far, by its held-out queries.
    """

    def __init__(
        self,
        attack: CorpusPoisoning,
        groups: Sequence[QueryGroup],
        lexicon: Lexicon,
        model: SlotModel[str],
        rng: np.random.Generator,
    ) -> None:
        self._attack, self._lexicon, self._model, self._rng = attack, lexicon, model, rng
        self._held_out: list[tuple[str, ...]] = []
        self._training: list[tuple[str, ...]] = []
        for group in groups:
            shuffled = tuple(group.queries[i] for i in rng.permutation(len(group.queries)))
            count = min(len(shuffled) - 1, max(1, round(attack.held_out * len(shuffled))))
            self._held_out.append(shuffled[:count] or shuffled)
            self._training.append(shuffled[count:])
        self.best = [lexicon.initial(attack.length, attack.start, rng) for _ in groups]
        self._values = [-np.inf for _ in groups]
        self._passages = [model.read(words) for words in self.best]

    def step(self) -> None:
        """Put the best word into one random slot of each passage, unless none is better on the group's batch."""
        variants: list[Variants[str]] = []
        slots = []
        for queries, passage in zip(self._training, self._passages, strict=True):
            drawn = self._rng.permutation(len(queries))[: self._attack.batch]
            variants.append(([queries[i] for i in drawn], passage, ()))
            slots.append(int(self._rng.integers(self._attack.length)))
        gradients = [of_group[0, slot] for of_group, slot in zip(self._model.gradients(variants), slots, strict=True)]
        present = [passage.units[slot] for passage, slot in zip(self._passages, slots, strict=True)]
        words = self._lexicon.nearest(np.array(gradients), present, self._attack.candidates)
        variants = [
            (queries, passage, [(slot, word) for word in of_slot])
            for (queries, passage, _), slot, of_slot in zip(variants, slots, words, strict=True)
        ]
        self._passages = self._model.improved(variants)

    def check(self) -> None:
        """Keep each passage that is the best so far on its group's held-out queries."""
        variants: list[Variants[str]] = [(q, p, ()) for q, p in zip(self._held_out, self._passages, strict=True)]
        for i, (value,) in enumerate(self._model.values(variants)):
            if value > self._values[i]:
                self.best[i], self._values[i] = self._passages[i].units, float(value)

    @property
    def state(self) -> dict[str, object]:
        """What :meth:`restore` needs, as plain data."""
        return {"passages": [p.units for p in self._passages], "best": list(self.best), "values": list(self._values)}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from a state."""
        self._passages = [self._model.read(words) for words in state["passages"]]
        self.best, self._values = [tuple(words) for words in state["best"]], list(state["values"])
