"""Worker processes: which accelerator each is given."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from robustrank.engine import driver


@pytest.fixture
def worker(monkeypatch):
    """Return what starts a worker, with the environment in the place of a process."""
    monkeypatch.setattr(driver, "_workers", driver.Counter())
    monkeypatch.setattr(driver.os, "killpg", lambda *given: None)
    process = lambda *given, env, **options: SimpleNamespace(env=env, pid=0, wait=lambda *given: 0)  # noqa: E731
    monkeypatch.setattr(driver.subprocess, "Popen", process)
    return lambda count, device="auto": driver.Worker(SimpleNamespace(device=device), None, count)


def seen(worker):
    return worker._process.env.get("CUDA_VISIBLE_DEVICES")


def test_each_worker_has_the_accelerator_that_fewest_others_have(worker, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "4, GPU-8932f937")
    workers = [worker(3) for _ in range(3)]
    assert [seen(one) for one in workers] == ["4", "GPU-8932f937", "4"]
    for one in (workers[1], workers[1], workers[0]):  # a second end changes nothing
        one.end()
    assert [seen(worker(3)) for _ in range(2)] == ["GPU-8932f937", "4"]


@pytest.mark.parametrize(
    ("said", "count", "device"), [("0,1", 1, "auto"), ("0,1", 2, "cpu"), ("3", 2, "cuda"), ("", 2, "cuda")]
)
def test_where_there_are_not_several_to_share_all_stay_visible(worker, monkeypatch, said, count, device):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", said)
    assert seen(worker(count, device)) == said
