"""Makes our own entries of the leaderboard: runs each system's suites, and submits the runs.

    python benchmarks/board.py [--runs runs/board] [--entries entries] [--only NAME]

A run that is finished is taken as it is; `robustrank leaderboard build entries` makes the site.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import yaml

from robustrank.cli.main import invoke
from robustrank.printing import slug

SUBMITTER = "robustrank"
BACKGROUND = {"collection": "lee:split=background"}
NEWS = "leads of 289 background documents of the Lee corpus (lee:split=background)"
MINILM = {
    "hub": "sentence-transformers/all-MiniLM-L6-v2",
    "weights_sha256": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    "parameters": 22713216,
    "licence": "apache-2.0",
    "open_weights": True,
}
SBERT = "Reimers, Gurevych: Sentence-BERT, EMNLP 2019"
LEXICAL = {"kind": "lexical", "training": {"saw_test_collection": "no"}}
FEATURES = {"kind": "features", "training": {"data": [NEWS], "saw_test_collection": "no"}}
DENSE = {"kind": "embedding", "model": MINILM, "paper": SBERT, "training": {"saw_test_collection": "unknown"}}
CROSS = {
    "kind": "pointwise", "model": {**MINILM, "base": "all-MiniLM-L6-v2, fine-tuned in the run"},
    "training": {"data": [NEWS], "saw_test_collection": "unknown"},
}  # fmt: skip
DENSE_SEARCH = "dense:encoder='minilm:max_length=96'"
BEHIND_BM25 = {"first_stage": "bm25", "depth": 100}

RANKERS = {
    "BM25": ("bm25", {**LEXICAL, "paper": "Robertson, Walker, TREC-3 1994"}),
    "Query likelihood": ("query-likelihood", {**LEXICAL, "paper": "Zhai, Lafferty, SIGIR 2001"}),
    "RM3": ("rm3", {**LEXICAL, "paper": "Abdul-Jaleel et al., TREC 2004"}),
    "Random order": ("random", LEXICAL),
    "RankSVM": (
        {"name": "rank-svm", "label": "RankSVM", "train": BACKGROUND},
        {**FEATURES, "paper": "Joachims, KDD 2002"},
    ),
    "LambdaMART": ({"name": "lambda-mart", "label": "LambdaMART", "train": BACKGROUND}, FEATURES),
    "MiniLM bi-encoder": ("minilm:max_length=96", DENSE),
    "MiniLM late interaction": ("late-interaction:model=minilm,max_length=96", DENSE),
    "BM25 search": (
        "bm25:first_stage=bm25,depth=100",
        {**LEXICAL, **BEHIND_BM25, "paper": "Robertson, Walker, TREC-3 1994"},
    ),
    "Query likelihood behind BM25": (
        "query-likelihood:first_stage=bm25,depth=100",
        {**LEXICAL, **BEHIND_BM25, "paper": "Zhai, Lafferty, SIGIR 2001"},
    ),
    "Random order behind BM25": ("random:first_stage=bm25,depth=100", {**LEXICAL, **BEHIND_BM25}),
    "MiniLM behind BM25": ("minilm:max_length=96,first_stage=bm25,depth=100", {**DENSE, **BEHIND_BM25}),
    "MiniLM search": (
        {"name": "minilm", "max_length": 96, "first_stage": DENSE_SEARCH, "depth": 100},
        {**DENSE, "first_stage": DENSE_SEARCH, "depth": 100},
    ),
    "MiniLM cross-encoder": (
        {
            "name": "cross-encoder", "label": "cross-encoder", "model": "minilm", "max_length": 64,
            "train": {**BACKGROUND, "epochs": 1, "negatives": 1, "learning_rate": 1.0e-4, "validation_share": 0.03},
        },
        CROSS,
    ),
}  # fmt: skip
DEFENSES = {
    "": None,
    "spamicity filter": "spamicity-filter",
    "spelling correction": "spelling-correction",
    "canonical synonyms": "canonical:threshold=0.5",
    "exact certificates": "exact-certificate:threshold=0.5",
}
ADVERSARIAL, CERTIFIED, CORPUS, QUERIES, VARIANCE = (
    f"{n}-lite-v1" for n in ("adversarial", "certified", "corpus", "queries", "variance")
)
SUITES = {  # of each ranker and defense
    **{
        (ranker, ""): (CORPUS,) if "first_stage" in card else (ADVERSARIAL, QUERIES, VARIANCE)
        for ranker, (_, card) in RANKERS.items()
    },
    **{(ranker, "spamicity filter"): (ADVERSARIAL, QUERIES) for ranker in ("BM25", "MiniLM bi-encoder")},
    **{(ranker, "spelling correction"): (QUERIES,) for ranker in ("BM25", "Query likelihood", "MiniLM bi-encoder")},
    **{(ranker, "canonical synonyms"): (ADVERSARIAL, CERTIFIED, QUERIES) for ranker in ("BM25", "Query likelihood")},
    **{(ranker, "exact certificates"): (CERTIFIED,) for ranker in ("BM25", "Query likelihood")},
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--runs", type=Path, default=Path("runs/board"))
    parser.add_argument("--entries", type=Path, default=Path("entries"))
    parser.add_argument("--only", help="the name of a ranker")
    parser.add_argument("--suite", help="the name of a suite")
    parser.add_argument("--finished", action="store_true", help="submit the runs that are there, and run nothing")
    arguments = parser.parse_args()
    for (ranker, defense), suites in sorted(SUITES.items(), key=lambda item: "MiniLM" in item[0][0]):  # the slow last
        for suite in suites if arguments.only in (None, ranker) else ():
            if arguments.suite not in (None, suite):
                continue
            run = arguments.runs / f"{suite}--{slug(f'{ranker} {defense}')}"
            if not arguments.finished and (code := measure(ranker, defense, suite, run)):
                return code
            if (run / "rows.csv").exists() and (code := submit(ranker, run, arguments.entries)):
                return code
    return 0


def measure(ranker: str, defense: str, suite: str, run: Path) -> int:
    """Run a suite for a system; return the exit code."""
    given = RANKERS[ranker][0]
    text = given if isinstance(given, str) else yaml.safe_dump(given, default_flow_style=True, width=10_000).strip()
    options = ["--defense", DEFENSES[defense]] if defense else []
    options += ["--out", str(run), "--no-report", "--quiet", "--workers", "0"]
    return invoke(["run", f"suite:{suite}", "--ranker", text, *options])


def submit(ranker: str, run: Path, entries: Path) -> int:
    """Submit a run with the card of its ranker; return the exit code."""
    card = run.with_suffix(".card.yaml")
    card.write_text(yaml.safe_dump({"submitter": SUBMITTER, "name": ranker, **RANKERS[ranker][1]}), encoding="utf-8")
    return invoke(["submit", str(run), "--model-card", str(card), "--entries", str(entries)])


if __name__ == "__main__":
    raise SystemExit(main())
