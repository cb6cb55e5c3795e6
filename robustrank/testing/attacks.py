"""What attacks promise."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import ClassVar

from robustrank.attack import Attack, Perturbation, PlannedTarget
from robustrank.collections.collection import Collection
from robustrank.engine.batching_scheduler import AttackThread, run_batched
from robustrank.plugins import create
from robustrank.plugins.specification import Spec, parse
from robustrank.prepared_attack import PreparedAttack, prepare
from robustrank.randomness import derive
from robustrank.rankers.serving import ServedRanker
from robustrank.records import RankedList
from robustrank.testing.samples import (
    COLLECTION,
    DOCUMENTS,
    QUERY,
    TEXTS,
    TEXTS_BY_LANGUAGE,
    Overlap,
    request,
    require,
    require_one_identity,
)
from robustrank.text.languages import ENGLISH, LANGUAGES, unsupported
from robustrank.victim import (
    Budget,
    BudgetExhausted,
    DocumentVictim,
    QueryInterface,
    QueryVictim,
    ScoringBackend,
    Target,
    Victim,
)


class AttackConformance:
    """Deterministic, re-entrant, within budget; edits that make its text; survives empty text and odd Unicode."""

    plugin: ClassVar[str]  # a specification: name, path or module:Class, with parameters

    def test_is_deterministic(self) -> None:
        """Equal randomness gives equal texts, whatever was attacked before; its edits make its text."""
        forwards = [self.perturb(text).text for text in TEXTS]
        backwards = [self.perturb(text).text for text in reversed(TEXTS)]
        require(forwards == backwards[::-1], "the same target and generator gave another text")

    def test_does_not_depend_on_attacks_beside_it(self) -> None:
        """Many targets at once get the texts that each would get alone."""
        served, prepared = ServedRanker(Overlap()), self._prepared()
        jobs = [partial(self._text_beside_others, prepared, text) for text in TEXTS]
        beside = [text for _, text in sorted(run_batched(jobs, served))]
        alone = [self.perturb(text).text for text in TEXTS]
        require(beside == alone, "an attack on many targets at once gave other texts than one target at a time")

    def test_keeps_its_budget(self) -> None:
        """With few queries it ends with its best text, or by letting BudgetExhausted pass."""
        for queries in (0, 1, 3):
            victim = self._victim(TEXTS[0], ServedRanker(Overlap()), Budget(queries=queries))
            with suppress(BudgetExhausted):
                self._prepared().perturb(self._target(TEXTS[0]), victim, derive(0, "conformance"))
            require(victim.meter.queries <= queries, f"it spent {victim.meter.queries} of {queries} queries")

    def test_spends_no_more_than_its_bounds(self) -> None:
        """``prepare_bound`` and ``target_bound`` are upper bounds; without them there is nothing to show."""
        attack, training = self.new_attack(), self._collection().only(["q", "q2"])
        interface = QueryInterface(ServedRanker(Overlap()), attack.access)
        bound = attack.target_bound(self._collection())
        most = attack.prepare_bound(training)
        prepared = prepare(attack, interface, training, derive(0, "prepare"))
        spent = interface.meter.queries
        require(most is None or spent <= most, f"prepare spent {spent} queries, and prepare_bound says {most}")
        if bound is None:
            return
        for text in TEXTS:
            victim, target = self._victim(text, ServedRanker(Overlap())), self._target(text)
            prepared.perturb(target, victim, derive(0, "conformance"))
            edited = target.query if self._edits_query() else text
            allowed, spent = bound(PlannedTarget(edited, len(target.ranked))), victim.meter.queries
            require(spent <= allowed, f"a target spent {spent} queries, and target_bound says {allowed}: {text!r}")

    def test_survives_a_query_without_words(self) -> None:
        """An empty query is no reason to raise."""
        target = Target("q", "", "d0", TEXTS[0], 1, self._target(TEXTS[0]).ranked)
        target = Target("q", "", "", "", 0, target.ranked) if self._edits_query() else target
        self._prepared().perturb(target, self._victim(TEXTS[0], ServedRanker(Overlap())), derive(0, "conformance"))

    def test_has_one_identity(self) -> None:
        """Two instances have one identity: its fingerprint does not change from one to the next."""
        require_one_identity("attack", self.specification())

    def test_works_on_its_languages(self) -> None:
        """It names known languages, and perturbs texts of all that it works on, twice the same."""
        named = self.new_attack().languages
        require(set(named) <= set(LANGUAGES), f"its languages {named} are not all codes of robustrank.text.languages")
        for language, (query, text) in TEXTS_BY_LANGUAGE.items():
            if not unsupported("", named, language):
                first, second = (self._perturb_in(language, query, text) for _ in range(2))
                require(first == second, f"the same target in language {language} gave another text")

    def perturb(self, text: str) -> Perturbation:
        """Return what a fresh attack makes of one target, checked as in a run."""
        victim = self._victim(text, ServedRanker(Overlap()))
        return self._prepared().perturb(self._target(text), victim, derive(0, "conformance"))

    def specification(self) -> Spec:
        """Return the specification; override it where parameters are not known before the test runs."""
        return parse(self.plugin)

    def new_attack(self) -> Attack:
        """Return the attack."""
        attack: Attack = create("attack", self.specification())
        return attack

    def _prepared(self) -> PreparedAttack:
        attack = self.new_attack()
        interface = QueryInterface(ServedRanker(Overlap()), attack.access)
        return prepare(attack, interface, self._collection().only(["q", "q2"]), derive(0, "prepare"))

    def _collection(self) -> Collection:
        """Return the collection, in a language that the attack works on."""
        named = self.new_attack().languages
        return replace(COLLECTION, language=ENGLISH if not named or ENGLISH in named else named[0])

    def _perturb_in(self, language: str, query: str, text: str) -> Perturbation:
        """Return what a fresh attack makes of a target in a language; its budget may end it without a text."""
        attack, served = self.new_attack(), ServedRanker(Overlap())
        documents = {"d0": text, "d1": f"{text} {query}"}
        collection = Collection(
            language, {"q": query}, documents, {"q": {"d1": 1}}, {"q": list(documents)}, language=language
        )
        prepared = prepare(attack, QueryInterface(served, attack.access), collection, derive(0, "prepare"))
        ranked = RankedList(request(documents, query), Overlap().rank([request(documents, query)])[0])
        if attack.edits == "query":
            target = Target("q", query, "", "", 0, ranked.candidates, language=language)
            return prepared.perturb(target, QueryVictim(served, ranked, attack.access), derive(0, "conformance"))
        rank = 1 + ranked.doc_ids.index("d0")
        target = Target("q", query, "d0", text, rank, ranked.candidates, language=language)
        return prepared.perturb(target, DocumentVictim(served, ranked, "d0", attack.access), derive(0, "conformance"))

    def _text_beside_others(self, prepared: PreparedAttack, text: str, backend: AttackThread[str]) -> str:
        target, victim = self._target(text), self._victim(text, backend)
        return prepared.perturb(target, victim, derive(0, "conformance")).text

    def _served(self, text: str) -> RankedList:
        listed = request({**DOCUMENTS, "d0": text})
        return RankedList(listed, Overlap().rank([listed])[0])

    def _target(self, text: str) -> Target:
        served = self._served(text)
        if self._edits_query():
            return Target("q", QUERY, "", "", 0, served.candidates, language=self._collection().language)
        rank = 1 + served.doc_ids.index("d0")
        return Target("q", QUERY, "d0", text, rank, served.candidates, language=self._collection().language)

    def _victim(self, text: str, backend: ScoringBackend, budget: Budget | None = None) -> Victim:
        served, access = self._served(text), self.new_attack().access
        if self._edits_query():
            return QueryVictim(backend, served, access, budget)
        return DocumentVictim(backend, served, "d0", access, budget)

    def _edits_query(self) -> bool:
        return self.new_attack().edits == "query"
