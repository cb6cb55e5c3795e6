"""What every attack promises, as a test class: a plug-in author subclasses it in three lines.

class TestMyAttack(AttackConformance):
    plugin = "my-attack"          # or a path, or module:Class, with parameters
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Sequence
from contextlib import suppress
from functools import cached_property
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from robustrank.attack import Attack, Perturbation, apply_edits
from robustrank.collections.collection import Collection
from robustrank.plugins import create
from robustrank.plugins.specification import parse
from robustrank.randomness import derive
from robustrank.rankers.ranker import Encoding, Pair, PointwiseRanker, Scores
from robustrank.rankers.serving import ServedRanker
from robustrank.records import Candidate, Document, RankedList, Request
from robustrank.victim import Budget, BudgetExhausted, DocumentVictim, QueryInterface, QueryVictim, Target, Victim

TEXTS = (
    "The quick brown fox jumps over the lazy dog near the river bank.",
    "Aircraft wings generate lift because the air pressure above them is lower.",
    "Ministers met in the capital to discuss the budget and the economy.",
    "naïve café — “quoted” \U0001f600 combining e\u0301 and \u202eright-to-left\u202c text",
    "word",
    "",
)
QUERY = "aircraft wings and pressure"


class Overlap(PointwiseRanker):
    """A small ranker with gradients: the mean product of word vectors, words hashed to random vectors."""

    fingerprint = "overlap"

    @cached_property
    def embedding_table(self) -> NDArray[np.float32]:
        """float32[512, 8]."""
        return derive(0, "conformance vectors").standard_normal((512, 8)).astype(np.float32)

    def score(self, pairs: Sequence[Pair]) -> Scores:
        """Return float32[n]."""
        scored = [self.gradients(query, [self.encode(query, document)])[0][0] for query, document in pairs]
        return np.array(scored, dtype=np.float32)

    def encode(self, query: str, document: str) -> Encoding:
        """Return a token a word."""
        found = list(re.finditer(r"\S+", document))
        ids = [zlib.crc32(match.group().lower().encode("utf-8", "replace")) % 512 for match in found]
        return Encoding(np.array(ids, dtype=np.int64), tuple(match.span() for match in found))

    def tokens_of(self, word: str) -> NDArray[np.int64]:
        """Return the token of a word."""
        return self.encode("", word).ids

    def gradients(
        self,
        query: str,
        documents: Sequence[Encoding],
        embeddings: Sequence[NDArray[np.float32]] | None = None,
    ) -> tuple[Scores, list[NDArray[np.float32]]]:
        """Return scores and gradients, both exact: the score is linear in the document's vectors."""
        asked = self.embedding_table[self.encode("", query).ids].sum(axis=0)
        scores, gradients = [], []
        for number, encoding in enumerate(documents):
            given = self.embedding_table[encoding.ids] if embeddings is None else embeddings[number]
            length = max(1, len(given))
            scores.append(float((given @ asked).sum()) / length)
            gradients.append(np.tile(asked / length, (len(given), 1)).astype(np.float32))
        return np.array(scores, dtype=np.float32), gradients


class AttackConformance:
    """Deterministic, within budget, edits as declared, survives empty text and odd Unicode."""

    plugin: ClassVar[str]

    def test_is_deterministic(self) -> None:
        """Equal randomness gives equal texts, whatever was attacked before."""
        forwards = [self._perturb(text).text for text in TEXTS]
        backwards = [self._perturb(text).text for text in reversed(TEXTS)]
        _require(forwards == backwards[::-1], "the same target and generator gave another text")

    def test_edits_make_the_text(self) -> None:
        """The edits it declares, made on the original, are the text it returns."""
        for text in TEXTS:
            found = self._perturb(text)
            original = QUERY if self._attack().edits == "query" else text
            _require(
                apply_edits(original, found.edits) == found.text,
                f"the edits of {text!r} do not make its text",
            )

    def test_keeps_its_budget(self) -> None:
        """With few queries it ends with its best text, or by letting BudgetExhausted pass."""
        for queries in (0, 1, 3):
            victim = self._victim(TEXTS[0], Budget(queries=queries))
            with suppress(BudgetExhausted):
                self._attack().perturb(self._target(TEXTS[0]), victim, derive(0, "conformance"))
            _require(victim.meter.queries <= queries, f"it spent {victim.meter.queries} of {queries} queries")

    def test_survives_a_query_without_words(self) -> None:
        """An empty query is no reason to raise."""
        target = Target("q", "", "d0", TEXTS[0], 1, self._target(TEXTS[0]).ranked)
        self._attack().perturb(target, self._victim(TEXTS[0]), derive(0, "conformance"))

    def _attack(self) -> Attack:
        attack = self._new()
        documents = {f"d{i}": text for i, text in enumerate(TEXTS)}
        collection = Collection("conformance", {"q": QUERY}, documents, {"q": {"d1": 1}}, {"q": tuple(documents)})
        attack.prepare(QueryInterface(ServedRanker(Overlap()), attack.access), collection, derive(0, "prepare"))
        return attack

    def _served(self, text: str) -> RankedList:
        texts = {**{f"d{i}": other for i, other in enumerate(TEXTS)}, "d0": text}
        request = Request("q", QUERY, tuple(Candidate(Document(*pair)) for pair in texts.items()))
        return RankedList(request, Overlap().rank([request])[0])

    def _target(self, text: str) -> Target:
        served = self._served(text)
        if self._edits_query():
            return Target("q", QUERY, "", "", 0, served.candidates)
        return Target("q", QUERY, "d0", text, 1 + served.doc_ids.index("d0"), served.candidates)

    def _victim(self, text: str, budget: Budget | None = None) -> Victim:
        served, backend, access = self._served(text), ServedRanker(Overlap()), self._new().access
        if self._edits_query():
            return QueryVictim(backend, served, access, budget)
        return DocumentVictim(backend, served, "d0", access, budget)

    def _perturb(self, text: str) -> Perturbation:
        return self._attack().perturb(self._target(text), self._victim(text), derive(0, "conformance"))

    def _edits_query(self) -> bool:
        return self._new().edits == "query"

    def _new(self) -> Attack:
        """Return the attack; override it where parameters are not known before the test runs."""
        attack: Attack = create("attack", parse(self.plugin))
        return attack


def _require(condition: bool, message: str) -> None:
    if not condition:
        raise AssertionError(message)
