"""TREC's file formats: judgements (qrels), runs and topics as tab-separated queries."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from pathlib import Path

from robustrank.collections.files import by_id, columns, exactly, lines
from robustrank.errors import DataError

_INTEGER = re.compile(r"-?[0-9]+\Z")
_BEIR_HEADER = "query-id corpus-id score"


def read_queries(path: str | Path) -> dict[str, str]:
    """Read lines ``id <tab> text`` into query id to text, in the order of the file.

    Raises:
        DataError: A line is malformed, a text is empty, an id is a duplicate, or the file is not UTF-8.
    """
    path, entries = Path(path), []
    for number, (query_id, text) in columns(path, "id text"):
        if not text.strip():
            raise DataError(f"query {query_id!r} is empty", where=f"{path}:{number}", allowed="a text")
        entries.append((number, query_id, text))
    return by_id(entries, path)


def read_qrels(path: str | Path) -> dict[str, dict[str, int]]:
    """Read judgements into query id to document id to gain.

    Two forms are read: TREC's four columns (query, iteration, document, gain), separated by white space, and
    BEIR's three tab-separated columns under the header ``query-id corpus-id score``. A repeated equal
    judgement counts once.

    Raises:
        DataError: A line is malformed, a gain is not an integer, a document has two judgements of different gains,
            or the file is not UTF-8.
    """
    path = Path(path)
    qrels: dict[str, dict[str, int]] = {}
    beir = False
    for number, line in lines(path):
        if number == 1 and line.split() == _BEIR_HEADER.split():
            beir = True
            continue
        if beir:
            query_id, doc_id, gain = exactly(line.split("\t"), _BEIR_HEADER, path, number)
        else:
            query_id, _, doc_id, gain = exactly(line.split(), "query iteration document gain", path, number)
        if not _INTEGER.match(gain):
            raise DataError(f"the gain {gain!r} is not an integer", where=f"{path}:{number}", allowed="an integer")
        if qrels.setdefault(query_id, {}).setdefault(doc_id, int(gain)) != int(gain):
            raise DataError(
                f"document {doc_id!r} has gains {qrels[query_id][doc_id]} and {gain} for query {query_id!r}",
                where=f"{path}:{number}",
                allowed="a single judgement per query and document",
            )
    return qrels


def read_run(path: str | Path) -> dict[str, dict[str, float]]:
    """Read a run (query, Q0, document, rank, score, tag) into query id to document id to score, best first.

    The order is that of the scores, ties by ascending document id; the rank column is ignored, as in trec_eval.

    Raises:
        DataError: A line is malformed, a score is not finite, a document is a duplicate for a query, or the file is
            not UTF-8.
    """
    path = Path(path)
    run: dict[str, dict[str, float]] = {}
    for number, line in lines(path):
        query_id, _, doc_id, _, text, _ = exactly(line.split(), "query Q0 document rank score tag", path, number)
        scores = run.setdefault(query_id, {})
        if doc_id in scores:
            raise DataError(f"duplicate document {doc_id!r} for query {query_id!r}", where=f"{path}:{number}")
        scores[doc_id] = _score(text, path, number)
    return {query_id: dict(_best_first(scores)) for query_id, scores in run.items()}


def _score(text: str, path: Path, number: int) -> float:
    try:
        score = float(text)
    except ValueError:
        score = math.nan
    if not math.isfinite(score):
        raise DataError(f"the score is {text!r}", where=f"{path}:{number}", allowed="a finite number")
    return score


def _best_first(scores: Mapping[str, float]) -> list[tuple[str, float]]:
    return sorted(scores.items(), key=lambda item: (-item[1], item[0]))


def write_run(path: str | Path, run: Mapping[str, Mapping[str, float]], tag: str) -> None:
    """Write a run in TREC's six columns, best first, ties by ascending document id; scores at full precision.

    Raises:
        DataError: A score is not finite, or an id or the tag is empty or has white space.
    """
    path = Path(path)
    with path.open("w", encoding="utf-8", newline="\n") as file:
        for query_id, scores in run.items():
            for rank, (doc_id, score) in enumerate(_best_first(scores), start=1):
                line = f"{query_id} Q0 {doc_id} {rank} {float(score)!r} {tag}"
                if len(line.split()) != 6 or not math.isfinite(score):
                    raise DataError(
                        f"not a valid line of a run: {line!r}",
                        where=str(path),
                        allowed="ids and a tag without white space, finite scores",
                    )
                file.write(f"{line}\n")
