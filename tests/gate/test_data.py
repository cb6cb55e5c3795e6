"""Malformed collections, runs, substitution tables, word vectors and certificates: read, or refused on one screen.

All are generated from honest files with fixed seeds. An exception that leaves the command line would fail the test.
"""

from __future__ import annotations

import json
import random
import signal
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from robustrank.certification.certificate import content_digest
from robustrank.certification.mean import certify_mean
from robustrank.certification.median import certify_median
from robustrank.cli.main import invoke

MOST_BYTES, MOST_SECONDS = 2_000, 10
SEEDS = range(40)

CORPUS = "".join(
    json.dumps({"_id": f"d{i}", "title": "Wings", "text": text}) + "\n"
    for i, text in enumerate(("in a slipstream", "heat of a jet", "a plane\u2028and a jet", ""))
)
QUERIES = '{"_id": "q1", "text": "wing"}\n{"_id": "q2", "text": "jet plane"}\n'
JUDGED = "query-id\tcorpus-id\tscore\nq1\td0\t1\nq2\td1\t2\nq2\td2\t0\n"
RUN = "".join(f"q{q} Q0 d{d} {d + 1} {3 - d}.5 tag\n" for q in (1, 2) for d in range(3))
TABLE = '# {"source": "hand"}\njet\tplane aircraft\nplane\tjet\naircraft\tjet\n'
VECTORS = "jet 1.0 0.5\nplane 1.0 0.4\nheat -1 0.2\nwing 0.1 0.9\n"

# What a byte, a field or a JSON value is replaced by.
BYTES = (
    b"", b"\x00", b"\xff", b"\xef\xbb\xbf", b"\r", b"\r\n", b"\t", b" ", b"\n", b"\x1b[2J\x1b]0;T\x07", b"[/bold]",
    "\u2028".encode(), "\u0301".encode(), "\ufffd".encode(), b"\\ud800", b'"', b"{", b"[" * 9_000, b"9" * 5_000,
    b"x" * 5_000, "é".encode() * 3_000, b"-", b".0", b"1e999", b"nan", b"0x10", b"1_0", b",", b"\\u0000", b"#",
)  # fmt: skip
VALUES = (
    None, True, -1, 0, 1.5, 10**400, float("nan"), float("inf"), "", " ", "x" * 5_000, "\ud800", "a\u2028b", "a b",
    "\x1b[2J", [], {}, [[[]]], {"a": {"b": [None]}}, [None], [1, "a"], 2**53 + 1, -0.0, 1e-320, "1", "nan",
)  # fmt: skip


def certificates() -> str:
    draw = np.random.default_rng(0)
    samples = sorted((draw.beta(a, b, 60) for a, b in ((60, 10), (30, 20), (10, 60))), key=lambda s: -s.mean())
    about = {"alpha": 0.05, "radius": 2, "table": "t"}
    means = certify_mean("q1", ["a", "b", "c"], samples, [1, 0.98, 0.97], [1, 2], bound="betting", **about)
    medians = certify_median("q2", ["a", "b", "c"], samples, [1, 0.98, 0.97], [1, 2], **about)
    return "".join(json.dumps(certificate.to_dict()) + "\n" for certificate in [*means, *medians])


def change_bytes(raw: bytes, draw: random.Random) -> bytes:
    """Return bytes with a stretch replaced."""
    start = draw.randrange(len(raw) + 1)
    return raw[:start] + draw.choice(BYTES) + raw[start + draw.choice((0, 0, 1, 3, 20)) :]


def change_lines(raw: bytes, draw: random.Random) -> bytes:
    """Return a file with lines repeated, left out, cut, exchanged or joined."""
    lines = raw.splitlines(keepends=True)
    at, other = draw.randrange(len(lines)), draw.randrange(len(lines))
    edits: list[Callable[[], list[bytes]]] = [
        lambda: [*lines, lines[at]],
        lambda: lines[:at] + lines[at + 1 :],
        lambda: [*lines[:at], lines[at][: draw.randrange(len(lines[at]))]],
        lambda: [*lines[:at], lines[other], *lines[at + 1 :]],
        lambda: [*lines[:at], lines[at].rstrip(b"\n"), *lines[at + 1 :]],
        lambda: [b"\n", *lines, b"\n \n"],
        lambda: [lines[0]],
        list,
    ]
    return b"".join(draw.choice(edits)())


def change_field(raw: bytes, draw: random.Random) -> bytes:
    """Return a file with one field of a line replaced, left out or repeated: a JSON value, or a column."""
    lines = raw.decode().split("\n")[:-1]
    at = draw.randrange(len(lines))
    if lines[at].startswith("{"):
        record = json.loads(lines[at])
        holder = draw.choice([record, *record.get("documents", [])])
        key = draw.choice(list(holder))
        if draw.random() < 0.2:
            del holder[key]
        else:
            holder[key] = draw.choice(VALUES)
        if "digest" in record and key != "digest":  # a forger computes it again
            record["digest"] = content_digest({name: value for name, value in record.items() if name != "digest"})
        lines[at] = json.dumps(record)
    else:
        columns = lines[at].split("\t") if "\t" in lines[at] else lines[at].split(" ")
        value = draw.choice(VALUES)
        columns[draw.randrange(len(columns))] = value if isinstance(value, str) else json.dumps(value)[:6_000]
        lines[at] = draw.choice("\t ").join(columns)
    return ("\n".join(lines) + "\n").encode("utf-8", "surrogatepass")


CHANGES = (change_bytes, change_lines, change_field)
KINDS = {  # the file that is changed -> the collection or the command that reads it
    "corpus.jsonl": "beir", "queries.jsonl": "beir", "qrels/test.tsv": "beir", "run.trec": "beir",
    "queries.tsv": "trec-files", "documents.tsv": "trec-files", "table.txt": "table", "vectors.txt": "vectors",
    "certificates.jsonl": "verify",
}  # fmt: skip


@pytest.fixture(scope="module")
def honest() -> dict[str, str]:
    """Return file name to content."""
    return {
        "corpus.jsonl": CORPUS, "queries.jsonl": QUERIES, "qrels/test.tsv": JUDGED, "run.trec": RUN,
        "documents.tsv": "d0\twings\nd1\theat\nd2\tjet plane\n", "queries.tsv": "q1\twing\nq2\tjet plane\n",
        "table.txt": TABLE, "vectors.txt": VECTORS, "certificates.jsonl": certificates(),
    }  # fmt: skip


def write(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="")


def commands(kind: str, folder: Path) -> list[list[str]]:
    """Return the commands that read the files of a kind."""
    at = {name: str(folder / name) for name in KINDS}
    build = ["table", "build", at["vectors.txt"], "--threshold", "0.5", "--out", str(folder / "out.txt")]
    documents = f"documents={at['documents.tsv']},queries={at['queries.tsv']},qrels={at['qrels/test.tsv']}"
    return {
        "beir": [
            [*build, "--words", f"beir:folder={folder}"],
            [*build, "--words", f"beir:folder={folder},run={at['run.trec']}"],
        ],
        "trec-files": [[*build, "--words", f"trec-files:{documents}"]],
        "table": [["table", "check", at["table.txt"]], ["table", "show", at["table.txt"]]],
        "vectors": [build],
        "verify": [["verify", at["certificates.jsonl"]]],
    }[kind]


def refuse_a_hang(*_: object) -> None:
    raise TimeoutError(f"no answer within {MOST_SECONDS} s")


@pytest.fixture
def call(capsys) -> Callable[[list[str], tuple[str, ...]], int]:
    """Runs a command: an error fits on a screen, has no control character, and names the file or the collection."""
    previous = signal.signal(signal.SIGALRM, refuse_a_hang)

    def called(arguments: list[str], names: tuple[str, ...]) -> int:
        signal.alarm(MOST_SECONDS)
        try:
            code = invoke(arguments)
        finally:
            signal.alarm(0)
        printed = capsys.readouterr()
        assert code in (0, 4), printed.err
        assert len(printed.err.encode()) <= MOST_BYTES or code == 0
        assert not {char for char in printed.out + printed.err if ord(char) < 32} - {"\n"}
        if code:
            assert printed.err.startswith("error: ")
            assert any(name in printed.err for name in names), printed.err
        return code

    yield called
    signal.signal(signal.SIGALRM, previous)


def test_honest_files_are_read(tmp_path, honest, call):
    write(tmp_path, honest)
    for kind in set(KINDS.values()):
        for command in commands(kind, tmp_path):
            assert call(command, ()) == 0, command


@pytest.mark.parametrize("first", ["", "# ", '{"_id": ', '# {"a": '])
@pytest.mark.parametrize("deep", ["[" * 100_000, '{"a":' * 100_000, "9" * 5_000])
def test_deep_and_long_json_is_refused(tmp_path, honest, call, first, deep):
    for name in ("corpus.jsonl", "table.txt", "certificates.jsonl"):
        write(tmp_path, {**honest, name: first + deep + "\n" + honest[name]})
        assert {call(command, (Path(name).name,)) for command in commands(KINDS[name], tmp_path)} == {4}


@pytest.mark.parametrize("name", KINDS)
def test_a_malformed_file_is_read_or_refused_on_one_screen(tmp_path, honest, call, name):
    codes = []
    for seed in SEEDS:
        draw = random.Random(f"{name} {seed}")
        raw = honest[name].encode()
        for change in draw.choices(CHANGES, k=draw.choice((1, 1, 2))):
            try:
                raw = change(raw, draw) or b"\n"
            except (UnicodeDecodeError, ValueError, IndexError, AttributeError):
                continue  # an earlier change left nothing that this one could change
        folder = tmp_path / f"small{seed}"
        write(folder, honest)
        (folder / name).write_bytes(raw)
        codes += [
            call(command, (Path(name).name, folder.name, "collection 'test'"))
            for command in commands(KINDS[name], folder)
        ]
    assert codes.count(4) > len(codes) / 5
