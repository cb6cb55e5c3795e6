"""TREC's file formats: judgements (qrels), runs and topics as tab-separated queries."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from robustrank.collections.files import Judgement, by_id, exactly, gains_by_id, tab_entries
from robustrank.errors import DataError
from robustrank.repairs import Repair, Repairs
from robustrank.text_lines import Line, lines

_SCORE = re.compile(r"[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?")  # float() takes 1_0 as well
_TREC = "query iteration document gain"
_BEIR = "query-id corpus-id score"
_METADATA_STARTS, _METADATA_ENDS = "# ir_metadata.start", "# ir_metadata.end"


def read_queries(path: Path, repairs: Repairs) -> dict[str, str]:
    """Read lines ``id <tab> text`` into query id to text, in the order of the file; a text may be empty.

    Raises:
        DataError: A line is malformed, an id has two texts, or the file is not UTF-8.
    """
    return by_id(tab_entries(path), repairs)


def read_qrels(path: Path, repairs: Repairs) -> dict[str, dict[str, int]]:
    """Read judgements into query id to document id to gain.

    Two forms are read, separated by white space: TREC's four columns (query, iteration, document, gain), and BEIR's
    three under the header ``query-id corpus-id score``, without which they are read too.

    Raises:
        DataError: A line is malformed, a gain is not an integer, a document has two judgements of different gains,
            or the file is not UTF-8.
    """
    return gains_by_id(_judgements(path, repairs), repairs)


def _judgements(path: Path, repairs: Repairs) -> Iterator[Judgement]:
    """Yield location, query, document and gain of each judgement; the first line decides the form of the file."""
    form = ""
    for where, line in lines(path):
        fields = line.split()
        if not form:
            form = _BEIR if len(fields) == len(_BEIR.split()) else _TREC
            if fields == _BEIR.split():
                continue
            if form == _BEIR:
                _refuse_other_header(fields, where)
                repairs.add(Repair.HEADER, where)
        query_id, *_, doc_id, gain = exactly(fields, form, where)
        yield where, query_id, doc_id, gain


def _refuse_other_header(fields: list[str], where: str) -> None:
    """Refuse a first line of three columns whose last is not a gain."""
    try:
        Repairs().gain(fields[-1], where)
    except DataError as error:
        raise DataError(
            f"a line of 3 columns, which is neither a judgement nor the header: {' | '.join(fields)[:80]}",
            where=where,
            allowed=f"4 columns: {_TREC}; or 3 columns: {_BEIR}, with an integer score",
            hint=f"the header of three columns is: {_BEIR}",
        ) from error


def read_run(path: Path, repairs: Repairs) -> dict[str, dict[str, float]]:
    """Read a run (query, Q0, document, rank, score, tag) into query id to document id to score, best first.

    The order is that of the scores, ties by ascending document id; the rank column is ignored, as in trec_eval. A
    header of ir_metadata (ir-metadata.org) is skipped.

    Raises:
        DataError: A line is malformed, a score is not finite, a query has a document with two scores or the lists of
            two tags, a header has no end, or the file is not UTF-8.
    """
    run: dict[str, dict[str, float]] = {}
    tags: dict[str, str] = {}
    for where, line in _lines_without_metadata(path):
        query_id, _, doc_id, _, text, tag = exactly(line.split(), "query Q0 document rank score tag", where)
        if tags.setdefault(query_id, tag) != tag:
            raise DataError(
                f"query {query_id!r} has two lists of candidates, by {tags[query_id]!r} and {tag!r}",
                where=where,
                allowed="a list per query, with the same tag on each of its lines",
            )
        scores, score = run.setdefault(query_id, {}), _score(text, where)
        if doc_id in scores:
            repairs.unite(scores[doc_id], score, f"scores of document {doc_id!r} for query {query_id!r}", where)
        scores[doc_id] = score
    return {query_id: dict(best_first(scores)) for query_id, scores in run.items()}


def _lines_without_metadata(path: Path) -> Iterator[Line]:
    header = ""  # where it starts, within it
    for where, line in lines(path):
        if line.strip() == _METADATA_STARTS:
            header = where
        elif not header:
            yield where, line
        elif line.strip() == _METADATA_ENDS:
            header = ""
    if header:
        raise DataError(
            "a header of metadata has no end", where=header, allowed=f"the line {_METADATA_ENDS!r} behind it"
        )


def _score(text: str, where: str) -> float:
    score = float(text) if _SCORE.fullmatch(text) else math.nan
    if not math.isfinite(score):
        raise DataError(f"the score is {text!r}", where=where, allowed="a finite number")
    return score


def best_first(scores: Mapping[str, float]) -> list[tuple[str, float]]:
    """Return documents with their scores, best first, ties by ascending document id."""
    return sorted(scores.items(), key=lambda item: (-item[1], item[0]))


def write_run(path: str | Path, run: Mapping[str, Mapping[str, float]], tag: str) -> None:
    """Write a run in TREC's six columns, best first, ties by ascending document id; scores at full precision.

    Raises:
        DataError: A score is not finite, or an id or the tag is empty or has white space.
    """
    path = Path(path)
    with path.open("w", encoding="utf-8", newline="\n") as file:
        for query_id, scores in run.items():
            for rank, (doc_id, score) in enumerate(best_first(scores), start=1):
                line = f"{query_id} Q0 {doc_id} {rank} {float(score)!r} {tag}"
                if len(line.split()) != 6 or not math.isfinite(score):
                    raise DataError(
                        f"not a valid line of a run: {line!r}",
                        where=str(path),
                        allowed="ids and a tag without white space, finite scores",
                    )
                file.write(f"{line}\n")
