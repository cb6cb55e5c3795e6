"""A run as the tasks would leave it: three rankers, two defenses, three attacks, ties, two seeds, missing values."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from robustrank.report.load import load_rows
from robustrank.rows import COLUMNS, Row

RANKERS = {
    "bm25": ("traditional", 0.45, 0.30),
    "query-likelihood": ("traditional", 0.42, 0.35),
    "minilm": ("pretrained", 0.58, 0.75),
}
DEFENSES = ("none", "certdr:samples=200")
ATTACKS = (
    *(f"word-substitution:max_words={size}" for size in (1, 3, 5)),
    *(f"keyword-stuffing:repeats={size},where=front" for size in (1, 3)),
)
QUERIES = tuple(f"q{number}" for number in range(1, 13))
IID, QUERY, DOCUMENT, CERTIFIED = (
    "iid-variance", "query-attack:variants=5", "document-attack:targets=easy-5", "certified-topk",
)  # fmt: skip


def make_rows(
    rankers: Iterable[str] = RANKERS, queries: Iterable[str] = QUERIES, seeds: Iterable[int] = (0, 1)
) -> list[Row]:
    """Return the rows of every task; the same at every call."""
    queries = tuple(queries)
    found: list[Row] = []
    for ranker in rankers:
        for defense in DEFENSES:
            for seed in seeds:
                cell = _Cell(ranker, defense, seed)
                found += cell.iid(queries)
                found += cell.query_attack(queries)
                found += cell.certified(queries)
                for attack in ATTACKS:
                    found += cell.document_attack(queries, attack)
    return found


class _Cell:
    def __init__(self, ranker: str, defense: str, seed: int) -> None:
        self.ranker, self.defense, self.seed = ranker, defense, seed
        self.family, self.level, self.weakness = RANKERS[ranker]
        if defense != "none":
            self.level, self.weakness = self.level - 0.03, self.weakness * 0.6
        self.rng = np.random.default_rng([len(ranker), len(defense), seed])
        self.hardness = np.random.default_rng(7).uniform(-0.3, 0.3, size=1000)  # a query is hard for every ranker

    def row(self, task, measure, value, query="", doc="", attack="", status="ok", note=""):
        value = None if value is None else float(value)
        of = (task, "lee", self.ranker, self.family, self.defense, attack, self.seed)
        return Row(*of, query, doc, measure, value, status, note)

    def effectiveness(self, number: int) -> float:
        # Two decimals make ties, as measures of few documents do.
        return round(float(np.clip(self.level + self.hardness[number] + self.rng.normal(0, 0.05), 0, 1)), 2)

    def iid(self, queries) -> Iterator[Row]:
        for number, query in enumerate(queries):
            for measure in ("nDCG@10", "AP", "RR@10"):
                yield self.row(IID, measure, self.effectiveness(number), query)

    def query_attack(self, queries) -> Iterator[Row]:
        for number, query in enumerate(queries):
            for measure in ("nDCG@10", "AP"):
                clean = self.effectiveness(number)
                attacked = clean * (1 - self.weakness * self.rng.uniform(0, 0.4))
                values = {"clean": clean, "attacked": attacked, "worst": attacked * self.rng.uniform(0.3, 1)}
                for name, value in values.items():
                    yield self.row(QUERY, f"{measure}/{name}", value, query, attack="character-typos:typos=1")

    def certified(self, queries) -> Iterator[Row]:
        if self.defense == "none":
            yield self.row(CERTIFIED, "certified@1/R=1", None, status="skipped", note="defense 'none' proves nothing")
            return
        for number, query in enumerate(queries):
            margin = self.rng.uniform()
            for radius, price in (("1", 0), ("all", 0.2)):
                for k in (1, 3, 5, 10):
                    name, verdict = f"certified@{k}/R={radius}", margin > 0.2 + 0.05 * k + price
                    yield self.row(CERTIFIED, name, verdict, query, note="mean, betting")
                    verdict = margin > 0.1 + 0.04 * k + price
                    yield self.row(CERTIFIED, f"{name}/paper", verdict, query, note="mean, paper")
                yield self.row(CERTIFIED, f"rho/R={radius}", self.rng.uniform(0.5, 1) - price, query)
                yield self.row(CERTIFIED, f"samples/R={radius}", 200, query)
            yield self.row(CERTIFIED, "overlap_below_1", self.rng.uniform(0, 0.1), query)
            yield self.row(CERTIFIED, "overlap_least", self.rng.uniform(0, 0.5), query)
            yield self.row(CERTIFIED, "nDCG@10", self.effectiveness(number), query)
            yield self.row(CERTIFIED, "nDCG@10/undefended", self.effectiveness(number), query)

    def document_attack(self, queries, attack) -> Iterator[Row]:
        name = attack.partition(":")[0]
        if name == "word-substitution" and self.ranker == "query-likelihood":
            note = "the attack needs gradients, and this ranker has none"
            yield self.row(DOCUMENT, "success", None, attack=attack, status="skipped", note=note)
            return
        if name == "keyword-stuffing" and self.ranker == "minilm" and self.defense != "none" and "=3" in attack:
            yield self.row(
                DOCUMENT, "error", None, attack=attack, status="error", note="RuntimeError: 100% out_of_memory"
            )
            return
        budget = int(attack.partition("=")[2].partition(",")[0])
        yield self.row(DOCUMENT, "prepare/queries", 40, attack=attack)
        for number, query in enumerate(queries):
            for before in (53, 67, 98):
                yield from self.target(query, f"d{self.rng.integers(1000)}-{before}", before, attack, budget)
            clean = self.effectiveness(number)
            yield self.row(DOCUMENT, "nDCG@10/clean", clean, query, attack=attack)
            if clean > 0.3:
                yield self.row(
                    DOCUMENT, "nDCG@10/attacked", clean * (1 - 0.02 * budget * self.weakness), query, attack=attack
                )
            else:
                yield self.row(
                    DOCUMENT, "nDCG@10/attacked", None, query, attack=attack, status="failed", note="undefined"
                )

    def target(self, query, doc, before, attack, budget) -> Iterator[Row]:
        status = "budget_exhausted" if self.rng.uniform() < 0.1 else "ok"
        facts = self.outcome(before, self.weakness * (1 - 0.6**budget))
        facts |= {"queries": 20 * budget, "calls": 15 * budget, "budget": budget, "edits": budget}
        facts |= {"words_changed": budget / 150, "characters_changed": 5 * budget, "tokens_added": 0}
        if self.defense != "none" and attack.startswith("word"):
            facts["replaced"] = budget
        if self.rng.uniform() < 0.9:  # some documents cannot be edited, and have no control
            facts |= {f"control/{name}": value for name, value in self.outcome(before, 0.08 * budget).items()}
        for measure, value in facts.items():
            yield self.row(DOCUMENT, measure, value, query, doc, attack, status)

    def outcome(self, before: int, chance: float) -> dict[str, float]:
        success = self.rng.uniform() < chance
        boost = int(self.rng.integers(1, before - 1)) if success else -int(self.rng.integers(0, 3))
        after = before - boost
        return {
            "rank/before": before,
            "rank/after": after,
            "success": success,
            "success_above_noise": success and boost > 1,
            "boost": boost,
            "normalised_boost": boost / (before - 1),
            "top10": after <= 10,
            "top50": after <= 50,
            "legacy/success": success or self.rng.uniform() < 0.1,
            "legacy/boost": boost,
        }


STUDY = {
    "bm25": ("traditional", 0.45),
    "query-likelihood": ("traditional", 0.42),
    "ranksvm": ("learning-to-rank", 0.48),
    "lambdamart": ("learning-to-rank", 0.50),
    "drmm": ("neural", 0.43),
    "conv-knrm": ("neural", 0.46),
    "duet": ("neural", 0.40),
    "cross-encoder": ("pretrained", 0.58),
    "bi-encoder": ("pretrained", 0.53),
    "late-interaction:dim=128": ("pretrained", 0.56),
}
TYPES = ("how", "what", "other")
LOSSES = {"learning-to-rank": 0.05, "neural": 0.2, "pretrained": 0.1}


def study_rows(
    queries: int = 12, seeds: int = 2, collections: int = 1, rankers: Iterable[str] = STUDY
) -> Iterator[Row]:
    """Yield the rows of the five tasks for ten rankers of four families, two of which are not trained."""
    for collection in [f"c{number}" for number in range(collections)]:
        for ranker in rankers:
            for seed in range(seeds):
                yield from _Study(collection, ranker, seed, queries).rows()


class _Study:
    def __init__(self, collection: str, ranker: str, seed: int, queries: int) -> None:
        self.collection, self.ranker, self.seed = collection, ranker, seed
        self.family, level = STUDY[ranker]
        self.trained = self.family != "traditional"
        self.rng = np.random.default_rng([list(STUDY).index(ranker), seed if self.trained else 0])
        hardness = np.random.default_rng(7).uniform(-0.3, 0.3, size=queries)
        self.level = np.clip(level + hardness + self.rng.normal(0, 0.05, queries), 0.01, 1)

    def rows(self) -> Iterator[Row]:
        yield from self.values("iid-variance", {"AP": self.level, "nDCG@10": self.level, "RR@10": self.level})
        yield from self.unseen()
        yield from self.other_domains()
        typos = {"clean": self.level, "attacked": self.lost(0.2), "worst": self.lost(0.5)}
        for measure in ("nDCG@10", "AP"):
            own = {f"{measure}/{name}": values for name, values in typos.items()}
            yield from self.values("query-attack", own, "character-typos")
        for attack in ("keyword-stuffing:repeats=1", "keyword-stuffing:repeats=3"):
            own = {"nDCG@10/clean": self.level, "nDCG@10/attacked": self.lost(0.1)}
            yield from self.values("document-attack", own, attack)
            for doc in ("d1", "d2"):
                facts = {"success": 0.5, "control/success": 0.2, "top10": 0.1}
                own = {name: self.rng.uniform(size=len(self.level)) < share for name, share in facts.items()}
                own |= {
                    "boost": self.rng.integers(0, 9, len(self.level)),
                    "budget": np.full(len(self.level), attack[-1]),
                }
                yield from self.values("document-attack", own, attack, doc)

    def lost(self, rate: float) -> np.ndarray:
        return self.level * (1 - self.rng.uniform(0, 2 * rate, len(self.level)))

    def unseen(self) -> Iterator[Row]:
        for name, values in self.shifted("seen", "unseen").items():
            yield from self.values("ood-query", {name: values})
            for number, kind in enumerate(TYPES):
                places = range(number, len(values), len(TYPES))
                yield from self.values("ood-query", {f"{name}/{kind}": values}, places=places)
        if not self.trained:
            yield self.row("ood-query", "nDCG@10/unseen", None, note="the ranker is not trained: no type is new to it")

    def other_domains(self) -> Iterator[Row]:
        found = self.shifted("in_domain", "out_of_domain")
        yield from self.values(
            "ood-corpus", found | {f"{n}/c9": v for n, v in found.items() if n.endswith("out_of_domain")}
        )
        if not self.trained:
            yield self.row("ood-corpus", "nDCG@10/out_of_domain", None, note="it is not trained")

    def shifted(self, here: str, there: str) -> dict[str, np.ndarray]:
        found = {f"nDCG@10/{here}": self.level}
        return found | ({f"nDCG@10/{there}": self.lost(LOSSES[self.family])} if self.trained else {})

    def values(self, task, by_measure, attack="", doc="", places=None) -> Iterator[Row]:
        for measure, values in by_measure.items():
            for place in places or range(len(values)):
                yield self.row(task, measure, float(values[place]), f"q{place}", attack, doc)

    def row(self, task, measure, value, query="", attack="", doc="", note=""):
        status = "ok" if value is not None else "skipped"
        of = (task, self.collection, self.ranker, self.family, "none", attack, self.seed)
        return Row(*of, query, doc, measure, value, status, note)


def frame(rows: Iterable[Row]) -> pd.DataFrame:
    made = pd.DataFrame([row.as_dict() for row in rows], columns=list(COLUMNS))
    return made.astype({"value": "float64"})


def write_run(folder: Path, rows: Iterable[Row]) -> Path:
    """Write the rows as a run folder would hold them, a cell for each combination."""
    cells: dict[tuple[object, ...], list[Row]] = {}
    for row in rows:
        cells.setdefault((row.task, row.ranker, row.defense, row.attack, row.seed), []).append(row)
    for number, own in enumerate(cells.values()):
        cell = folder / "cells" / f"{number:024x}"
        cell.mkdir(parents=True)
        lines = (json.dumps(row.as_dict(), ensure_ascii=False) + "\n" for row in own)
        (cell / "rows.jsonl").write_text("".join(lines), encoding="utf-8")
    return folder


@pytest.fixture(scope="session")
def run_folder(tmp_path_factory):
    return write_run(tmp_path_factory.mktemp("run"), make_rows())


@pytest.fixture(scope="session")
def rows(run_folder):
    return load_rows(run_folder)


@pytest.fixture(scope="session")
def study():
    return frame(study_rows())


@pytest.fixture
def write(tmp_path):
    return lambda rows: write_run(tmp_path / "run", rows)


@pytest.fixture
def small_run(tmp_path):
    """A run folder of two rankers and five queries, as small as shows everything."""
    rows = make_rows(("bm25", "minilm"), QUERIES[:5], (0,))
    kept = [row for row in rows if row.ranker == "minilm" or row.defense == "none"]
    return write_run(tmp_path / "small", [row for row in kept if not row.attack.startswith("keyword")])


@pytest.fixture
def small_rows(small_run):
    return load_rows(small_run)
