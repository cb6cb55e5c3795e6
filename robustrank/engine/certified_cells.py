"""What is at hand of a run's certified cells: texts of their collections, and the rankers themselves."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from robustrank.certification.certificate import Certificate
from robustrank.certification.recomputation import refuse_difference
from robustrank.collections.collection import Collection
from robustrank.defense import CertifiedRanker
from robustrank.engine.cell import Cell, grid, keyed
from robustrank.engine.context import Context
from robustrank.engine.resources import Resources
from robustrank.errors import RobustrankError
from robustrank.experiment import load
from robustrank.plugins.identity import refresh
from robustrank.plugins.specification import Spec
from robustrank.rows import Coordinates

_CODE = re.compile(r"\.py\b|^[\w.]+:\w+(:|$)")  # path.py, module:Class


@dataclass
class AtHand:
    """The collections and cells of a run that are the same here as they were there.

    Attributes:
        collections: By the fingerprint of the collection.
        contexts: Cells whose code, data and models are here, by key.
        missing: Why others are not, a line each.
    """

    collections: dict[str, Collection] = field(default_factory=dict)
    contexts: dict[str, Context] = field(default_factory=dict)
    missing: dict[str, None] = field(default_factory=dict)


def find_at_hand(run: Path, cells: Sequence[Coordinates], cache: Path, is_trusted: bool) -> AtHand:
    """Return what is at hand of some cells of a run.

    Args:
        run: The run folder.
        cells: The cells.
        cache: The folder of scores and trained weights.
        is_trusted: Whether code that the experiment names, and that is not installed by name, may run.
    """
    at_hand = AtHand()
    try:
        refresh()
        experiment = load(run / "experiment.yaml")
    except RobustrankError as error:
        at_hand.missing[f"the experiment cannot be read here: {error.what}"] = None
        return at_hand
    if (code := _foreign_code(experiment.model_dump())) and not is_trusted:
        at_hand.missing[f"the experiment names code, {code[:80]!r}, which --trust would run"] = None
        return at_hand
    resources = Resources(experiment, cache)
    for cell in cells:
        _add_collection(at_hand, cell, resources)
    wanted, labels = {cell.key for cell in cells}, {_labels(cell) for cell in cells}
    for planned in (cell for cell in grid(experiment) if _labels(cell) in labels):
        try:
            here = keyed(planned, resources)
        except RobustrankError as error:
            at_hand.missing[f"{planned.title}: {error.what}"] = None
            continue
        if here.key in wanted:
            at_hand.contexts[here.key] = Context(here, resources)
    for cell in cells:
        if cell.key not in at_hand.contexts:
            at_hand.missing["code, versions, data or models of some cells are others here"] = None
    return at_hand


def replay(context: Context, certificates: Sequence[Certificate], lists: int) -> int:
    """Certify the first lists of a cell again by its ranker, and compare; return the number of certificates compared.

    Args:
        context: The cell.
        certificates: All certificates of the cell.
        lists: How many lists.

    Raises:
        DataError: A certificate is another.
    """
    ranker, by_query = context.served.ranker, dict[str, list[Certificate]]()
    if not isinstance(ranker, CertifiedRanker):
        return 0
    for certificate in certificates:
        by_query.setdefault(certificate.query_id, []).append(certificate)
    count = 0
    for query_id, of_list in list(by_query.items())[:lists]:
        ks = list(dict.fromkeys(certificate.k for certificate in of_list))
        for radius in dict.fromkeys(certificate.radius for certificate in of_list):
            again = {(c.bound, c.k): c for c in ranker.certify(context.ranked(query_id), ks, radius)}
            for certificate in (c for c in of_list if c.radius == radius):
                refuse_difference(certificate, again[certificate.bound, certificate.k])
                count += 1
    return count


def _labels(cell: Cell | Coordinates) -> tuple[object, ...]:
    return cell.task.label, cell.collection.label, cell.ranker.label, cell.defense.label, cell.seed, cell.fold


def _foreign_code(value: object) -> str:
    """Return a text of an experiment that names a file or a module with code; empty if there is none."""
    if isinstance(value, str):
        return value if _CODE.search(value) else ""
    parts = value.values() if isinstance(value, Mapping) else value if isinstance(value, list | tuple) else ()
    return next(filter(None, map(_foreign_code, parts)), "")


def _add_collection(at_hand: AtHand, cell: Coordinates, resources: Resources) -> None:
    """Add the collection of a cell if it has the fingerprint that the run tells."""
    spec = Spec(cell.collection.name, _given(cell.collection.parameters), cell.collection.label)
    try:
        collection = resources.collection(spec)
    except RobustrankError as error:
        at_hand.missing[f"{cell.collection.label}: {error.what}"] = None
        return
    if collection.fingerprint == cell.collection.identity:
        at_hand.collections[collection.fingerprint] = collection
    else:
        at_hand.missing[f"{cell.collection.label}: the collection is another here"] = None


def _given(parameters: Mapping[str, object]) -> dict[str, object]:
    return {name: value for name, value in parameters.items() if value is not None}
