"""Holds saved attacks against certificates: those that stay inside the threat model of a certificate."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from robustrank.adversarial import texts_of_cell
from robustrank.certification.certificate import SERVED, Certificate
from robustrank.certification.evidence import ERASED
from robustrank.certification.origin import text_digest
from robustrank.certification.threat import any_words_replaced, block_inserted, words_replaced
from robustrank.json_lines import read_lines
from robustrank.run_files import cell_folders, read_cell
from robustrank.text.table import SubstitutionTable


@dataclass
class AttackChecks:
    """What attacks did to certified lists.

    Attributes:
        texts: Attacked texts within the threat model of a certificate.
        checked: Pairs of such a text and a certificate of its list.
        broken: Certified served lists that a text enters, in words: wrong certificates.
        lucky: Pairs where a text enters a list of which the exact ranker alone is certified.
    """

    texts: int = 0
    checked: int = 0
    broken: list[str] = field(default_factory=list)
    lucky: int = 0


def check_attacks(
    certificates: Mapping[str, Sequence[Certificate]], tables: Mapping[str, SubstitutionTable], run: Path
) -> AttackChecks:
    """Hold the attacks of a run against certificates of the same rankers, defenses, collections and seeds.

    Args:
        certificates: By the key of the cell.
        tables: The substitution tables of certificates, by fingerprint.
        run: The run of the attacks.

    Raises:
        DataError: The run is damaged, or a record is not valid.
    """
    checks = AttackChecks()
    by_ranker: dict[tuple[object, ...], list[Certificate]] = {}
    for certificate in (c for of_cell in certificates.values() for c in of_cell if c.certified and c.holds):
        if origin := certificate.origin:
            by_ranker.setdefault((origin.collection, origin.ranker, origin.defense, origin.seed), []).append(
                certificate
            )
    cells = {cell.key: cell for cell in itertools.starmap(read_cell, read_lines(run / "cells.jsonl"))}
    for folder in cell_folders(run):
        cell = cells.get(folder.name)
        if cell is None or cell.attack is None:
            continue
        about = (cell.collection.identity, cell.ranker.identity, cell.defense.identity, cell.seed)
        of_list: dict[str, list[Certificate]] = {}
        for certificate in by_ranker.get(about, ()):
            of_list.setdefault(certificate.query_id, []).append(certificate)
        for record, _ in texts_of_cell(folder) if of_list else ():
            _check(record, of_list.get(record["query_id"], ()), tables, checks, folder)
    return checks


def _check(
    record: Mapping[str, Any],
    certificates: Sequence[Certificate],
    tables: Mapping[str, SubstitutionTable],
    checks: AttackChecks,
    folder: Path,
) -> None:
    """Hold an attacked text against the certificates of its list."""
    rank, digest, before = _attacked_rank(record), text_digest(record["before"]), checks.checked
    changed: dict[str, float] = {}
    for certificate in certificates:
        ranks = {d.doc_id: i for i, d in enumerate(certificate.documents, start=1) if d.text == digest}
        if rank is None or ranks.get(record["doc_id"], 0) <= certificate.k:
            continue  # the document is inside, or another
        if certificate.table not in changed:
            changed[certificate.table] = _changed(record, certificate, tables)
        if not changed[certificate.table] <= (math.inf if certificate.radius is None else certificate.radius):
            continue
        checks.checked += 1
        if rank <= certificate.k and certificate.about == SERVED:
            checks.broken.append(f"{certificate.title}: {record['doc_id']!r} at rank {rank:.0f} ({folder.name})")
        elif rank <= certificate.k:
            checks.lucky += 1
    checks.texts += checks.checked > before


def _changed(record: Mapping[str, Any], certificate: Certificate, tables: Mapping[str, SubstitutionTable]) -> float:
    """Return how many words were replaced within the threat model; nan where more was edited, or it is not known."""
    if certificate.kind == ERASED:
        changed = block_inserted(record["before"], record["after"])
    elif certificate.draws is not None and certificate.draws.size is None:
        changed = any_words_replaced(record["before"], record["after"])
    elif certificate.table in tables:
        changed = words_replaced(tables[certificate.table], record["before"], record["after"])
    else:
        changed = None
    return math.nan if changed is None else changed


def _attacked_rank(record: Mapping[str, Any]) -> float | None:
    """Return the rank of the attacked document; None where the record is not of one."""
    facts = record.get("metrics", ())
    ranks = [f["value"] for f in facts if (f["measure"], f["condition"]) == ("rank", "attacked")]
    return float(ranks[0]) if ranks and ranks[0] is not None else None
