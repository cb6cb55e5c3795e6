"""A run folder with attacked texts, some of them hostile, and a page of it: small, and known to the last word."""

from __future__ import annotations

import json
from pathlib import Path

from robustrank.analysis.load import load_run
from robustrank.json_lines import write_lines
from robustrank.records import Edit, apply_edits
from robustrank.report.page import Cell, FigureView, Section, TableView
from robustrank.report.page_run import run_page
from robustrank.storage import seal
from tests.report_rows import relabelled, row, write_run

QUERY = "how does a fox jump over a dog"
FOX = "\U0001f600 The quick brown fox jumps over the lazy dog."
HOSTILE = (
    "</script><script>window.broken = 1</script>",
    '<img src="https://robustrank.invalid/x.png" onerror="window.broken = 2">',
    "]]><svg onload=window.broken=3> <!-- <script> ${window.broken = 4} {{ 7 * 7 }}",
    "half \ud800 pair, line \u2028 end, \u202eright to left, zero\u200bwidth, bell \x07",
)
ALL_HOSTILE = " ".join(HOSTILE)
HOSTILE_LABEL = "".join(HOSTILE[:2])
PICTURE = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de0000000c4944415408d763f8ffff3f0005fe02fe"
    "dccc59e70000000049454e44ae426082"
)
NO_SURROGATE = ALL_HOSTILE.replace("\ud800", "?")  # rows.csv and YAML are UTF-8


def edit(old: str, new: str, text: str = FOX) -> Edit:
    """Return the edit that writes ``new`` in place of ``old``."""
    start = text.index(old)
    return Edit(start, start + len(old), new)


# attack, ranker, document, text, edits, rank before, rank after, queries to the victim
TEXTS = (
    ("swap", "bm25", "d1", FOX, (edit("quick", "fast"), edit("lazy ", "")), 14, 3, 120),
    ("swap", "minilm", "d1", FOX, (edit("fox", "red fox"),), 8, 8, 9),
    ("swap", "minilm", "d2", FOX, (), 30, 30, 0),
    ("letters", "bm25", "d1", FOX, (edit("r", "R"), edit("w", "W"), edit("g.", "gs.")), 14, 20, 1_000),
    ("rewrite", "bm25", "d3", FOX, (edit(FOX, FOX.replace("jumps", "leaps")),), 40, 2, 5),
    ("hostile", "bm25", "d9", ALL_HOSTILE, (edit("half", ALL_HOSTILE, ALL_HOSTILE),), 5, 4, 7),
)


def attacked_rows():
    """Return the rows of the attacked texts, those of a failed and of a skipped cell, and one that is hostile."""
    for attack, ranker, doc_id, _, edits, before, after, queries in TEXTS:
        more = {"task": "document-attack", "attack": attack, "ranker": ranker, "doc_id": doc_id, "query": "q1"}
        yield row("rank", before, condition="clean", **more)
        yield row("rank", after, condition="attacked", **more)
        yield row("success", after < before, condition="attacked", **more)
        yield row("queries", queries, **more)
        yield row("flagged", bool(edits), condition="attacked", **more)
        if attack == "letters":
            yield row("nDCG@10", 0.25, condition="clean", **{**more, "doc_id": ""})
            yield row("certificate_check", 1, condition="attacked", k=5, **more)
    yield row("error", None, "", task="broken", status="error", note=NO_SURROGATE)
    yield row("success", None, "", task="unsuited", status="skipped", note="needs gradients")


def attacked_run(folder: Path) -> Path:
    """Write a run folder with everything that the page reads."""
    write_run(folder, relabelled(attacked_rows(), {"hostile": HOSTILE_LABEL}))
    cells = [json.loads(line) for line in (folder / "cells.jsonl").read_text(encoding="utf-8").splitlines()]
    statuses = {"broken": "error", "unsuited": "skipped"}
    cells = [{**cell, "status": statuses.get(cell["task"]["name"], "done"), "seconds": 61.0} for cell in cells]
    (folder / "cells.jsonl").write_text("".join(json.dumps(cell) + "\n" for cell in cells), encoding="utf-8")
    for cell in cells:
        at = folder / "cells" / cell["key"]
        at.mkdir(parents=True)
        names = (cell["attack"] or {"name": ""})["name"], cell["ranker"]["name"]
        records = [record(*text[2:5]) for text in TEXTS if text[:2] == names]
        if records:
            write_lines(at / "adversarial.jsonl", records)
        seal(at)
    (folder / "notes.txt").write_text(f"lee: 2 documents repaired\n{NO_SURROGATE[:90]}\n", encoding="utf-8")
    description = json.dumps(NO_SURROGATE)
    (folder / "experiment.yaml").write_text(f"name: foxes\ndescription: {description}\n", encoding="utf-8")
    environment = {"first": "2026-11-26T09:00:00+00:00", "last": "2026-11-26T09:05:00+00:00", "command": NO_SURROGATE}
    provenance = {"environments": [{**environment, "packages": {"numpy": "2.4"}, "hardware": {"cores": 2}}]}
    (folder / "provenance.json").write_text(json.dumps(provenance), encoding="utf-8")
    seal(folder, ["experiment.yaml", "provenance.json", "cells.jsonl", "rows.csv"])
    return folder


def record(doc_id: str, before: str, edits: tuple[Edit, ...]) -> dict:
    query = ALL_HOSTILE if doc_id == "d9" else QUERY
    listed = [{"start": edit.start, "end": edit.end, "text": edit.text} for edit in edits]
    texts = {"query_id": "q1", "query": query, "doc_id": doc_id, "before": before, "after": apply_edits(before, edits)}
    return {**texts, "note": "", "status": "ok", "edits": listed}


SECTIONS = (
    Section(
        "Summary",
        (
            TableView(
                "summary",
                "Effectiveness",
                f"nDCG@10 of three rankers. {NO_SURROGATE}",
                ("ranker",),
                ("nDCG@10 ↑", "rank"),
                (
                    (("bm25",), (Cell(".5", 0.5, "[.4, .6]"), Cell("9", 9))),
                    ((NO_SURROGATE,), (Cell("–"), Cell("10", 10))),
                    (("minilm",), (Cell(".7", 0.7, "[.6, .8]", "†", is_best=True), Cell("−1", -1))),
                ),
                ("1 row failed.",),
                (("CSV", "tables/summary.csv"),),
            ),
        ),
        (FigureView("dots", "Dots", "Dots, lee.", 'Two "dots" of > 1', PICTURE, (("PDF", "figures/dots.pdf"),)),),
    ),
    Section("Appendix", (TableView("more", "More", "", (), ("n",), (((), (Cell("1", 1),)),)),), is_appendix=True),
)


def page_of(folder: Path) -> bytes:
    return run_page(load_run(folder), SECTIONS)
