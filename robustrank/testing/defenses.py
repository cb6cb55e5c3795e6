"""What defenses promise."""

from __future__ import annotations

from typing import ClassVar

from robustrank.defense import CertifiedRanker, Defense
from robustrank.plugins import create
from robustrank.plugins.specification import Spec, parse
from robustrank.randomness import derive
from robustrank.rankers.lexical import BM25
from robustrank.rankers.ranker import GradientRanker, PointwiseRanker, Ranker
from robustrank.rankers.serving import ServedRanker
from robustrank.records import RankedList
from robustrank.testing.samples import COLLECTION, Overlap, require, require_one_identity


class DefenseConformance:
    """Returns a ranker that ranks the same candidates, equally each time; its certificates verify."""

    plugin: ClassVar[str]  # a specification

    def test_ranks_every_list_equally_each_time(self) -> None:
        """Two wrappers with one generator serve one order, alone and in company."""
        requests = [COLLECTION.request(query_id) for query_id in COLLECTION.queries]
        first, second = self._served(), self._served()
        orders = [ranking.order for ranking in first.rank(requests)]
        require(orders == [second.rank([one])[0].order for one in requests], "two wrappers served different lists")

    def test_leaves_the_ranker_as_it_was(self) -> None:
        """The undefended ranker scores as before."""
        ranker = self._ranker()
        before = ranker.score(COLLECTION.pairs("q")).tolist()
        self._wrapped(ranker).rank([COLLECTION.request("q")])
        require(ranker.score(COLLECTION.pairs("q")).tolist() == before, "the undefended ranker has other scores")

    def test_certificates_verify(self) -> None:
        """Certificates of a certified defense are of the served list; others have nothing to show."""
        ranker = self._wrapped(self._ranker())
        if not isinstance(ranker, CertifiedRanker):
            return
        request = COLLECTION.request("q")
        served = RankedList(request, ranker.rank([request])[0])
        for certificate in ranker.certify(served, [1, 3], 1):
            certificate.verify()
            certified = [document.doc_id for document in certificate.documents]
            require(certified == list(served.doc_ids), f"certified {certified}, served {served.doc_ids}")

    def test_declares_what_its_ranker_can(self) -> None:
        """``certifies`` and ``passes_gradients`` tell, before a model is loaded, what the defended ranker can."""
        defense, ranker = self.new_defense(), self._wrapped(self._ranker())
        contracts = ("certifies", ranker, CertifiedRanker), ("passes_gradients", ranker.differentiated, GradientRanker)
        for name, shower, kind in contracts:
            said, shown = getattr(defense, name), isinstance(shower, kind)
            require(said == shown, f"{name} is {said}, and its ranker is {'a' if shown else 'no'} {kind.__name__}")

    def test_has_one_identity(self) -> None:
        """Two instances have one identity: its fingerprint does not change from one to the next."""
        require_one_identity("defense", self.specification())

    def specification(self) -> Spec:
        """Return the specification; override it where parameters are not known before the test runs."""
        return parse(self.plugin)

    def new_defense(self) -> Defense:
        """Return the defense."""
        defense: Defense = create("defense", self.specification())
        return defense

    def _ranker(self) -> PointwiseRanker:
        """Return the undefended ranker: one with gradients, or BM25 where the defense refuses it."""
        if not self.new_defense().refuses(Overlap()):
            return Overlap()
        ranker = BM25()
        ranker.prepare(COLLECTION)
        return ranker

    def _wrapped(self, ranker: Ranker) -> Ranker:
        wrapped = self.new_defense().wrap(ranker, COLLECTION, derive(0, "conformance"))
        require(isinstance(wrapped, Ranker), f"wrap returned {type(wrapped).__name__}, not a Ranker")
        return wrapped

    def _served(self) -> ServedRanker:
        return ServedRanker(self._wrapped(self._ranker()))
