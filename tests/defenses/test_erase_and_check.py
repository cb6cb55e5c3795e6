"""Erase-and-check against brute force: every block of words at every place of every document."""

from __future__ import annotations

import itertools
import zlib

import numpy as np
from robustrank.defenses.erase_and_check import ErasingRanker

from robustrank.certification.threat import block_inserted
from robustrank.rankers.ranker import PointwiseRanker
from tests.lists import served

WORDS = ["top", "Top\u00a0", "x", "don't"]  # a no-break space is white space


class Hashed(PointwiseRanker):
    """A score without much structure: one word helps, and each text has its own number beside."""

    def __init__(self, seed):
        self.seed = seed

    def score(self, pairs):
        hashes = np.array([zlib.crc32(f"{self.seed} {document}".encode()) % 1000 for _, document in pairs])
        helped = np.array([min(3, document.lower().count("top")) for _, document in pairs])
        return (0.3 * helped + 0.5 * hashes / 1000).astype(np.float32)


def inserted(text, most):
    """Every text with a block of at most so many words inserted, or none."""
    tokens = text.split()
    yield text
    for size, start in itertools.product(range(1, most + 1), range(len(tokens) + 1)):
        for block in itertools.product(WORDS, repeat=size):
            yield "\n ".join([*tokens[:start], *block, *tokens[start:]])


def test_no_inserted_block_leaves_its_bound_or_enters_a_certified_list():
    count = certified = attained = beyond = 0
    for seed in range(14):
        ranker = ErasingRanker(Hashed(seed), 2)
        rng = np.random.default_rng(seed)
        texts = {d: " ".join(rng.choice(["top", "y", "z"], rng.integers(0, 5), p=[p, 0.9 - p, 0.1]))
                 for d, p in (("a", 0.9), ("b", 0.8), ("c", 0.1), ("d", 0.0))}  # fmt: skip
        ranked = served(ranker, texts, "q")
        for radius in (1, 2):
            edited = {d: list(inserted(text, radius)) for d, text in texts.items()}
            scores = {d: ranker.score([("q", text) for text in variants]) for d, variants in edited.items()}
            count += sum(map(len, edited.values()))
            certificates = ranker.certify(ranked, [1, 2, 3], radius)
            for document in certificates[0].documents:
                assert scores[document.doc_id].max() <= document.upper
                attained += scores[document.doc_id].max() == document.upper
            for certificate in certificates:
                certificate.verify()
                outside = certificate.documents[certificate.k :]
                enters = any(not certificate.keeps_out(d.doc_id, s) for d in outside for s in scores[d.doc_id].tolist())
                assert not (certificate.certified and enters)
                assert not certificate.keeps_in()  # a trigger can move a document down
                certified += certificate.certified
                for document in outside if certificate.certified and radius == 2 and count % 3 == 0 else ():
                    longer = ranker.score([("q", text) for text in inserted(texts[document.doc_id], 3)]).max()
                    beyond += not certificate.keeps_out(document.doc_id, float(longer))
        assert not any(certificate.certified for certificate in ranker.certify(ranked, [1, 2], 3))
        assert not any(certificate.certified for certificate in ranker.certify(ranked, [1, 2], None))
    assert count > 3000
    assert min(certified, attained) > 5
    assert beyond > 0  # or more words than the defense erases would not matter


def test_the_served_score_by_hand():
    ranker = ErasingRanker(Hashed(1), 2)
    copies = ["a b  c", "a b c", "b c", "a c", "a b", "c", "a"]
    assert set(ranker.copies("a b  c")) == set(copies[1:])
    assert list(ranker.copies("")) == [""]
    assert set(ranker.copies("a b")) == {"a b", "a", "b", ""}
    scores = dict(zip(copies, ranker.inner.score([("q", copy) for copy in copies]).tolist(), strict=True))
    assert ranker.score([("q", "a b  c")]).tolist() == [min(scores[copy] for copy in copies[1:])]


def test_what_is_no_inserted_block_is_told():
    assert block_inserted("a b c", "a x y b c") == 2
    assert block_inserted("a b c", "a b c") == block_inserted("", "") == 0
    assert block_inserted("a a", "a a a") == 1
    assert block_inserted("", "x y") == 2
    assert block_inserted("a b", "a\t x\nb") == 1
    for after in ("x a b c y", "a x c", "a b", "c b a x", "ab c d e"):
        assert block_inserted("a b c", after) is None
