"""Certificates beside each other, and beside the run they are of: what a single one cannot tell."""

from __future__ import annotations

import math
from collections.abc import Iterable

from robustrank.certification.certificate import DEMOTION, PROMOTION, UNBROKEN, Certificate
from robustrank.certification.evidence import ROUNDING
from robustrank.errors import DataError
from robustrank.rows import Coordinates, Radius, Row
from robustrank.text.table import SubstitutionTable

Located = tuple[str, Certificate]  # (file and line, certificate)
Key = tuple[str, str, int, int | None]  # query, bound, K, radius


def refuse_contradictions(certificates: Iterable[Located]) -> None:
    """Refuse certificates of one file that cannot all be right.

    A list, K and radius has one certificate by each bound; a list has the same evidence at every K; and samples of a
    fixed number that certify a radius certify the smaller ones.

    Raises:
        DataError: Two certificates contradict each other, or are of the same list, K and radius.
    """
    known: dict[Key, Located] = {}
    for where, certificate in certificates:
        key = certificate.query_id, certificate.bound, certificate.k, certificate.radius
        if key in known:
            raise _refusal("a second certificate of one list, K and radius", where, known[key])
        known[key] = where, certificate
    evidence: dict[tuple[str, str, int | None], Located] = {}
    for (query_id, bound, _, radius), (where, certificate) in known.items():
        same_list = evidence.setdefault((query_id, bound, radius), (where, certificate))
        if same_list[1].documents != certificate.documents:
            raise _refusal("the evidence differs from that of the same list at another K", where, same_list)
    widest: dict[tuple[str, str, int], Located] = {}
    for (query_id, bound, k, _), (where, certificate) in sorted(
        known.items(), key=lambda item: -math.inf if item[0][3] is None else -item[0][3]
    ):
        if certificate.certified:
            widest.setdefault((query_id, bound, k), (where, certificate))
        elif (query_id, bound, k) in widest and bound != "sequential":
            larger = widest[query_id, bound, k]
            raise _refusal(f"radius {certificate.radius} is not certified, and a larger radius is", where, larger)


def refuse_other_rows(certificates: Iterable[Located], rows: Iterable[Row]) -> None:
    """Refuse certificates that differ from the rows of their cell.

    Args:
        certificates: The certificates of a cell.
        rows: The rows of the cell. ``certified`` is a verdict, as are ``certified_demotion`` and ``unbroken`` where
            there are such rows; ``rho`` and ``samples`` are means over a list.

    Raises:
        DataError: A certificate has no row or a row no certificate, or their numbers differ.
    """
    measured = {(row.measure, row.query_id, row.group, row.k, row.radius): row for row in rows if row.status == "ok"}
    verdicts = {key: row for key, row in measured.items() if row.measure in (PROMOTION, DEMOTION, UNBROKEN)}
    for where, certificate in certificates:
        place = f"{where}: {certificate.title}"
        query_id = certificate.query_id
        radius: Radius = "all" if certificate.radius is None else certificate.radius
        for measure, holds in certificate.verdicts().items():
            verdict = verdicts.pop((measure, query_id, certificate.group, certificate.k, radius), None)
            if verdict is None and measure == PROMOTION:
                raise DataError(f"no row of the cell has this verdict for radius {radius}", where=place)
            if verdict is not None and bool(verdict.value) != holds:
                raise DataError(f"the row of the cell for radius {radius} has another verdict ({measure})", where=place)
        for name in ("rho", "samples"):
            row = measured.get((name, query_id, certificate.group, None, radius))
            mean = sum(getattr(document, name) for document in certificate.documents) / len(certificate.documents)
            if row is not None and row.value is not None and not math.isclose(row.value, mean, rel_tol=ROUNDING):
                raise DataError(f"the mean {name} is {mean:.9g}, in the row of the cell {row.value:.9g}", where=place)
    if verdicts:
        row = next(iter(verdicts.values()))
        what = f"e.g. of query {row.query_id!r} at K={row.k} for radius {row.radius} {row.group}".rstrip()
        raise DataError(f"{len(verdicts)} verdicts of the rows have no certificate, {what}")


def refuse_other_origins(certificates: Iterable[Located], cell: Coordinates) -> None:
    """Refuse certificates that are not of the ranker, the defense, the collection and the seed of their cell.

    Raises:
        DataError: One tells another, or nothing.
    """
    expected = (cell.collection.identity, cell.ranker.identity, cell.defense.identity, cell.seed)
    for where, certificate in certificates:
        origin = certificate.origin
        told = (origin.collection, origin.ranker, origin.defense, origin.seed) if origin else ()
        if told != expected:
            what = "is of another collection, ranker, defense or seed than its cell" if told else "tells no origin"
            raise DataError(f"it {what}", where=f"{where}: {certificate.title}")


def refuse_other_table(certificates: Iterable[Located], table: SubstitutionTable | None) -> None:
    """Refuse certificates of another substitution table than the one saved beside them.

    Raises:
        DataError: The fingerprints differ, or no table is saved.
    """
    for where, certificate in certificates:
        if table is None or certificate.table != table.fingerprint:
            told = "is missing" if table is None else f"has the fingerprint {table.fingerprint}"
            what = f"its table is {certificate.table[:40]!r}, and the one beside it {told}"
            raise DataError(what, where=f"{where}: {certificate.title}")


def _refusal(problem: str, where: str, other: Located) -> DataError:
    return DataError(f"{problem}: see {other[0]}", where=f"{where}: {other[1].title}")
