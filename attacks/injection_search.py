"""Injection search: a language model varies wordings of an injection, and ranks on training queries select among them.

Reference: tree of attacks with pruning, as in Pfrommer et al.: Ranking Manipulation for Conversational Search Engines,
EMNLP 2024, arXiv 2406.03589.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from robustrank.attack import Attack, Perturbation, TargetBound
from robustrank.collections.collection import Collection
from robustrank.plugins.constraints import Amount, Count, Weight
from robustrank.plugins.nested import LlmSpec
from robustrank.randomness import derive_seed
from robustrank.rankers.llm.backend import Decoding
from robustrank.rankers.llm.calls import Caller
from robustrank.rankers.llm.parsing import without_thinking
from robustrank.rankers.llm.prompt import Prompt
from robustrank.rankers.llm.templates import render, template_digest
from robustrank.victim import Access, QueryInterface, Target, Victim

from .parts.injections import Wording
from .parts.insertion import Position, insert

STARTS = (
    Wording("objective", "plain", "", "chatml").text(),
    Wording("criteria", "plain", "", "chatml").text(),
    Wording("objective", "fake-answer", "", "chatml").text(),
)


@dataclass
class InjectionSearch(Attack):
    """Searches a wording by the ranks of training queries, and inserts it into every document.

    A round varies each of the best wordings, and ranks what is new. The attacked queries are not among them: what a
    wording gains there is no overfitting.
    """

    llm: LlmSpec  # the language model that writes variants
    rounds: Amount = 5  # of variation and selection
    kept: Count = 4  # best wordings of a round
    variants: Count = 4  # of each of them
    queries: Count = 1  # training queries a wording is ranked on: the last document of each is attacked
    temperature: Weight = 1.0  # of the language model
    max_tokens: Count = 120  # of a variant
    position: Position = "start"  # where the wording is inserted

    access = Access.RANKS
    cost = "once"
    reference = "Pfrommer et al., EMNLP 2024, arXiv 2406.03589"
    deviations = "one level of variation a round; selected by ranks on training queries, and applied to all documents"
    control = "random-trigger"

    _wording: str = field(default="", init=False, repr=False)

    @property
    def fingerprint(self) -> str:
        """The text of the template."""
        return template_digest("injection-variant")

    def check(self) -> None:
        """Refuse a backend that cannot write."""
        Caller(self.llm).check("attack injection-search", "generate")

    def prepare(self, interface: QueryInterface, collection: Collection, rng: np.random.Generator) -> None:
        """Search the wording."""
        query_ids = [query_id for query_id, listed in collection.candidates.items() if len(listed) > 1]
        chosen = [query_ids[i] for i in rng.permutation(len(query_ids))[: self.queries].tolist()]
        gains: dict[str, float] = {}
        best = list(STARTS)
        seed = int(rng.integers(2**31))
        for number in range(self.rounds + 1):
            for wording in best:
                if wording not in gains:
                    gains[wording] = self._gain(wording, interface, collection, chosen)
            best = sorted(gains, key=lambda wording: -gains[wording])[: self.kept]
            if number < self.rounds:
                best += [text for wording in best for text in self._varied(wording, number, seed)]
        self._wording = best[0] if chosen else STARTS[0]

    def prepare_bound(self, collection: Collection) -> int:
        """All wordings on all queries, a query for each document of their lists."""
        wordings = len(STARTS) + self.rounds * self.kept * self.variants
        longest = sorted((len(listed) for listed in collection.candidates.values()), reverse=True)
        return wordings * sum(longest[: self.queries])

    def target_bound(self, collection: Collection) -> TargetBound:
        """No query."""
        return lambda target: 0

    def perturb(self, target: Target, victim: Victim, rng: np.random.Generator) -> Perturbation:
        """Return the document with the wording inserted."""
        return insert(target.document, self._wording, self.position)

    def _gain(self, wording: str, interface: QueryInterface, collection: Collection, query_ids: Sequence[str]) -> float:
        """Return how many ranks above the last the last document comes with the wording, summed over queries."""
        gain = 0
        for query_id in query_ids:
            request = collection.request(query_id)
            last = request.candidates[-1]
            attacked = request.replaced({last.doc_id: insert(last.text, wording, self.position).text})
            gain += len(request) - 1 - interface.rank(attacked).index(len(request) - 1)
        return float(gain)

    def _varied(self, wording: str, round_number: int, seed: int) -> list[str]:
        """Return variants of a wording on one line each; those that are empty are left out."""
        prompt: Prompt = render("injection-variant", "", (), wording=wording)
        texts = []
        for number in range(self.variants):
            drawn = derive_seed(seed, str(round_number), str(number), wording) % 2**31
            decoding = Decoding(self.max_tokens, self.temperature, seed=drawn)
            answer = without_thinking(Caller(self.llm).generate(prompt, decoding).text)
            texts.append(" ".join((answer or "").split()))
        return [text for text in dict.fromkeys(texts) if text]
