"""Each executor gives the rows of a run in this process, and treats cells that die, hang or speak alike."""

from __future__ import annotations

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from multiprocessing import Pipe
from pathlib import Path

import pytest

from robustrank.cli.main import invoke
from robustrank.engine.executors.pool import Pool
from robustrank.engine.executors.workers import Workers
from robustrank.engine.process import thread_variables
from robustrank.errors import UsageError
from robustrank.notices import listening
from tests.engine.test_kill import SLOW
from tests.tiny_collection import DOCUMENTS, QUERIES, write_experiment, write_tiny

BAD = Path(__file__).with_name("misbehaving.py")
ENDS = {
    "os._exit": "the process died while it ran this cell: exit status 0",
    "kill": "the process died while it ran this cell: signal 9 (SIGKILL)",
    "hang": "the limit of 20 s a cell is over; the process that ran it was ended",
}
EXPERIMENT = f"""
rankers: [bm25]
attacks:
{"".join(f"  - {{name: '{BAD}:BadAttack', how: {how}, label: {how}}}{os.linesep}" for how in ENDS)}
  - keyword-stuffing
seeds: [0, 1]
tasks: [iid-variance, {{name: document-attack, targets: [last-2]}}]
"""
GOOD = EXPERIMENT.replace(EXPERIMENT[EXPERIMENT.index("  - {") : EXPERIMENT.index("  - keyword")], "")
CLUSTERS = {
    "processes": [],
    "ray": ["--executor", "ray"],
    "slurm": ["--executor", "slurm", "--executor-option", "cluster=local"],
}


def rows(run: Path) -> list[dict[str, str]]:
    with (run / "rows.csv").open(encoding="utf-8", newline="") as file:
        return [row for row in csv.DictReader(file) if row["attack"] not in ENDS]


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """A collection, two experiments on it, and the rows of the good one, run in this process."""
    folder = tmp_path_factory.mktemp("executors")
    write_tiny(folder / "tiny")
    for name, text in (("bad", EXPERIMENT), ("good", GOOD)):
        write_experiment(folder / f"{name}.yaml", folder / "tiny", text)
    options = ["--out", str(folder / "local"), "--cache", str(folder / "cache"), "--no-report", "--executor", "local"]
    assert invoke(["run", str(folder / "good.yaml"), *options]) == 0
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("executor", CLUSTERS)
def test_cells_that_die_or_hang_cost_themselves_alone(executor, folder, tmp_path, capfd):
    if executor in ("ray", "slurm"):
        pytest.importorskip({"ray": "ray", "slurm": "submitit"}[executor], reason=f"robustrank[{executor}] is missing")
    options = [
        "--out",
        str(tmp_path / "out"),
        "--cache",
        str(tmp_path / "cache"),
        "--no-report",
        "--cell-seconds",
        "20",
    ]
    code = invoke(["run", str(folder / "bad.yaml"), *options, "--workers", "2", *CLUSTERS[executor]])
    said = capfd.readouterr().out
    assert code == 5, said
    assert rows(tmp_path / "out") == rows(folder / "local")
    with (tmp_path / "out" / "rows.csv").open(encoding="utf-8", newline="") as file:
        notes = {row["attack"]: row["note"] for row in csv.DictReader(file) if row["status"] == "error"}
    assert notes.keys() == ENDS.keys()
    for how, why in ENDS.items():
        assert why in notes[how]
    assert "note: bm25 on tiny: degenerate_scores" in said, "notices of a worker reach the terminal"
    assert bool(list((tmp_path / "cache").glob("slurm-*/*.err"))) == (executor == "slurm"), "logs of jobs that died"


@pytest.mark.slow
def test_a_score_that_two_workers_need_is_made_once(folder, tmp_path, monkeypatch):
    (tmp_path / "slow.py").write_text(SLOW)
    text = f"rankers: ['{tmp_path / 'slow.py'}:Slow']\nseeds: [0, 1, 2, 3]\ntasks: [iid-variance]\n"
    experiment = write_experiment(tmp_path / "e.yaml", folder / "tiny", text)
    monkeypatch.setenv("SLOW_RANKER", "0.05")
    options = ["--out", str(tmp_path / "out"), "--cache", str(tmp_path / "cache"), "--no-report", "--workers", "2"]
    assert invoke(["run", str(experiment), *options]) == 0
    facts = [json.loads(path.read_text()) for path in tmp_path.glob("out/cells/*/cell.json")]
    assert sum(fact["pairs_scored"] for fact in facts) == len(QUERIES) * len(DOCUMENTS)
    assert sum(fact["pairs_cached"] for fact in facts) == 3 * len(QUERIES) * len(DOCUMENTS)


@pytest.mark.slow
def test_jobs_end_with_a_driver_that_is_killed(folder, tmp_path):
    pytest.importorskip("submitit", reason="robustrank[slurm] is missing")
    mark = tmp_path / "cache"  # workers are told it, so that it stands in no other process's files
    command = [sys.executable, "-m", "robustrank", "run", folder / "bad.yaml", "--out", tmp_path / "out"]
    options = ["--cache", mark, "--no-report", "--executor", "slurm", "--executor-option", "cluster=local"]
    process = subprocess.Popen([*command, *options], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    while not list(tmp_path.glob("out/cells/[0-9a-f]*")) and time.monotonic() < deadline:
        time.sleep(0.05)
    children = workers_of(mark)
    assert children, "there is a job at work"
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    while any(map(is_running, children)) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not any(map(is_running, children))


def workers_of(cache: Path) -> list[int]:
    """Return the processes that submitit started for jobs whose files are below a cache, and what these started."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            words, parent = (process / "cmdline").read_bytes(), int((process / "stat").read_text().split()[3])
        except (OSError, IndexError):
            continue
        found.append((int(process.name), parent, str(cache).encode() in words and b"_submit" in words))
    jobs = {pid for pid, _, is_job in found if is_job}
    return [pid for pid, parent, _ in found if pid in jobs or parent in jobs]


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z"
    except OSError:
        return False


class Fake:
    """A worker that a cluster starts at once, late, or not at all."""

    fate, advice = "no room in the partition", None

    def __init__(self, is_there: bool = True, is_alive: bool = True):
        self.connection, self._theirs = Pipe() if is_there else (None, None)
        self.is_alive, self.asked = (lambda: is_alive), []

    def send(self, request, content=None):
        self.asked.append(request)
        if request != "warm":
            self._theirs.send(("answer", content))

    def messages(self, timeout=0.0):
        while self.connection.poll(timeout):
            yield self.connection.recv()
            timeout = 0.0

    def close(self):
        pass

    end = close


def test_cells_are_done_by_the_workers_that_a_cluster_has_started():
    workers, said = [Fake(is_there=False), Fake(), Fake(is_there=False)], []
    started = iter(workers)
    with listening(said.append), Pool(lambda: next(started), 3, None) as pool:
        assert pool.plan(True) is True
        assert sorted(pool.run(range(5), lambda *_: None)) == [0, 1, 2, 3, 4]
    assert [worker.asked for worker in workers] == [["warm"], ["plan", *["cell"] * 5, "end"], ["warm"]]
    assert said == ["2 of 3 workers were not started before the run's end: the cluster had no room"]


def test_every_worker_is_told_the_end_before_one_is_waited_for():
    class Ended(Fake):
        def close(self):
            assert [worker.asked[-1] for worker in workers] == ["end", "end"]

        def end(self):
            pass

    workers = [Ended(), Ended()]
    started = iter(workers)
    with Pool(lambda: next(started), 2, None) as pool:
        pool.plan(True)
        assert sorted(pool.run(range(2), lambda *_: None)) == [0, 1]


def test_a_job_that_ends_before_its_worker_is_there_ends_the_run():
    with pytest.raises(UsageError, match="no room in the partition"), Pool(lambda: Fake(False, False), 2, None) as pool:
        pool.plan(True)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"executor": "local", "count": 2}, "'local' is this process alone, and 2 workers are wanted"),
        ({"executor": "local", "cell_seconds": 5.0}, "needs a process that can be ended"),
        ({"executor": "ray", "count": 0, "cell_seconds": 5.0}, "needs a process that can be ended"),
        ({"executor": "processes", "options": {"partition": "gpu"}}, "'processes' takes no options: partition"),
        ({"executor": "dask"}, "no executor 'dask'"),
        ({"count": -1}, "-1 workers"),
    ],
)
def test_what_does_not_go_together_is_refused(options, message):
    with pytest.raises(UsageError, match=message):
        Workers(**options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("cluster=pbs", "Slurm: cluster is 'pbs'"),
        ("cluster=local --executor-option color=red", "Slurm: "),
        ("partition", "--executor-option partition"),
        ("partition=gpu", "there is no Slurm here"),
    ],
)
def test_options_that_slurm_does_not_know_are_refused_before_anything_runs(options, message, folder, tmp_path, capfd):
    pytest.importorskip("submitit", reason="robustrank[slurm] is missing")
    if "no Slurm" in message and shutil.which("srun"):
        pytest.skip("there is a Slurm here")
    where = ["--out", str(tmp_path / "out"), "--cache", str(tmp_path / "cache")]
    line = ["run", str(folder / "good.yaml"), *where, "--executor", "slurm", "--executor-option", *options.split()]
    assert invoke(line) == 2
    assert message in capfd.readouterr().err
    assert not (tmp_path / "out").exists()
    assert not list(tmp_path.glob("cache/*"))


def test_workers_share_the_cores_and_what_the_user_says_holds_for_every_library(monkeypatch):
    for name in ("OMP_NUM_THREADS", "SLURM_CPUS_PER_TASK"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(7)))
    waiting = {"OMP_WAIT_POLICY": "PASSIVE"}
    names = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS", "RAYON_NUM_THREADS")
    assert thread_variables(1) == waiting
    assert thread_variables(3) == {**waiting, **dict.fromkeys(names, "2")}
    assert thread_variables(9) == {**waiting, **dict.fromkeys(names, "1")}
    monkeypatch.setenv("SLURM_CPUS_PER_TASK", "5")
    assert thread_variables(1) == {**waiting, **dict.fromkeys(names, "5")}
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert thread_variables(2) == {**waiting, **dict.fromkeys(names, "3")}
