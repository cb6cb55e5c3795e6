"""Evaluates rankers and runs experiments, through the engine that ``robustrank run`` uses."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from robustrank.api import memory
from robustrank.api.combination import Named, combined
from robustrank.api.results import Results, load_results
from robustrank.collections.collection import Collection
from robustrank.engine import run as engine
from robustrank.engine.cell import Cell
from robustrank.engine.cell_result import CellResult
from robustrank.engine.executors.workers import Name, Workers
from robustrank.errors import NothingMeasured, PluginError, UsageError
from robustrank.experiment import Experiment, load
from robustrank.notices import listening
from robustrank.paths import default_cache, give_libraries_a_home, given_path
from robustrank.plugins import Spec, digest_of, parse, registry
from robustrank.printing import printable
from robustrank.rankers.runtime import Device

_RUN_FILE = "run-file"


def evaluate(
    ranker: Any,
    collection: str | Collection,
    attacks: Named | Sequence[Named] = (),
    defenses: Named | Sequence[Named] = (),
    tasks: Named | Sequence[Named] = ("iid-variance",),
    limit: int | None = None,
    seed: int = 0,
    device: Device = "auto",
    out: str | Path | None = None,
    cache: str | Path | None = None,
) -> Results:
    """Evaluate one ranker, or several, on a collection; all of it in this process.

    Args:
        ranker: A specification ("bm25", "bi-encoder:model=…"), a function of a list of (query, document) that returns
            a number for each, a model of sentence-transformers (SentenceTransformer, CrossEncoder, SparseEncoder), the
            path of a TREC run, which serves tasks on unchanged texts alone; or a list of such rankers.
        collection: A specification ("lee", "beir:folder=…"), or a collection in memory.
        attacks: As in an experiment file: one or several, each a specification or a mapping.
        defenses: Likewise; without one the ranker is evaluated as it is.
        tasks: Likewise.
        limit: At most how many queries, the first of the collection, in each task.
        seed: Of all draws.
        device: What models compute on; auto is an accelerator where there is one. It is part of a score's identity.
            A function computes where it wants to.
        out: The run folder. By default it is below the cache, one for each combination of what is evaluated: the same
            call again gives what is there.
        cache: The folder of scores and trained weights; by default that of the command line.

    Returns:
        The results. Notices and finished cells are written to the standard error stream meanwhile.

    Raises:
        UsageError: The ranker is of no known kind, or a task has no limit.
        ExperimentError: The combination is not a valid experiment.
        NothingMeasured: Every cell was skipped; the message says why.
        PluginError: A cell failed; the others are in the run folder.
    """
    folder = _cache(cache)
    lines = _Lines()
    with listening(lines.noticed):
        rankers = [_ranker(one, folder) for one in (ranker if isinstance(ranker, list | tuple) else [ranker])]
    experiment = combined(rankers, _collection(collection), attacks, defenses, tasks, limit, seed, device)
    where = given_path(out) if out else folder / "evaluations" / digest_of(experiment.model_dump(mode="json"))[:24]
    return _run(experiment, where, folder, Workers("local"), lines)


def run(
    experiment: Experiment | str | Path,
    out: str | Path | None = None,
    workers: int = 1,
    cache: str | Path | None = None,
    executor: Name = "processes",
    executor_options: Mapping[str, str] | None = None,
) -> Results:
    """Run what is left to do of an experiment, as ``robustrank run`` does, and return its results.

    Args:
        experiment: An experiment, the path of its file, or the name of an installed one.
        out: The run folder; by default runs/NAME.
        workers: How many cells run at once; 0 runs them in this process.
        cache: The folder of scores and trained weights; by default that of the command line.
        executor: What runs cells: "local" (this process), "processes", "ray" or "slurm".
        executor_options: What Ray or Slurm is told of a worker, as ``{"partition": "gpu"}``.

    Raises:
        UsageError: The executor is not installed, or these do not go together.
        ExperimentError: The experiment is not valid.
        NothingMeasured: Every cell was skipped; the message says why.
        PluginError: A cell failed; the others are in the run folder.
    """
    loaded = experiment if isinstance(experiment, Experiment) else load(given_path(experiment))
    who = Workers(executor, workers, options=executor_options or {})
    return _run(loaded, given_path(out or Path("runs") / loaded.name), _cache(cache), who, _Lines())


def _run(experiment: Experiment, out: Path, cache: Path, workers: Workers, lines: _Lines) -> Results:
    give_libraries_a_home(cache)
    summary = engine.run(experiment, out, cache=cache, observer=lines, workers=workers)
    if summary.failed:
        first = summary.failed[0]
        raise PluginError(
            f"{len(summary.failed)} of {summary.cells} cells failed, the first: {first.cell.title}\n{first.reason}",
            where=str(out),
            hint=f"the others are kept: robustrank.load_results({str(out)!r}); run again to retry",
        )
    if summary.is_empty and summary.cells:
        reasons = dict.fromkeys(reason for _, reason in summary.skipped)
        raise NothingMeasured(f"every cell was skipped: {'; '.join(reasons)}", where=str(out))
    for title, reason in summary.skipped:
        lines.noticed(f"skipped {title}: {reason}")
    return load_results(out, tuple(lines.notices))


def _cache(cache: str | Path | None) -> Path:
    return given_path(cache) if cache else default_cache()


def _ranker(ranker: Any, cache: Path) -> Spec:
    """Return the specification of a ranker in whatever form it was given.

    Raises:
        UsageError: It is of no known kind.
    """
    if isinstance(ranker, str | Path):
        return _named(ranker)
    if kind := memory.model_kind(ranker):
        return memory.model_spec(ranker, kind, cache)
    if callable(ranker) and not isinstance(ranker, type):
        return memory.callable_spec(ranker)
    raise UsageError(
        f"a {type(ranker).__name__} is no ranker",
        allowed='a specification as "bm25", a function of a list of (query, document), a SentenceTransformer, '
        "CrossEncoder or SparseEncoder, the path of a TREC run, or a list of these",
    )


def _named(ranker: str | Path) -> Spec:
    """Return the specification, or that of the run file at a path."""
    path = given_path(ranker)
    if isinstance(ranker, Path) or (ranker not in registry("ranker") and path.suffix != ".py" and path.is_file()):
        return Spec(_RUN_FILE, {"path": str(path)}, path.stem)
    return parse(ranker)


def _collection(collection: str | Collection) -> Spec:
    return memory.collection_spec(collection) if isinstance(collection, Collection) else parse(collection)


class _Lines:
    """Tells how a run goes, a line at a time, on the standard error stream.

    Attributes:
        notices: What was said that is more than progress.
    """

    def __init__(self) -> None:
        self.notices: list[str] = []
        self._count = self._done = 0

    def planned(
        self, cells: Sequence[Cell], todo: Sequence[Cell], retired: int, calls: Mapping[str, int | None]
    ) -> None:
        """Keep how many cells there are to do."""
        self._count = len(todo)

    def advanced(self, done: int, total: int, unit: str) -> None:
        """Say nothing."""

    def finished(self, result: CellResult) -> None:
        """Say which cell is finished, and how."""
        self._done += 1
        _say(f"{self._done}/{self._count} {result.status}: {result.cell.title}")

    def noticed(self, text: str) -> None:
        """Say it, and keep it."""
        self.notices.append(text)
        _say(f"note: {text}")


def _say(text: str) -> None:
    sys.stderr.write(f"{printable(text)}\n")
