"""Files can be written, and read again, whatever the texts and paths are."""

from __future__ import annotations

import shutil


def test_a_run_over_texts_with_line_separators_is_replayed(case):
    run = case("40-line-separators-in-replay")
    assert run.run().code == 0
    separators = {
        char for lines in run.adversarial() for line in lines for char in "\u2028\u2029\x85" if char in line["after"]
    }
    assert separators == set("\u2028\u2029\x85")
    again = run.run("replay.yaml", "again")
    assert again.code == 0, again.text
    assert len(run.values("success", "again", condition="attacked", cutoff="")) == 4


def test_long_paths_in_a_specification_name_no_file(case):
    run = case("50-long-paths")
    deep = run.folder / "a-long-name-of-a-folder" / ("deep-" * 8) / ("deeper-" * 8)
    deep.mkdir(parents=True)
    files = {"documents": "documents.tsv", "queries": "queries.tsv", "qrels": "qrels.txt", "run": "run.txt"}
    for name in files.values():
        shutil.copy(name, deep / name)
    entry = ",".join(f"{key}={deep / name}" for key, name in files.items())
    assert len(entry) > 500
    (run.folder / "exp.yaml").write_text(
        f"name: case\ncollections: ['trec-files:{entry}']\nrankers: [bm25]\ntasks: [iid-variance]\n"
    )
    said = run.run(report=True)
    assert said.code == 0, said.text
    assert max(len(path.name) for path in (run.folder / "out").rglob("*")) < 100
    assert any((run.folder / "out" / "report" / "tables").iterdir())
