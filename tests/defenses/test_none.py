"""The undefended ranker."""

from __future__ import annotations

import numpy as np
from robustrank.defenses.none import NoDefense

from robustrank.collections.collection import Collection
from robustrank.defense import CertifiedRanker
from robustrank.rankers.lexical import BM25


def test_no_defense_returns_the_ranker_itself_and_certifies_nothing():
    ranker = BM25()
    assert NoDefense().wrap(ranker, Collection("c", {}, {}, {}, {}), np.random.default_rng(0)) is ranker
    assert not isinstance(ranker, CertifiedRanker)
