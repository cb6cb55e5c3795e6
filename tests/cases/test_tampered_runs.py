"""A run with certificates of every kind verifies; with one thing changed in it, it is refused.

Digests and manifests are made anew after each change, as a forger can.
"""

from __future__ import annotations

import json
import shutil

import pytest

from robustrank.certification.certificate import content_digest
from robustrank.cli.main import invoke
from robustrank.json_lines import write_lines
from robustrank.storage import seal
from robustrank.text.table import symmetric
from tests.tiny_collection import write_experiment, write_tiny

CHAIN = {
    "rye": ["wheat"],
    "wheat": ["flour"],
    "flour": ["bread"],
    "stone": ["wooden"],
    "lake": ["field"],
    "warm": ["cool"],
}


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run with certificates of every kind, and attacks within their threat model."""
    folder = tmp_path_factory.mktemp("tampers")
    symmetric(CHAIN, {}).save(folder / "table.txt")
    table = f"table: '{folder / 'table.txt'}'"
    experiment = write_experiment(
        folder / "e.yaml",
        write_tiny(folder / "tiny"),
        f"""rankers: bm25
defenses:
  - {{name: exact-certificate, label: exact, {table}}}
  - {{name: canonical, label: canonical, {table}}}
  - {{name: certdr, label: mean, {table}, size: 2, samples: 40, alpha: 0.5}}
  - {{name: certdr, label: demand, {table}, size: 2, samples: 16, bound: sequential, most: 30}}
  - {{name: median-smoothing, label: median, {table}, size: 2, samples: 60}}
  - {{name: random-masking, label: masks, samples: 30}}
attacks: [{{name: random-edit, {table}, max_words: 2}}]
tasks:
  - {{name: certified-topk, ks: [1, 2], radii: [1, 2, null]}}
  - {{name: document-attack, targets: ["2-4", "5-8"], only: {{defenses: [exact, median, masks]}}}}
""",
    )
    arguments = ["--out", str(folder / "out"), "--cache", str(folder / "cache"), "--no-report", "--workers", "0"]
    assert invoke(["run", str(experiment), *arguments]) == 0
    return folder / "out"


def verify(run, *more):
    return invoke(["verify", str(run), "--cache", str(run.parent / "cache"), *more])


def cell_with(run, kind):
    """A cell whose certificates include one of a kind or bound."""
    for path in run.glob("cells/*/certificates.jsonl"):
        if any(kind in (record["kind"], record["bound"]) for record in map(json.loads, path.read_text().splitlines())):
            return path.parent
    raise AssertionError(kind)


@pytest.fixture
def copy(run, tmp_path):
    """Change the records of a file of the cell that has a kind of certificate; return the exit code of verify."""
    counter = iter(range(100))

    def changed(kind, change, name="certificates.jsonl", *arguments):
        folder = shutil.copytree(run, tmp_path / str(next(counter)))
        path = cell_with(folder, kind) / name
        records = change([json.loads(line) for line in path.read_text().splitlines()])
        write_lines(path, (signed(record) if "digest" in record else record for record in records))
        seal(path.parent)
        return invoke(["verify", str(folder), "--cache", str(run.parent / "cache"), *arguments])

    return changed


def signed(record):
    content = {key: value for key, value in record.items() if key != "digest"}
    return {**content, "digest": content_digest(content)}


def each(kind="mean", document=None, **fields):
    """Change every certificate of a kind, and a document of each."""

    def change(records):
        for record in (record for record in records if record["kind"] == kind):
            record.update(fields)
            for values in record["documents"] if document else ():
                values.update(document)
        return records

    return change


def one(change):
    """Change the first certificate that is certified, and is none by the published bound."""

    def changed(records):
        first = next(record for record in records if record["certified"] and record["bound"] != "paper")
        change(first)
        return records

    return changed


def drop_outsider(records):
    for record in records:
        record["documents"].pop()
    return records


def test_a_run_with_certificates_of_every_kind_verifies_and_says_how(run, capsys):
    assert verify(run, "--replay", "1") == 0
    shown = capsys.readouterr().out
    assert "not checked" not in shown
    assert "none enters a certified served list" in shown
    assert verify(run, "--json") == 0
    counts = json.loads(capsys.readouterr().out)
    total = counts["verified"] + counts["published_bound"]
    kinds = 10  # certificates of each list, K and radius: one of each defense, a second of three, the published of one
    assert total == counts["by_texts"] == 3 * 2 * 3 * kinds
    assert counts["by_copies"] == 3 * 2 * 3 * (kinds - 2)
    assert counts["by_ranker"] == total / 3
    assert counts["attack_checks"] > 0


@pytest.mark.slow
def test_it_verifies_without_collection_and_ranker_and_says_so(run, tmp_path, capsys):
    folder = shutil.copytree(run, tmp_path / "run")
    text = (folder / "experiment.yaml").read_text().replace(str(run.parent / "tiny"), str(tmp_path / "gone"))
    (folder / "experiment.yaml").write_text(text.replace("table.txt", "gone.txt"))
    cells = (folder / "cells.jsonl").read_text().replace(str(run.parent / "tiny"), str(tmp_path / "gone"))
    (folder / "cells.jsonl").write_text(cells)
    seal(folder, ["experiment.yaml", "cells.jsonl", "rows.csv", "provenance.json"])
    assert verify(folder) == 0
    shown = capsys.readouterr().out
    assert "0 by their ranker; 0 compared with their texts" in shown
    assert "not checked" in shown


def test_code_that_a_run_names_is_not_run_unasked(run, tmp_path, capsys):
    folder = shutil.copytree(run, tmp_path / "run")
    (tmp_path / "evil.py").write_text(f"open({str(tmp_path / 'RAN')!r}, 'w').close()\n")
    text = (folder / "experiment.yaml").read_text()
    (folder / "experiment.yaml").write_text(text.replace("name: bm25", f"name: {tmp_path / 'evil.py'}:Ranker"))
    seal(folder, ["experiment.yaml", "cells.jsonl", "rows.csv", "provenance.json"])
    assert verify(folder) == 0
    assert "the experiment names code" in capsys.readouterr().out
    assert not (tmp_path / "RAN").exists()


def of_documents(change):
    """Change the documents of every certificate."""
    return lambda records: [{**record, "documents": change(record["documents"])} for record in records]


def other_bound(change):
    """Change the certificates of the betting bound."""
    return lambda records: [change(record) if record["bound"] == "betting" else record for record in records]


def reversed_ids(documents):
    ids = [document["doc_id"] for document in documents][::-1]
    return [{**document, "doc_id": doc_id} for document, doc_id in zip(documents, ids, strict=True)]


def tighter(record):
    documents = [{**d, "upper": d["mean"] + 0.9 * (d["upper"] - d["mean"])} for d in record["documents"]]
    return {**record, "documents": documents}


def served_upper(records):
    """Lower the upper bounds of served scores by a thousandth of what an edit adds: no verdict changes."""
    for document in (d for record in records if record["kind"] == "coupled-mean" for d in record["documents"]):
        document["upper"] -= 0.001 * (document["upper"] - document["mean"])
    return records


def two_words_become_all(records):
    return [{**record, "radius": None} if record["radius"] == 2 else record for record in records if record["radius"]]


NOTHING = dict.fromkeys(("lower", "upper", "mean"), 0.0)
SERVED_TAMPERS = {
    "scores of 0 that no copy changes": ("coupled-median", each("coupled-median", document={**NOTHING, "rho": 1.0})),
    "copies that change are hidden": ("coupled-mean", each("coupled-mean", document={"rho": 1.0})),
    "the upper bound is the score": ("lexical", of_documents(lambda ds: [{**d, "upper": d["mean"]} for d in ds])),
    "the list is in another order": ("canonical", of_documents(reversed_ids)),
    "the draws are not told": ("coupled-median", each("coupled-median", draws=None)),
    "scores of copies of another digest": ("coupled-median", each("coupled-median", document={"scores": "0" * 32})),
    "another text": ("lexical", each("lexical", document={"text": "0" * 32})),
    "another query text": ("lexical", one(lambda r: r["origin"].update(query="0" * 32))),
    "another ranker": ("lexical", one(lambda r: r["origin"].update(ranker="0" * 24))),
    "another seed": ("lexical", one(lambda r: r["origin"].update(seed=7))),
    "no origin": ("canonical", one(lambda r: r.update(origin=None))),
    "another schema": ("canonical", one(lambda r: r.update(schema=1))),
}
SAMPLED_TAMPERS = {
    "the query is swapped": each(query_id="q9"),
    "the table is swapped": each(table="0" * 16),
    "two words become all": two_words_become_all,
    "alpha is tiny": each(alpha=1e-9),
    "alpha is another": each(alpha=0.4),
    "rho is 1 everywhere": each(document={"rho": 1.0}),
    "one sample": each(document={"samples": 1}),
    "an upper bound is tighter": other_bound(tighter),
    "an upper bound of a served score is lower": served_upper,
    "hoeffding over betting": other_bound(lambda record: {**record, "bound": "hoeffding"}),
    "an outsider is left out": drop_outsider,
    "uncertified certificates are deleted": lambda records: [r for r in records if r["certified"]],
    "a list is left out": lambda records: [r for r in records if r["query_id"] != "q1"],
    "twice": lambda records: [*records, records[0]],
    "K beyond the list": lambda records: [{**r, "k": 99, "certified": True} for r in records if r["k"] == 1],
}


def in_part(names, fast):
    """Return the parameters of a test: some at once, the others with the slow tests."""
    return [pytest.param(name, marks=[] if name in fast else [pytest.mark.slow], id=name) for name in names]


@pytest.mark.parametrize("name", in_part(SERVED_TAMPERS, {"the upper bound is the score"}))
def test_a_tampered_certificate_of_a_served_list_is_refused(copy, name):
    kind, change = SERVED_TAMPERS[name]
    assert copy(kind, change) == 4


@pytest.mark.parametrize("name", in_part(SAMPLED_TAMPERS, {"an upper bound of a served score is lower"}))
def test_a_tampered_certificate_of_the_exact_ranker_is_refused(copy, name):
    assert copy("betting", SAMPLED_TAMPERS[name], "certificates.jsonl", "--replay", "0") == 4


FORGED_ROWS = [
    "lexical certified", "lexical certified_demotion", "lexical unbroken", "canonical certified", "mean certified",
    "coupled-median certified", "coupled-median certified_demotion",
]  # fmt: skip


@pytest.mark.parametrize("name", in_part(FORGED_ROWS, {"lexical certified", "lexical certified_demotion"}))
def test_forged_rows_are_refused(copy, name):
    kind, measure = name.split()

    def reversed_verdicts(rows):
        return [{**row, "value": 1.0 - row["value"]} if row["measure"] == measure else row for row in rows]

    assert copy(kind, reversed_verdicts, "rows.jsonl") == 4


@pytest.mark.slow
@pytest.mark.parametrize("name", ["scores", "table", "missing table"])
def test_forged_evidence_is_refused(copy, name):
    def change(records):
        if name == "missing table":
            return records[1:]
        if name == "table":
            records[0]["table"] = {"rye": ["wheat"], "wheat": ["rye"]}
            return records
        return [{**r, "scores": records[1]["scores"][::-1]} if "scores" in r else r for r in records]

    assert copy("coupled-median", change, "evidence.jsonl") == 4


@pytest.mark.slow
def test_an_attack_that_enters_a_certified_served_list_is_refused(run, tmp_path, capsys):
    def first(records):
        for metric in (metric for record in records for metric in record["metrics"]):
            if (metric["measure"], metric["condition"]) == ("rank", "attacked"):
                metric["value"] = 1.0
        return records

    other = shutil.copytree(run, tmp_path / "other")
    for path in other.glob("cells/*/adversarial.jsonl"):
        write_lines(path, first([json.loads(line) for line in path.read_text().splitlines()]))
        seal(path.parent)
    assert verify(run, "--against", str(run)) == 0
    capsys.readouterr()
    assert verify(run, "--against", str(other)) == 4
    assert "attacks within the threat model enter" in capsys.readouterr().err
