"""docs/performance.md, from the records in results/performance alone: what was measured, by which command, on what."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from statistics import median
from textwrap import fill
from typing import Any

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "results" / "performance"
Record = Mapping[str, Any]
CLOCKS = ("processor_s", "wall_s")

SECONDS = ("processor s", "clock s")
RATIO = "ratio, processor / clock"

ABOUT = (
    "The figures of this page are computed from the records in `results/performance`; a test makes the page again. "
    "`make benchmarks` makes the records, and the page of them. A **ratio** is how many times as fast robustrank is as "
    "what it is compared with: more is better. *Processor* is the time of all threads and processes, *clock* the time "
    "that passes; they differ on a machine that does other work, too, where the first tells more. Below each table: "
    "its command, its records, the load average of the minute before (with the benchmark before, if there was one), "
    "how many cores were busy when it began, and the commit. The machine, where no other is named: "
)
DEVICES = (
    "`device: auto | cpu | cuda | mps` (default `auto`: an accelerator where torch sees one) is what transformers, "
    "neural rankers and language models compute on, and train on. The class of device is part of every identity, so "
    "scores of one are never served for another. `max_tokens`, the tokens in a batch, is chosen by default: 8,192 on "
    "the processor, 65,536 on an accelerator (a quarter of it for SPLADE); a batch for which memory is too short is "
    "halved, and so are later ones, with a note. Where CUDA sees several accelerators, each worker sees the one that "
    "fewest others have (tested with pretended devices). `tests/rankers/test_device.py` compares scores and gradients "
    "of an accelerator with the processor's, to 1e-4 of the largest score; `tests/rankers/test_one_device.py` refuses "
    "any operation on tensors of two devices."
)
UNRECORDED = """
## Measured without kept records

These figures were read from the screen, on 2026-11-26 where no other day is named; nothing is left to compute them
from.

- One NVIDIA H200 and 16 processor cores, `python benchmarks/devices.py --pairs 4000`, which moved by some tens of
  percent from run to run: fp32 has 1.00 times the speed of sentence-transformers at its best batch size (256), 1.47
  times with `max_tokens` 262,144; bf16 has 1.74 times. `tests/rankers/test_device.py`: 27 passed.
- An idle Intel Xeon with AMX, `OMP_NUM_THREADS=1 python benchmarks/throughput.py`, 40 / 400 pairs, by processor time:
  torch fp32 has 1.02 / 1.06 times the speed of sentence-transformers, bf16 2.47 / 3.59, onnxruntime fp32 1.05 / .93,
  int8 2.14 / 2.06. In bf16, 22 to 28 of 40 scores alone were the same bits as in company, in the others all.

On an AMD EPYC 9004 that other work kept busy, one thread, processor time, 2026-11-27:

- The first target that PAT attacks for a query (bg-007, as with `benchmarks/pat.py --documents 1`; 12 tokens, and the
  values of then: `margin: 0`, `candidates: 128`): 276.0 s in the first version (commit da02298), 37.0 s now: 7.5 times
  as fast, with the same attacked document. 2,000 frequent words are scored for it, which is half of its time.
- A product of matrices reaches 107 GFLOP/s in oneDNN, 95 to 106 in onnxruntime and 91 to 93 in MKL, and 369 to 395
  Gop/s in onnxruntime's int8. 32 pairs of 68 tokens and a cross-encoder of MiniLM's size: sentence-transformers .80 s,
  torch fp32 .56, onnxruntime .58; a bare session .565, and with attention, embeddings and normalisation fused by
  `onnxruntime.transformers` .564. All products at the peak would take .38 s: fp32 cannot be 2.5 times as fast as
  sentence-transformers here. Int8 takes .34 s, and .22 s with several texts a batch, where a score would depend on
  its company.
"""


def page() -> str:
    """Return the page."""
    return "".join(
        [f"# Performance\n\n{wrapped(f'{ABOUT}{usual_machine()}.')}", *(make() for make in SECTIONS), UNRECORDED]
    )


def scoring() -> str:
    """Pairs a second of a cross-encoder."""
    found = records("throughput")
    sizes = sorted({r["pairs"] for r in found if "pairs" in r})
    theirs = {size: [r for r in found if r.get("pairs") == size and "batches" in r["what"]] for size in sizes}
    best = {(size, clock): min(r[clock] for r in theirs[size]) for size in sizes for clock in CLOCKS}
    anchors = [f"{size / best[size, 'processor_s']:.0f} pairs/s" for size in sizes]
    rows = [["sentence-transformers, its best batch size", *anchors, "", ""]]
    for bits in (r for r in found if "compared" in r):
        of_sizes = {r["pairs"]: r for r in found if r["what"] == bits["what"] and "pairs" in r}
        ratios = [_both(best[size, clock] / of_sizes[size][clock] for clock in CLOCKS) for size in sizes]
        same = f"{bits['equal_alone']} of {bits['compared']}"
        rows.append([bits["what"], *ratios, f"{bits['largest_difference']:.0e}", same])
    text = (
        "A cross-encoder of MiniLM's size, documents of 30 to 90 words, beside `CrossEncoder.predict` of "
        "sentence-transformers. The largest difference of a score is a share of the largest score of torch fp32; the "
        "head is random, and tells texts apart by little. Same bits: scores alone that are those in company to the "
        "last bit."
    )
    columns = ["", *(f"{size} pairs a call, {RATIO}" for size in sizes), "largest difference", "same bits"]
    return section("Scoring", text, columns, rows, "throughput")


def model_calls() -> str:
    """Tokens computed over tokens needed."""
    rows = [[str(r["pairs"]), f"{r['computed'] / r['needed']:.2f}"] for r in records("model_calls")]
    text = "Tokens that the network is given, padding included, over those of the texts."
    return section("Model calls", text, ["pairs a call", "computed / needed"], rows, "model_calls")


def word_substitution() -> str:
    """Seconds a document beside TextAttack."""
    found = records("word_substitution")
    theirs = by_what(found)["TextAttack"]
    rows = [
        [
            r["what"].replace("TextAttack", "TextAttack's greedy search"),
            f"{100 * r['success']:.0f}",
            f"{r['boost']:.1f}",
            f"{r['pairs'] / r['documents']:.0f}",
            f"{r['processor_s'] / r['documents']:.2f}",
            _both((theirs[clock] / r[clock] for clock in CLOCKS), 1),
        ]
        for r in found
    ]
    told = parameters("word_substitution")
    text = (
        f"Black-box substitution of at most {told['max_words']} words in {theirs['documents']} documents of "
        f"`{told['collection']}`, by at most {told['budget']} queries each to `{told['ranker']}`. TextAttack attacks "
        "the same ranker with the same substitutes, of all words but stop words, and of those alone that ours may "
        "replace (without names). Rankers that match words need more `trials`, since few substitutions change their "
        "scores."
    )
    columns = ["", "ASR %", "boost", "pairs a document", "processor s a document", RATIO]
    return section("Word substitution", text, columns, rows, "word_substitution")


def pat() -> str:
    """Seconds of PAT a document."""
    found = records("pat")
    rows = [[f"{r['document']} of {len(found)}", *(f"{r[clock]:.1f}" for clock in CLOCKS)] for r in found]
    text = (
        "PAT's defaults: SmolLM2-135M writes, a cross-encoder of MiniLM's size is the surrogate; both are loaded "
        "before. Documents of one query, in turn: what they share is computed with the first."
    )
    return section("Language models", text, ["document", *SECONDS], rows, "pat")


def planning() -> str:
    """Milliseconds of a plan."""
    found = records("planning")
    names = ("planning_ms", "again_ms", "cell_ms")
    rows = [[f"{r['documents']:,}", *(f"{r[name]:.1f}" for name in names)] for r in found]
    text = (
        f"{found[0]['cells']} cells of one attack with BM25, processor time of one process. The first plan of a "
        "process reads the sources, whatever the number of cells and documents."
    )
    columns = ["documents", "planning, ms a cell", "again", "a cell run, ms"]
    return section("Planning", text, columns, rows, "planning")


def large_collections() -> str:
    """A collection of many documents beside plain bm25s."""
    found = by_what(records("first_stage"))
    names = {
        "plain bm25s": "plain bm25s: reads, indexes and searches in memory",
        "first run": "`robustrank run` with BM25, empty cache",
        "nothing left to do": "the same run with nothing left to do",
        "small collection, first run": "100 documents, first run",
        "small collection, nothing left to do": "100 documents, nothing left to do",
        "robustrank --version": "`robustrank --version`",
    }
    anchor, rows = found["plain bm25s"], []
    for what, shown in names.items():
        r, compared = found[what], what in ("plain bm25s", "first run", "nothing left to do")
        ratio = _both(anchor[clock] / r[clock] for clock in CLOCKS) if compared else ""
        rows.append([shown, *(f"{r[clock]:.1f}" for clock in CLOCKS), ratio, f"{r['memory_mb']:,}"])
    small = found["small collection, nothing left to do"]
    opening = _both(found["nothing left to do"][clock] - small[clock] for clock in CLOCKS)
    told = parameters("first_stage")
    text = (
        f"{told['documents']:,} made-up documents, {told['queries']:,} queries, one thread; memory is that of the "
        "largest process. A run with nothing left to do opens the collection and resumes; beyond one of 100 documents, "
        f"it takes {opening} s (processor / clock)."
    )
    return section("Large collections", text, ["", *SECONDS, RATIO, "MB"], rows, "first_stage")


def workers() -> str:
    """Equal cells by one worker and by two."""
    found, told = records("executors"), parameters("executors")
    rows = []
    for pairs in told["pairs"]:
        of_size = [r for r in found if r["pairs"] == pairs]
        for r in of_size:
            seconds = {clock: median(r[clock]) for clock in CLOCKS}
            workers_at_once = 2 if r["what"].startswith("2") else 1
            used = workers_at_once * median(of_size[0]["processor_s"]) / seconds["processor_s"]
            passed = median(a / b for a, b in zip(of_size[0]["wall_s"], r["wall_s"], strict=True))
            rows.append([f"{pairs}", r["what"], *(f"{seconds[clock]:.1f}" for clock in CLOCKS), _both((used, passed))])
    rounds = len(found[0]["wall_s"])
    taken = "once each" if rounds == 1 else f"medians of {rounds} in turn"
    rows_are = "equal to the bit" if all(r["rows_equal"] for r in found) else "**not equal**"
    text = (
        f"{told['cells']} equal cells of so many pairs of a cross-encoder of MiniLM's size, each on a collection to "
        f"itself, from the command to its end, {taken}; rows are {rows_are}. By "
        "processor time, two workers are as many times as fast as theirs allows on two cores. A worker has one thread, "
        "but for the second line. OpenMP's threads sleep while they wait (`OMP_WAIT_POLICY=PASSIVE`, unless set). "
        "A model is loaded once in a process (`tests/engine/test_loads.py`); the last twelve things that were loaded "
        "stay in memory until the run ends."
    )
    return section("Workers", text, ["pairs", "", *SECONDS, RATIO], rows, "executors")


def certificates() -> str:
    """Certificates by smoothing beside the plain loop."""
    found, told = records("certification"), parameters("certification")
    rows = []
    for at in range(0, len(found), 3):
        *ours, loop = found[at : at + 3]
        for r in (*ours, loop):
            certified = ", ".join(map(str, r["certified"])) if r["certified"] else "–"
            pace = r["documents_per_minute"]
            ratio = f"{pace / loop['documents_per_minute']:.1f}"
            of = f"`{r['ranker']}`", f"{r['lists']} x {r['depth']}"
            rows.append([*of, r["what"], certified, f"{r['copies']:.0f}", f"{pace:.0f}", ratio])
    text = (
        f"Lists of documents of `{told['collection']}`, radius {told['radius']}. The plain loop scores 1,000 copies of "
        f"a document at a time, and certifies nothing; it is timed on {told['plain']} documents. Few documents of a "
        "long list are near rank K, and need many copies. [Certificates](certificates.md) says what each line proves."
    )
    columns = ["ranker", "lists", "", "certified at K = 1, 3, 5, 10", "copies a document", "documents a minute"]
    return section("Certificates by smoothing", text, [*columns, "ratio, processor"], rows, "certification")


def exact_certificates() -> str:
    """Milliseconds of exact certificates."""
    found, told = records("exact_certificates"), parameters("exact_certificates")
    radii = list(dict.fromkeys(r["radius"] for r in found))
    of = {(r["cosine"], r["radius"]): f"{r['ms_a_list']:.1f}" for r in found}
    rows = [[str(cosine), *(of[cosine, r] for r in radii)] for cosine in dict.fromkeys(cosine for cosine, _ in of)]
    text = (
        f"An undefended ranker (`{told['ranker']}`), {found[0]['lists']} lists of {told['depth']} documents of "
        f"`{told['collection']}`, five K, with witnesses: milliseconds of processor time a list, by radius R and "
        "by the least cosine of a substitute."
    )
    columns = ["cosine", *("four radii together" if r == "together" else f"R = {r}" for r in radii)]
    return section("Exact certificates", text, columns, rows, "exact_certificates")


def reports() -> str:
    """Seconds of a large report."""
    rows = [[f"{r['rows']:,}", *(f"{r[clock]:.1f}" for clock in CLOCKS)] for r in records("report")]
    text = "`robustrank report` of a run of so many rows. Charts are drawn in a second process, whose time counts, too."
    return section("Reports", text, ["rows", *SECONDS], rows, "report")


def first_run() -> str:
    """Seconds of a first run."""
    names = {
        "first figures": "`robustrank run`: BM25 on `lee`, to the end of the report",
        "ranx's first nDCG": "ranx: nDCG of one query",
        "quickstart": "`robustrank run experiments/quickstart.yaml`",
    }
    found, rows = by_what(records("first_run")), []
    anchor = found.get("ranx's first nDCG")
    for what, r in found.items():
        ratio = _both(anchor[clock] / r[clock] for clock in CLOCKS) if anchor and what != "quickstart" else ""
        rows.append([names[what], *(f"{r[clock]:.1f}" for clock in CLOCKS), ratio, str(r["files_compiled"])])
    text = (
        "With empty caches. A first run compiles nothing: ranx, whose measures numba compiles, is an extra for "
        "`robustrank doctor --measures` alone."
    )
    return section("First run", text, ["", *SECONDS, RATIO, "files that numba compiled"], rows, "first_run")


def killed_run() -> str:
    """What a killed run loses."""
    rows = [
        [r["what"], f"{r['lost_processor_s']:.1f}", f"{r['lost_wall_s']:.1f}", f"{r['scores_kept']:,}"]
        for r in records("kill")
    ]
    text = (
        f"A run that scores {parameters('kill')['pairs']:,} pairs is killed, and started again: seconds of scores "
        "that are lost each time."
    )
    columns = ["", "lost, processor s", "lost, clock s", "scores kept so far"]
    return section("A run that is killed", text, columns, rows, "kill")


def memory() -> str:
    """Memory as cells and pairs become many."""
    rows = [[f"{r['count']:,} {r['what']}", f"{r['memory_mb']:.0f}"] for r in records("memory")]
    text = "Resident memory of one process after so many cells, and then pairs, of a tiny cross-encoder."
    return section("Memory", text, ["after", "MB"], rows, "memory")


def devices() -> str:
    """Pairs a second of each device, where there are records of an accelerator."""
    if not (FOLDER / "devices.jsonl").exists():
        return f"\n## Devices\n\n{wrapped(DEVICES)}"
    found, rows = records("devices"), []
    theirs = {r["device"]: r for r in found if r["what"] == "sentence-transformers"}
    for r in (r for r in found if "wall_s" in r):
        size = f"batches of {r['batch']}" if "batch" in r else f"`max_tokens` {r['max_tokens'] or 'auto'}"
        pace, ratio = r["pairs"] / r["wall_s"], theirs[r["device"]]["wall_s"] / r["wall_s"]
        rows.append([r["device"], f"{r['what']}, {size}", f"{pace:,.0f}", f"{ratio:.2f}"])
    return section("Devices", DEVICES, ["device", "", "pairs/s", "ratio, clock"], rows, "devices")


SECTIONS: Sequence[Callable[[], str]] = (
    scoring,
    model_calls,
    word_substitution,
    pat,
    planning,
    large_collections,
    workers,
    certificates,
    exact_certificates,
    reports,
    first_run,
    killed_run,
    memory,
    devices,
)


@cache
def records(name: str) -> list[Record]:
    """Return the records of a benchmark, all of one run."""
    lines = (FOLDER / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()
    found = [json.loads(line) for line in lines]
    assert found
    assert all(record["run"] == found[0]["run"] for record in found)
    return found


def by_what(found: Iterable[Record]) -> dict[str, Record]:
    """Return records by what they are of."""
    return {record["what"]: record for record in found}


def parameters(name: str) -> Mapping[str, Any]:
    """Return what the command of a benchmark was told."""
    told: Mapping[str, Any] = records(name)[0]["run"]["parameters"]
    return told


def section(title: str, text: str, columns: Sequence[str], rows: Iterable[Sequence[str]], name: str) -> str:
    """Return a section: what is measured, the table, and what it was measured by."""
    return f"\n## {title}\n\n{wrapped(text)}\n{table(columns, rows)}\n{under(name)}"


def wrapped(text: str) -> str:
    """Return a paragraph in lines."""
    return fill(text, 120, break_long_words=False, break_on_hyphens=False) + "\n"


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table."""
    return "".join(f"{line}\n" for line in _lines(columns, rows))


def _lines(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(columns)} |"
    yield "|---" * len(columns) + "|"
    for row in rows:
        assert len(row) == len(columns)
        yield f"| {' | '.join(row)} |"


def under(name: str) -> str:
    """Return what stands below the table of a benchmark: command, records, machine, load, date and commit."""
    run = records(name)[0]["run"]
    cores = run["hardware"]["cores"]
    busy = "" if run["busy_cores"] is None else f", {run['busy_cores']:.1f} of {cores} cores busy"
    commit, _, dirty = (run["commit"] or "unknown").partition("-")
    facts = [
        f"`{run['command']}`",
        f"`results/performance/{name}.jsonl`",
        *([] if machine(name) == usual_machine() else [machine(name)]),
        f"load {run['load']:.1f}{busy}",
        f"{run['when'][:10]}, commit {commit[:7]}{dirty and ' and changes to it'}",
    ]
    return f"{' · '.join(facts)}\n"


def machine(name: str) -> str:
    """Return the machine of a benchmark, and the versions of what computes."""
    run = records(name)[0]["run"]
    hardware, features, packages = run["hardware"], run["features"], run["packages"]
    instructions = [shown for flag, shown in INSTRUCTIONS.items() if flag in features]
    instructions += [] if "amx_tile" in features else ["no AMX"]
    accelerator = run["parameters"].get("accelerator")
    versions = [f"{package} {packages[package]}" for package in LIBRARIES if package in packages]
    facts = [
        hardware["processor"],
        f"{hardware['cores']} cores",
        *instructions,
        *([accelerator] if accelerator else []),
    ]
    return ", ".join([*facts, f"Python {run['python']}", *versions])


def usual_machine() -> str:
    """Return the machine of most benchmarks."""
    return Counter(machine(path.stem) for path in sorted(FOLDER.glob("*.jsonl"))).most_common(1)[0][0]


INSTRUCTIONS = {"avx512f": "AVX-512", "avx512_vnni": "VNNI", "avx512_bf16": "bf16", "amx_tile": "AMX"}
LIBRARIES = "torch onnxruntime transformers sentence-transformers bm25s numpy ray ranx textattack".split()


def _both(ratios: Iterable[float], places: int = 2) -> str:
    return " / ".join(f"{ratio:.{places}f}" for ratio in ratios)
