"""The metadata of a TREC run, in the schema of ir_metadata.

Timo Breuer, Jüri Keller and Philipp Schaer, "ir_metadata: An Extensible Metadata Schema for IR Experiments", SIGIR
2022 (ir-metadata.org). It may stand as comments at the head of a run, which pytrec_eval and others do not read; so it
is a file beside the run. The components of a run that nobody told (the actor, the venue) are left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import yaml

from robustrank.engine.cell import Cell


def ir_metadata(tag: str, cell: Cell, provenance: Mapping[str, Any]) -> str:
    """Return the metadata of a run as YAML.

    Args:
        tag: The run's tag.
        cell: The cell that it is of.
        provenance: That of the cell.
    """
    environment = provenance["environment"]
    hardware, collection = environment["hardware"], provenance.get("collection", {})
    defended = [] if cell.defense.name == "none" else [{"name": f"defense {cell.defense.text}"}]
    candidates = "candidates"
    if "first_stage" in provenance:
        candidates = f"{provenance['depth']} best documents by {provenance['first_stage']}"
    ranker = f"{cell.ranker.text} on the {candidates} of {cell.collection.text}"
    metadata = {
        "tag": tag,
        "platform": {
            "hardware": {
                "cpu": {
                    "model": hardware["processor"],
                    "architecture": hardware["machine"],
                    "number of cores": hardware["cores"],
                },
            },
            "operating system": {"kernel": hardware["system"]},
            "software": {
                "libraries": {"python": [f"{name} {number}" for name, number in environment["packages"].items()]},
            },
        },
        "research goal": {"description": f"robustness of a ranking model: {cell.title}"},
        "implementation": {
            "executable": {"cmd": environment["command"]},
            "source": {
                "lang": f"python {environment['python']}",
                "repository": "https://github.com/robustrank/robustrank",
                **({"commit": environment["commit"]} if environment["commit"] else {}),
            },
        },
        "method": {
            "automatic": True,
            "score ties": "ascending document id",
            "retrieval": [{"name": ranker}, *defended],
        },
        "data": {"test collection": {"name": cell.collection.text, **_counted(collection)}},
    }
    return yaml.safe_dump(metadata, sort_keys=False, allow_unicode=True, width=120)


def _counted(collection: Mapping[str, Any]) -> dict[str, Any]:
    return {name: collection[name] for name in ("queries", "documents", "judgements", "fingerprint") if collection}
