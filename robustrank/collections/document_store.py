"""Documents on disk: a corpus is read once, kept by the identity of its file, and looked up without being held."""

from __future__ import annotations

import json
import reprlib
from collections.abc import Callable, ItemsView, Iterable, Iterator, Mapping, ValuesView
from hashlib import sha256
from pathlib import Path
from typing import IO, Any

import numpy as np

from robustrank.collections.files import Entry, by_id
from robustrank.collections.strings import Names, Strings, encoded
from robustrank.kept import kept_folder
from robustrank.plugins import code_parts, digest_of
from robustrank.plugins.contents import content_digest
from robustrank.read_only import ReadOnlyMapping
from robustrank.repairs import Repairs

SMALL = 4_000_000  # bytes of a corpus that is read again into memory each time: opening a store would take as long
Reading = Callable[[Path, Repairs], Iterable[Entry]]


class DocumentStore(ReadOnlyMapping[str, str]):
    """Texts by document id, in the order of the corpus, memory-mapped; nothing can change them.

    Attributes:
        folder: The kept folder.
        digest: The hash of ids and texts, as :func:`documents_digest` computes it.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._ids, self._texts = Names.open(folder, "ids"), Strings.open(folder, "texts")
        self.digest: str = _facts(folder)["digest"]

    def __getitem__(self, doc_id: str) -> str:
        number = self._ids.find(doc_id) if isinstance(doc_id, str) else None
        if number is None:
            raise KeyError(doc_id)
        return self._texts[number]

    def __contains__(self, doc_id: object) -> bool:
        return isinstance(doc_id, str) and self._ids.find(doc_id) is not None

    def __iter__(self) -> Iterator[str]:
        return iter(self._ids.strings)

    def __len__(self) -> int:
        return len(self._ids)

    def texts(self, start: int, stop: int) -> list[str]:
        """Return the texts with these numbers in the order of the corpus; fewer at its end."""
        return [self._texts[number] for number in range(start, min(stop, len(self)))]

    def values(self) -> ValuesView[str]:
        """Return the texts, read one after the other."""
        return _Values(self)

    def items(self) -> ItemsView[str, str]:
        """Return ids and texts, read one after the other."""
        return _Items(self)

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.folder,)


class _Values(ValuesView[str]):
    _mapping: DocumentStore

    def __iter__(self) -> Iterator[str]:
        return iter(self._mapping._texts)


class _Items(ItemsView[str, str]):
    _mapping: DocumentStore

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return zip(self._mapping, self._mapping._texts, strict=True)


def read_documents(path: Path, reading: Reading, repairs: Repairs) -> Mapping[str, str]:
    """Return the documents of a file or folder: a store, which is kept, or a dictionary where they are few.

    Args:
        path: What they are read from.
        reading: Yields its entries; its code is part of the store's identity, so it takes no other parameters.
        repairs: Counts what is mended, also those of when the store was written.

    Raises:
        DataError: It cannot be read, or an id has two different texts.
    """
    if _size(path) < SMALL:
        return by_id(reading(path, repairs), repairs)
    how = code_parts(reading.__module__, __name__), reading.__qualname__, path.suffix
    folder = kept_folder("documents", digest_of([content_digest(path), how]), lambda new: _write(new, path, reading))
    repairs.include(_facts(folder)["repairs"], str(path))
    return DocumentStore(folder)


def documents_digest(documents: Mapping[str, str]) -> str:
    """Return a hash of ids and texts, in their order; that of a store is known."""
    if isinstance(documents, DocumentStore):
        return documents.digest
    digest = sha256()
    for doc_id, text in documents.items():
        digest.update(_record(doc_id, text))
    return digest.hexdigest()


def _write(folder: Path, path: Path, reading: Reading) -> None:
    """Write the store of a corpus; its texts are not held in memory."""
    repairs, digest = Repairs(), sha256()
    spans: dict[str, tuple[int, int]] = {}  # where each text starts and ends
    end = 0
    with (folder / "texts.bin").open("w+b") as file:
        for where, doc_id, text in reading(path, repairs):
            if doc_id in spans:
                known = _read_back(file, *spans[doc_id])
                repairs.unite(known, text, f"texts under the id {reprlib.repr(doc_id)}", where)
                continue
            raw = encoded(text)
            digest.update(_record(doc_id, text))
            spans[doc_id] = end, end + len(raw)
            end += len(raw)
            file.write(raw)
    np.save(folder / "texts.ends.npy", np.fromiter((end for _, end in spans.values()), np.int64, len(spans)))
    Names.of(spans).save(folder, "ids")
    facts = {"digest": digest.hexdigest(), "repairs": repairs.counts(str(path))}
    (folder / "facts.json").write_text(json.dumps(facts), encoding="utf-8")


def _read_back(file: IO[bytes], start: int, end: int) -> str:
    file.seek(start)
    text = file.read(end - start).decode("utf-8", "surrogatepass")
    file.seek(0, 2)
    return text


def _record(doc_id: str, text: str) -> bytes:
    return encoded(f"{doc_id}\x1f{text}\x1e")


def _facts(folder: Path) -> dict[str, Any]:
    facts: dict[str, Any] = json.loads((folder / "facts.json").read_text(encoding="utf-8"))
    return facts


def _size(path: Path) -> int:
    """Return the bytes of a file, or of the files of a folder; 0 for what is not there, which its reader refuses."""
    if path.is_file():
        return path.stat().st_size
    return sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
