"""A run as the tasks would leave it: three rankers, two defenses, three attacks, ties, two seeds, missing values."""

from __future__ import annotations

import csv
import functools
import hashlib
import json
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from robustrank.analysis.entries import Entry
from robustrank.analysis.load import load_rows
from robustrank.analysis.rowset import RowSet
from robustrank.plugins import Spec, parse
from robustrank.rows import AXES, COLUMNS, Coordinates, PlugInPoint, Row, cutoff_of

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

Measured = tuple[Coordinates, Row]  # a row with the cell it is of


@functools.cache
def point(text: str, label: str = "", family: str = "", identity: str = "") -> PlugInPoint:
    """Return what a specification names; its label is the specification unless another is given."""
    spec: Spec = parse(text)
    return PlugInPoint(spec.name, spec.parameters, label or text, identity, family)


def row(
    measure,
    value,
    query="q1",
    *,
    task="iid-variance",
    ranker="bm25",
    defense="none",
    attack="",
    collection="lee",
    family=None,
    seed=0,
    fold=0,
    doc_id="",
    status="ok",
    note="",
    cutoff=None,
    groups=None,
    **about,
) -> Measured:
    """Return a row with the cell that its specifications name."""
    family = RANKERS.get(ranker, ("traditional",))[0] if family is None else family
    texts = {"task": task, "collection": collection, "ranker": ranker, "defense": defense, "attack": attack}
    points = {axis: point(text, family=family if axis == "ranker" else "") for axis, text in texts.items() if text}
    key = hashlib.sha256(json.dumps([texts, family, seed, fold]).encode()).hexdigest()[:24]
    coordinates = Coordinates(key, **{"attack": None, **points}, seed=seed, fold=fold, groups=groups or {})
    number = None if value is None else float(value)
    depth = cutoff or cutoff_of(measure)
    return coordinates, Row(query, doc_id, measure, cutoff=depth, value=number, status=status, note=note, **about)


def relabelled(rows: Iterable[Measured], rename: Mapping[str, str]) -> Iterator[Measured]:
    """Yield the rows of the same run whose file calls things otherwise."""
    for coordinates, fact in rows:
        points = {
            axis: PlugInPoint(p.name, p.parameters, rename.get(p.label, p.label), p.identity, p.family)
            for axis in AXES
            if (p := getattr(coordinates, axis))
        }
        labels = {identity: rename.get(label, label) for identity, label in coordinates.groups.items()}
        values = {"seed": coordinates.seed, "fold": coordinates.fold, "groups": labels}
        yield Coordinates(coordinates.key, **{"attack": None, **points}, **values), fact


def make_rows(
    rankers: Iterable[str] = RANKERS, queries: Iterable[str] = QUERIES, seeds: Iterable[int] = (0, 1)
) -> list[Measured]:
    """Return the rows of every task; the same at every call."""
    queries = tuple(queries)
    rows: list[Measured] = []
    for ranker in rankers:
        for defense in DEFENSES:
            for seed in seeds:
                cell = _Cell(ranker, defense, seed)
                rows += cell.iid(queries)
                rows += cell.query_attack(queries)
                rows += cell.certified(queries)
                for attack in ATTACKS:
                    rows += cell.document_attack(queries, attack)
    return rows


class _Cell:
    def __init__(self, ranker: str, defense: str, seed: int) -> None:
        self.ranker, self.defense, self.seed = ranker, defense, seed
        self.family, self.level, self.weakness = RANKERS[ranker]
        if defense != "none":
            self.level, self.weakness = self.level - 0.03, self.weakness * 0.6
        self.rng = np.random.default_rng([len(ranker), len(defense), seed])
        self.hardness = np.random.default_rng(7).uniform(-0.3, 0.3, size=1000)  # a query is hard for every ranker

    def row(self, task, measure, value, query="", doc="", **more):
        at = {"ranker": self.ranker, "defense": self.defense, "seed": self.seed}
        return row(measure, value, query, task=task, doc_id=doc, **at, **more)

    def effectiveness(self, number: int) -> float:
        # Two decimals make ties, as measures of few documents do.
        return round(float(np.clip(self.level + self.hardness[number] + self.rng.normal(0, 0.05), 0, 1)), 2)

    def iid(self, queries) -> Iterator[Measured]:
        for number, query in enumerate(queries):
            for measure in ("nDCG@10", "AP", "RR@10"):
                yield self.row(IID, measure, self.effectiveness(number), query)

    def query_attack(self, queries) -> Iterator[Measured]:
        for number, query in enumerate(queries):
            for measure in ("nDCG@10", "AP"):
                clean = self.effectiveness(number)
                attacked = clean * (1 - self.weakness * self.rng.uniform(0, 0.4))
                values = {"clean": clean, "attacked": attacked, "worst": attacked * self.rng.uniform(0.3, 1)}
                for name, value in values.items():
                    yield self.row(QUERY, measure, value, query, attack="character-typos:typos=1", condition=name)

    def certified(self, queries) -> Iterator[Measured]:
        if self.defense == "none":
            yield self.row(
                CERTIFIED, "certified", None, k=1, status="skipped", note="the defense gives no certificates"
            )
            return
        for number, query in enumerate(queries):
            margin = self.rng.uniform()
            for radius, price in ((1, 0), ("all", 0.2)):
                for k in (1, 3, 5, 10):
                    about = {"k": k, "radius": radius}
                    verdict = margin > 0.2 + 0.05 * k + price
                    yield self.row(CERTIFIED, "certified", verdict, query, note="mean, betting", **about)
                    verdict = margin > 0.1 + 0.04 * k + price
                    yield self.row(CERTIFIED, "certified", verdict, query, note="mean, paper", group="paper", **about)
                yield self.row(CERTIFIED, "rho", self.rng.uniform(0.5, 1) - price, query, radius=radius)
                yield self.row(CERTIFIED, "samples", 200, query, radius=radius)
            yield self.row(CERTIFIED, "overlap_below_1", self.rng.uniform(0, 0.1), query)
            yield self.row(CERTIFIED, "overlap_least", self.rng.uniform(0, 0.5), query)
            yield self.row(CERTIFIED, "nDCG@10", self.effectiveness(number), query)
            yield self.row(CERTIFIED, "nDCG@10", self.effectiveness(number), query, condition="undefended")

    def document_attack(self, queries, attack) -> Iterator[Measured]:
        name = attack.partition(":")[0]
        if name == "word-substitution" and self.ranker == "query-likelihood":
            note = "the attack needs gradients, and this ranker has none"
            more = {"attack": attack, "condition": "attacked"}
            yield self.row(DOCUMENT, "success", None, status="skipped", note=note, **more)
            return
        if name == "keyword-stuffing" and self.ranker == "minilm" and self.defense != "none" and "=3" in attack:
            yield self.row(
                DOCUMENT, "error", None, attack=attack, status="error", note="RuntimeError: 100% out_of_memory"
            )
            return
        budget = int(attack.partition("=")[2].partition(",")[0])
        yield self.row(DOCUMENT, "queries", 40, attack=attack, group="prepare")
        for number, query in enumerate(queries):
            for before in (53, 67, 98):
                yield from self.target(query, f"d{self.rng.integers(1000)}-{before}", before, attack, budget)
            clean = self.effectiveness(number)
            yield self.row(DOCUMENT, "nDCG@10", clean, query, attack=attack, condition="clean")
            more = {"attack": attack, "condition": "attacked"}
            if clean > 0.3:
                yield self.row(DOCUMENT, "nDCG@10", clean * (1 - 0.02 * budget * self.weakness), query, **more)
            else:
                yield self.row(DOCUMENT, "nDCG@10", None, query, status="failed", note="undefined", **more)

    def target(self, query, doc, before, attack, budget) -> Iterator[Measured]:
        status = "budget_exhausted" if self.rng.uniform() < 0.1 else "ok"
        edited = self.rng.uniform() < 0.9  # some documents cannot be edited, and their control is the same text
        facts = {("queries", ""): 20 * budget, ("model_calls", ""): 15 * budget, ("budget", ""): budget}
        facts[("rank", "clean")] = before
        chances = {"attacked": self.weakness * (1 - 0.6**budget), "control": 0.08 * budget}
        for condition, chance in chances.items():
            outcome = self.outcome(before, chance * edited)
            outcome |= {"edits": budget * edited, "words_changed": budget / 150 * edited, "tokens_added": 0}
            facts |= {(measure, condition): value for measure, value in outcome.items()}
        facts |= {(name, "published_script"): facts[name, "attacked"] for name in ("success", "boost")}
        if self.defense != "none" and attack.startswith("word"):
            facts[("replaced", "attacked")] = budget
        for (measure, condition), value in facts.items():
            name, _, cutoff = measure.partition(":")
            more = {"condition": condition, "cutoff": int(cutoff) if cutoff else None, "status": status}
            yield self.row(DOCUMENT, name, value, query, doc, attack=attack, **more)

    def outcome(self, before: int, chance: float) -> dict[str, float]:
        success = self.rng.uniform() < chance
        boost = int(self.rng.integers(1, before - 1)) if success else -int(self.rng.integers(0, 3)) * (chance > 0)
        after = before - boost
        return {
            "rank": after,
            "success": success,
            "success_above_noise": success and boost > 1,
            "boost": boost,
            "normalised_boost": boost / (before - 1),
            "success:10": after <= 10,
            "success:50": after <= 50,
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
) -> Iterator[Measured]:
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

    def rows(self) -> Iterator[Measured]:
        yield from self.values("iid-variance", {"AP": self.level, "nDCG@10": self.level, "RR@10": self.level})
        yield from self.unseen()
        yield from self.other_domains()
        typos = {"clean": self.level, "attacked": self.lost(0.2), "worst": self.lost(0.5)}
        for measure in ("nDCG@10", "AP"):
            for name, values in typos.items():
                yield from self.values("query-attack", {measure: values}, "character-typos", condition=name)
        for attack in ("keyword-stuffing:repeats=1", "keyword-stuffing:repeats=3"):
            for name, values in {"clean": self.level, "attacked": self.lost(0.1)}.items():
                yield from self.values("document-attack", {"nDCG@10": values}, attack, condition=name)
            for doc in ("d1", "d2"):
                shares = {("success", "attacked"): 0.5, ("success", "control"): 0.2}
                for (measure, condition), share in shares.items():
                    values = {measure: self.rng.uniform(size=len(self.level)) < share}
                    yield from self.values("document-attack", values, attack, doc, condition=condition)
                boost = {"boost": self.rng.integers(0, 9, len(self.level))}
                yield from self.values("document-attack", boost, attack, doc, condition="attacked")
                budget = {"budget": np.full(len(self.level), attack[-1])}
                yield from self.values("document-attack", budget, attack, doc)

    def lost(self, rate: float) -> np.ndarray:
        return self.level * (1 - self.rng.uniform(0, 2 * rate, len(self.level)))

    def unseen(self) -> Iterator[Measured]:
        for condition, values in self.shifted("seen", "unseen").items():
            yield from self.values("ood-query", {"nDCG@10": values}, condition=condition)
            for number, kind in enumerate(TYPES):
                only = range(number, len(values), len(TYPES))
                yield from self.values("ood-query", {"nDCG@10": values}, condition=condition, group=kind, only=only)
        if not self.trained:
            note = "the ranker is not trained: no type is new to it"
            yield self.row("ood-query", "nDCG@10", None, condition="unseen", status="skipped", note=note)

    def other_domains(self) -> Iterator[Measured]:
        for condition, values in self.shifted("in_domain", "out_of_domain").items():
            for group in ("", "identity-of-c9") if condition == "out_of_domain" else ("",):
                more = {"condition": condition, "group": group, "groups": {"identity-of-c9": "c9"}}
                yield from self.values("ood-corpus", {"nDCG@10": values}, **more)
        if not self.trained:
            more = {"condition": "out_of_domain", "status": "skipped", "note": "it is not trained"}
            yield self.row("ood-corpus", "nDCG@10", None, groups={"identity-of-c9": "c9"}, **more)

    def shifted(self, clean: str, shifted: str) -> dict[str, np.ndarray]:
        return {clean: self.level} | ({shifted: self.lost(LOSSES[self.family])} if self.trained else {})

    def values(self, task, by_measure, attack="", doc="", only=None, **more) -> Iterator[Measured]:
        for measure, values in by_measure.items():
            for number in only or range(len(values)):
                yield self.row(task, measure, float(values[number]), f"q{number}", attack=attack, doc_id=doc, **more)

    def row(self, task, measure, value, query="", **more):
        at = {"collection": self.collection, "ranker": self.ranker, "family": self.family, "seed": self.seed}
        return row(measure, value, query, task=task, **at, **more)


def entry(text: str) -> Entry:
    """Return the entry of a specification, for tables made by hand."""
    spec = point(text)
    return Entry(text, text, spec.name, spec.parameters)


def entries(*texts: str) -> tuple[Entry, ...]:
    return tuple(map(entry, texts))


def write_run(folder: Path, rows: Iterable[Measured]) -> Path:
    """Write the rows as a run folder holds them: cells.jsonl and rows.csv."""
    rows = list(rows)
    folder.mkdir(parents=True, exist_ok=True)
    cells = {coordinates.key: coordinates for coordinates, _ in rows}
    lines = (json.dumps(cell.as_dict(), ensure_ascii=False) + "\n" for cell in cells.values())
    (folder / "cells.jsonl").write_text("".join(lines), encoding="utf-8")
    with (folder / "rows.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n", quoting=csv.QUOTE_NONNUMERIC)
        writer.writeheader()
        writer.writerows({**coordinates.columns, **fact.as_dict()} for coordinates, fact in rows)
    return folder


def frame(rows: Iterable[Measured]) -> pd.DataFrame:
    with tempfile.TemporaryDirectory() as folder:
        return load_rows(write_run(Path(folder), rows))


def rowset(rows: Iterable[Measured]) -> RowSet:
    return RowSet.of_run(frame(rows))


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
    fewer = [(cell, row) for cell, row in rows if cell.ranker.name == "minilm" or cell.defense.name == "none"]
    without = [(cell, row) for cell, row in fewer if not cell.attack or cell.attack.name != "keyword-stuffing"]
    return write_run(tmp_path / "small", without)


@pytest.fixture
def small_rows(small_run):
    return load_rows(small_run)
