"""What rankers promise: of lists, and of pairs."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from robustrank.plugins import create
from robustrank.plugins.specification import Spec, parse
from robustrank.rankers.ranker import PointwiseRanker, Ranker
from robustrank.rankers.serving import ServedRanker
from robustrank.testing.samples import (
    COLLECTION,
    DOCUMENTS,
    LONG_TEXT,
    QUERY,
    TEXTS,
    request,
    require,
    require_one_identity,
)


class RankerConformance:
    """Ranks every list it is given, whatever else is in the call; a pointwise ranker scores pairs apart."""

    plugin: ClassVar[str]  # a specification

    def test_answers_are_rankings(self) -> None:
        """Permutations with finite scores, for odd texts, one document, and none of the query's words; twice equal."""
        requests = [request(DOCUMENTS), request({"d": ""}), request(dict(list(DOCUMENTS.items())[:2]), "")]
        first, second = (ServedRanker(self._prepared()).rank(requests) for _ in range(2))
        orders = [[ranking.order for ranking in rankings] for rankings in (first, second)]
        require(orders[0] == orders[1], f"two instances ranked differently: {orders[0]} and {orders[1]}")

    def test_a_list_does_not_depend_on_the_other_lists_of_the_call(self) -> None:
        """Alone, in company and in reversed company a list has one ranking."""
        requests = [COLLECTION.request(query_id) for query_id in COLLECTION.queries]
        ranker = self._prepared()
        alone = [ranker.rank([one])[0].order for one in requests]
        together = [ranking.order for ranking in ranker.rank(requests)]
        turned = [ranking.order for ranking in ranker.rank(requests[::-1])][::-1]
        require(alone == together == turned, f"lists alone {alone}, together {together}, reversed {turned}")

    def test_a_score_depends_on_its_pair_alone(self) -> None:
        """Pairs alone and in company have one score; for list rankers there is nothing to show."""
        ranker = self._prepared()
        if not isinstance(ranker, PointwiseRanker):
            return
        pairs = [(query, text) for query in COLLECTION.queries.values() for text in TEXTS]
        together = ServedRanker(ranker).score(pairs)
        alone = np.concatenate([np.asarray(ranker.score([pair]), dtype=np.float32) for pair in pairs])
        allowed = ranker.noise * max(1.0, float(np.abs(alone).max()))
        worst = float(np.abs(together - alone).max())
        require(worst <= allowed, f"a score moved by {worst:g} with its company; allowed: {allowed:g}")

    def test_says_what_it_reads(self) -> None:
        """What lies beyond what it reads changes no score; where all is read, the end of a long document does."""
        ranker = self._prepared()
        parts = ServedRanker(ranker).parts_read(QUERY, LONG_TEXT)
        if not isinstance(ranker, PointwiseRanker) or parts is None:
            return
        read = parts[-1][1] if parts else 0
        cut = LONG_TEXT.find(" ", read if read < len(LONG_TEXT) else len(LONG_TEXT) // 2)
        other = LONG_TEXT[:cut] + f" {QUERY}" * ((len(LONG_TEXT) - cut) // len(QUERY))
        first, second = ranker.score([(QUERY, LONG_TEXT), (QUERY, other)]).tolist()
        if read < len(LONG_TEXT):
            allowed = ranker.noise * max(1.0, abs(first))
            message = f"it says that it reads {read} characters, and what follows moved a score by {second - first:g}"
            require(abs(second - first) <= allowed, message)
        else:
            message = f"it says that it reads all of {read} characters, and the second half of them changed nothing"
            require(first != second, f"{message}: override characters_read")

    def test_has_one_identity(self) -> None:
        """Two instances have one identity: its fingerprint does not change from one to the next."""
        require_one_identity("ranker", self.specification())

    def specification(self) -> Spec:
        """Return the specification; override it where parameters are not known before the test runs."""
        return parse(self.plugin)

    def new_ranker(self) -> Ranker:
        """Return the ranker."""
        ranker: Ranker = create("ranker", self.specification())
        return ranker

    def _prepared(self) -> Ranker:
        ranker = self.new_ranker()
        ranker.prepare(COLLECTION)
        return ranker
