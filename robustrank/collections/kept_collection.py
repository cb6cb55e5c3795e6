"""Large collections as they were read: opened without reading a file of theirs again."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from robustrank.collections.collection import Collection
from robustrank.collections.document_store import DocumentStore
from robustrank.kept import find_kept, kept_folder
from robustrank.plugins import digest_of

_PLAIN = ("name", "queries", "qrels", "candidates", "query_types", "notes", "language", "ignores_identical_ids")


def kept_collection(identity: str, place: str, read: Callable[[], Collection]) -> Collection:
    """Return a collection, from what is kept of it if it was read before; it is kept if its documents are in a store.

    Args:
        identity: That of its reader, with the content of all files that it reads.
        place: Where they are: it names them in its notes.
        read: Reads it.
    """
    key = digest_of([identity, place])
    if (folder := find_kept("collections", key)) and (known := _opened(folder)):
        return known
    collection = read()
    if isinstance(collection.documents, DocumentStore):
        kept_folder("collections", key, lambda new: _write(collection, collection.documents, new))
    return collection


def _write(collection: Collection, documents: Any, folder: Path) -> None:
    facts = {name: getattr(collection, name) for name in _PLAIN}
    facts |= {"documents": documents.folder.name, "fingerprint": collection.fingerprint}
    (folder / "collection.json").write_text(json.dumps(facts, default=dict), encoding="utf-8")


def _opened(folder: Path) -> Collection | None:
    """Return a kept collection; None if its documents are gone."""
    facts = json.loads((folder / "collection.json").read_text(encoding="utf-8"))
    documents, fingerprint = find_kept("documents", facts.pop("documents")), facts.pop("fingerprint")
    if documents is None:
        return None
    collection = Collection(documents=DocumentStore(documents), **facts)
    collection.__dict__["fingerprint"] = fingerprint
    return collection
