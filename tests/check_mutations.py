"""Breaks the code in ways that would make numbers wrong in silence, and says whether the tests notice.

Run by hand: ``python tests/check_mutations.py [WORDS OF A NAME]``. Each mutation is made in a copy of the tree that is
laid out as in a wheel; the tree itself is not touched. Exit status 1 if one goes unnoticed.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
CATALOGUES = ("attacks", "defenses", "tasks")


class Mutation(NamedTuple):
    """A text that occurs once in a file, what stands there instead, and the tests that have to fail."""

    name: str
    file: str
    old: str
    new: str
    tests: str


MUTATIONS = [
    Mutation(
        "an edit of a lexical score gains one occurrence less than it may",
        "robustrank/certification/term_scores.py",
        "steps = heapq.nlargest(added, self._increments(room, added, growth))",
        "steps = heapq.nlargest(max(0, added - 1), self._increments(room, added, growth))",
        "tests/certification/test_term_scores.py",
    ),
    Mutation(
        "the copies that several replaced words change are those of one",
        "robustrank/certification/coverage.py",
        "words = self.count if radius is None else min(radius, self.count)",
        "words = min(1, self.count)",
        "tests/certification/test_coupling.py",
    ),
    Mutation(
        "copies are drawn anew for each text",
        "robustrank/certification/coupling.py",
        "indices = np.array([indexed[number][0] + 1 for number in block], dtype=np.uint64)",
        "indices = np.array([indexed[number][0] + 1 + len(indexed[number][1]) for number in block], dtype=np.uint64)",
        "tests/certification/test_coupling.py",
    ),
    Mutation(
        "copies scored by their terms keep the document's length",
        "defenses/parts/term_copies.py",
        "changes[row[edit.key], -1] = edit.growth",
        "changes[row[edit.key], -1] = 0",
        "tests/defenses/test_term_copies.py",
    ),
    Mutation(
        "the sigmoid of a query is fitted to texts that an edit changes",
        "defenses/parts/query_fit.py",
        "texts = [canonical(document, self.representatives) for _, document in pairs]",
        "texts = [document for _, document in pairs]",
        "tests/defenses/test_certdr.py",
    ),
    Mutation(
        "verify does not compute the bounds again",
        "robustrank/certification/recomputation.py",
        "        refuse_difference(certificate, other)\n    return True",
        "        pass\n    return True",
        "tests/cases/test_tampered_runs.py",
    ),
    Mutation(
        "a first stage in English for every collection",
        "robustrank/collections/first_stage.py",
        'return Spec(spec.name, {"language": language, **spec.parameters})',
        "return spec",
        "tests/collections/test_first_stage.py",
    ),
    Mutation(
        "a corpus that changed without a change of size and time is not read again",
        "robustrank/plugins/contents.py",
        "status.st_mtime_ns, status.st_ctime_ns",
        "status.st_mtime_ns, 0",
        "tests/collections/test_document_store.py",
    ),
    Mutation(
        "documents that are added do not count in document frequencies",
        "robustrank/retrieval/bm25.py",
        "((self._added, 1), (hidden, -1))",
        "((self._added, 0), (hidden, -1))",
        "tests/retrieval/test_bm25.py",
    ),
    Mutation(
        "a changed query has the candidates of the unchanged one",
        "robustrank/engine/context.py",
        'if self.retrieval is None or self.pool == "fixed":',
        "if True:",
        "tests/retrieval/test_pipeline.py",
    ),
    Mutation(
        "a defense of queries does not reach the first stage",
        "robustrank/defense.py",
        "return self.inner.first_stage_query(self.rewritten_query(query))",
        "return self.inner.first_stage_query(query)",
        "tests/retrieval/test_pipeline.py",
    ),
    Mutation(
        "pipelines of two depths are one cell",
        "robustrank/retrieval/first_stage.py",
        'identity("retriever", self.retriever), self.depth,',
        'identity("retriever", self.retriever),',
        "tests/retrieval/test_pipeline.py",
    ),
    Mutation(
        "a task's figures that mean something else under one version",
        "tasks/parts/attack_metrics.py",
        '"success": after < before,',
        '"success": after <= before,',
        "tests/tasks/test_versions.py",
    ),
    Mutation(
        "combining marks outside of words",
        "robustrank/text/analysis.py",
        "\\w[{MARKS}{JOINERS}]*)+",
        "\\w)+",
        "tests/text/test_analysis.py",
    ),
    Mutation(
        "the language is not in a collection's fingerprint",
        "robustrank/collections/collection.py",
        'f"{self.language}\\x1d{self',
        'f"en\\x1d{self',
        "tests/rankers/test_languages.py",
    ),
    Mutation(
        "plug-ins run on collections of other languages",
        "robustrank/engine/applicability.py",
        "_by_language(context, task) or ",
        "",
        "tests/cases/test_languages.py",
    ),
    Mutation(
        "the sequential certificate with alpha/n for alpha/2n",
        "robustrank/certification/sequential.py",
        "alpha / (2 * len(documents))",
        "alpha / len(documents)",
        "tests/certification/test_sequential.py",
    ),
    Mutation(
        "attacks prepare on the queries they attack",
        "tasks/parts/targets.py",
        " and q not in left_out",
        "",
        "tests/tasks/test_list_rankers.py",
    ),
    Mutation(
        "a certificate of radius 1 for every radius",
        "tasks/parts/defense_checks.py",
        "ks, key[1])",
        "ks, 1)",
        "tests/tasks/test_list_rankers.py",
    ),
    Mutation(
        "replace: one and together swapped",
        "tasks/parts/attack_metrics.py",
        'if replace == "together"',
        'if replace == "one"',
        "tests/tasks/test_list_rankers.py",
    ),
    Mutation(
        "a cell key without the seed",
        "robustrank/engine/cell.py",
        '        "seed": cell.seed,\n',
        "",
        "tests/engine/test_seeds.py",
    ),
    Mutation(
        "labels in the cell key",
        "robustrank/engine/cell.py",
        '        "seed": cell.seed,\n',
        '        "seed": cell.seed,\n        "label": cell.ranker.label,\n',
        "tests/engine/test_keys.py::test_a_relabelled_experiment_runs_no_cell_again",
    ),
    Mutation(
        "one defended ranker for all seeds",
        "robustrank/engine/resources.py",
        'seed if defense.name != "none" else None',
        "None",
        "tests/engine/test_seeds.py",
    ),
    Mutation(
        "one trained ranker for all seeds",
        "robustrank/engine/resources.py",
        '("trained", spec.text, spec.label, str(seed), *split)',
        '("trained", spec.text, spec.label, *split)',
        "tests/engine/test_seeds.py",
    ),
    Mutation(
        "weights are known without their seed",
        "robustrank/engine/resources.py",
        '                "seed": seed,\n',
        "",
        "tests/engine/test_seeds.py",
    ),
    Mutation(
        "pointwise rankers are not probed",
        "robustrank/rankers/serving.py",
        "if not self._is_probed:",
        "if False:",
        "tests/rankers/test_serving.py",
    ),
    Mutation(
        "pointwise rankers are not probed in reversed company",
        "robustrank/rankers/serving.py",
        '{"in company": together, "in reversed company": turned}',
        '{"in company": together}',
        "tests/rankers/test_serving.py",
    ),
    Mutation(
        "the digests of a manifest are not compared",
        "robustrank/storage.py",
        'return "" if by_size or _measure(path) == expected else "checksum mismatch"',
        'return ""',
        "tests/engine/test_damage.py",
    ),
    Mutation(
        "a list ranker's scores are taken for those of single texts",
        "robustrank/rankers/serving.py",
        "return self.rank([served.request.replaced(texts) for served, texts in edited])",
        "return [served.ranking for served, texts in edited]",
        "tests/tasks/test_list_rankers.py",
    ),
    Mutation(
        "measure: precision is of the list's length",
        "robustrank/measures/effectiveness.py",
        "return len(ranks) / depth",
        "return len(ranks) / min(depth, len(ranked))",
        "tests/measures/test_effectiveness.py",
    ),
    Mutation(
        "measure: average precision is of what was retrieved",
        "robustrank/measures/effectiveness.py",
        "(np.arange(1, len(ranks) + 1) / ranks).sum()) / relevant",
        "(np.arange(1, len(ranks) + 1) / ranks).mean())",
        "tests/measures/test_effectiveness.py",
    ),
    Mutation(
        "command line: a limit raises a task's queries",
        "robustrank/overrides.py",
        "min(limit, queries)",
        "max(limit, queries)",
        "tests/test_overrides.py",
    ),
    Mutation(
        "command line: names of one axis have to hold at once",
        "robustrank/engine/selection.py",
        "any(_matches(candidate, name) for candidate in _names(cell, axis) for name in names)",
        "all(_matches(candidate, name) for candidate in _names(cell, axis)[:1] for name in names)",
        "tests/cli/test_selection.py",
    ),
    Mutation(
        "http-endpoint: answers of another length are scores",
        "robustrank/rankers/http_endpoint.py",
        "if len(scores) != count:",
        "if len(scores) < 1:",
        "tests/rankers/test_http_endpoint.py",
    ),
]


def copy_of_the_tree(folder: Path) -> None:
    """Copy packages and tests; the catalogues lie within the package, as in a wheel."""
    ignore = shutil.ignore_patterns("__pycache__")
    for name in ("robustrank", "tests"):
        shutil.copytree(ROOT / name, folder / name, ignore=ignore)
    for name in CATALOGUES:
        shutil.copytree(ROOT / name, folder / "robustrank" / name, ignore=ignore)
    shutil.copy(ROOT / "pyproject.toml", folder)


def mutate(folder: Path, mutation: Mutation) -> None:
    """Break a copy of the tree."""
    path = folder / ("robustrank" if mutation.file.startswith(CATALOGUES) else "") / mutation.file
    text = path.read_text(encoding="utf-8")
    if text.count(mutation.old) != 1:
        raise SystemExit(f"{mutation.name}: {mutation.old!r} is not once in {mutation.file}")
    path.write_text(text.replace(mutation.old, mutation.new), encoding="utf-8")


def first_failure(tests: set[str], mutation: Mutation | None = None) -> str:
    """Return the line of the first test that fails on a copy of the tree; empty if all pass."""
    with tempfile.TemporaryDirectory(prefix="robustrank-mutation-") as name:
        folder = Path(name)
        copy_of_the_tree(folder)
        if mutation:
            mutate(folder, mutation)
        options = ["-x", "-p", "no:cacheprovider", "--basetemp", str(folder / "tmp")]
        command = [sys.executable, "-m", "pytest", *options, *sorted(tests)]
        environment = {**os.environ, "PYTHONPATH": name, "PYTHONDONTWRITEBYTECODE": "1", "OMP_NUM_THREADS": "1"}
        done = subprocess.run(command, cwd=folder, env=environment, check=False, capture_output=True, text=True)
    if done.returncode not in (0, 1):  # they did not run, or there are no such tests
        raise SystemExit(done.stdout + done.stderr)
    failures = [line for line in done.stdout.splitlines() if line.startswith(("FAILED", "ERROR"))]
    return failures[0] if done.returncode else ""


def main() -> None:
    """Check the mutations whose names contain the words, or all."""
    words, missed = " ".join(sys.argv[1:]), 0
    chosen = [mutation for mutation in MUTATIONS if words in mutation.name]
    if failure := first_failure({mutation.tests for mutation in chosen}):
        sys.exit(f"{failure}\nnothing is mutated yet: mend this first")
    for mutation in chosen:
        failure = first_failure({mutation.tests}, mutation)
        missed += not failure
        sys.stdout.write(f"{'caught' if failure else 'MISSED'}: {mutation.name}\n    {failure}\n")
        sys.stdout.flush()
    sys.exit(min(missed, 1))


if __name__ == "__main__":
    main()
