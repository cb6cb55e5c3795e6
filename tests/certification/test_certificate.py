"""A certificate as a value, and how its verdict follows from its numbers."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import pytest

from robustrank.certification.bounds import BOUNDS, upper
from robustrank.certification.certificate_json import read_certificate
from robustrank.certification.mean import certify_mean
from robustrank.errors import DataError


def certify(means, ks=(1,), rhos=None, n=1000, bound="hoeffding", **more):
    """Certify a list of documents whose samples are all equal to their mean."""
    ids = [f"d{i}" for i in range(len(means))]
    samples = [np.full(n, mean) for mean in means]
    return certify_mean("q", ids, samples, rhos or [1.0] * len(means), ks, alpha=0.05, bound=bound, **more)


def test_the_verdict_by_hand_at_its_border():
    width = math.sqrt(math.log(2 * 2 / 0.05) / 2000)  # two documents, two sides
    for slack, verdict in [(1e-6, True), (-1e-6, False)]:
        certificate = certify([0.9, 0.9 - 2 * width - 0.2 - slack], rhos=[0.1, 0.8])[0]
        assert certificate.certified is verdict
        assert certificate.margin() == pytest.approx(slack)
        assert certificate.margins() == {"d1": pytest.approx(slack)}


@pytest.mark.parametrize("bound", sorted(BOUNDS))
def test_the_evidence_is_the_bounds_at_a_share_of_alpha(bound):
    samples = [np.random.default_rng(i).random(200) ** (i + 1) for i in range(3)]
    certificate = certify_mean("q", "abc", samples, [1, 1, 1], [2], alpha=0.06, bound=bound, radius=3, table="t")[0]
    assert [d.lower for d in certificate.documents] == [BOUNDS[bound](s, 0.01) for s in samples]
    assert [d.upper for d in certificate.documents] == [upper(BOUNDS[bound], s, 0.01) for s in samples]
    assert [d.samples for d in certificate.documents] == [200] * 3
    assert (certificate.query_id, certificate.k, certificate.radius) == ("q", 2, 3)
    assert (certificate.alpha, certificate.kind, certificate.table) == (0.06, "mean", "t")
    assert certificate.holds


def test_every_document_inside_and_outside_counts():
    for k, inside in [(1, 0.9), (2, 0.6), (3, 0.4)]:
        certificate = certify([0.9, 0.6, 0.4, 0.1], [k], rhos=[1, 1, 1, 0.55], n=10**6)[0]
        assert certificate.certified is (inside > 0.1 + 0.45)


def test_a_list_of_at_most_k_documents_is_trivially_certified():
    for k in (2, 5):
        certificate = certify([0.5, 0.4], [k], n=1)[0]
        assert certificate.certified
        assert certificate.is_trivial
        assert certificate.margin() == math.inf
        assert certificate.margins() == {}
        certificate.verify()
    assert not certify([0.5, 0.4], [1])[0].is_trivial


def test_the_published_bound_by_hand_is_never_valid_over_the_list():
    certified, uncertified = (certify([0.9, gap, 0.1], rhos=[1, 1, 0.9], bound="paper")[0] for gap in (0.71, 0.72))
    assert certified.margin() == pytest.approx(0.9 - 0.71 - 0.1 - 0.0859, abs=5e-5)
    assert certified.certified
    assert not uncertified.certified
    assert not certified.holds
    assert certified.documents[1].lower == certified.documents[1].upper == certified.documents[1].mean


@pytest.mark.parametrize("bound", ["hoeffding", "paper"])
def test_a_certificate_survives_json_and_a_changed_certificate_is_refused(bound):
    certificates = certify([0.9, 0.2, 0.1], [1, 2], bound=bound)
    for certificate in certificates:
        loaded = read_certificate(json.loads(json.dumps(certificate.to_dict())))
        assert loaded == certificate
        loaded.verify()
        with pytest.raises(DataError, match="margin"):
            replace(loaded, certified=not loaded.certified).verify()
    documents = list(certificates[0].documents)
    for broken in (
        documents[::-1],
        [*documents, documents[-1]],
        [],
    ):
        with pytest.raises(DataError, match="not that of a ranked list"):
            replace(certificates[0], documents=tuple(broken)).verify()
    for broken, problem in (
        (replace(documents[0], rho=1.5), "rho is 1.5"),
        (replace(documents[0], lower=math.nan), "not finite"),
        (replace(documents[0], samples=0), "samples 0"),
    ):
        with pytest.raises(DataError, match=problem):
            replace(certificates[0], documents=(broken,)).verify()
    moved = replace(documents[1], rho=0.1)
    with pytest.raises(DataError, match="margin"):
        replace(certificates[0], documents=(documents[0], moved, documents[2])).verify()


def test_an_invalid_certificate_is_a_data_error():
    raw = certify([0.9, 0.2])[0].to_dict()
    for broken in ({**raw, "more": 1}, {k: v for k, v in raw.items() if k != "k"}, {}, {**raw, "documents": [{}]}):
        with pytest.raises(DataError, match="not a valid"):
            read_certificate(broken)


def test_invalid_arguments_are_refused():
    samples = [np.full(9, 0.5), np.full(9, 0.6)]
    for wrong, match in [
        ({"samples": samples}, "order"),
        ({"samples": [np.full(9, 7.0), np.full(9, 0.5)]}, r"\[0, 1\]"),
        ({"ks": [0]}, "K=0; it must be at least 1"),
        ({"bound": "magic"}, "'magic' is not one of the bounds"),
    ]:
        arguments = {"samples": samples[::-1], "ks": [1], "bound": "betting", **wrong}
        with pytest.raises(ValueError, match=match):
            certify_mean("q", ["a", "b"], rhos=[1, 1], alpha=0.05, **arguments)
