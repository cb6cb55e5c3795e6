"""Plug-ins that do what no plug-in should: each parameter ``how`` is one way to leave, to break or to hang."""

import ctypes
import os
import signal
import sys
import threading
import time
from dataclasses import dataclass

import numpy as np

from robustrank.attack import Attack, Perturbation
from robustrank.collections.reader import CollectionReader
from robustrank.defense import Defense
from robustrank.rankers.lexical import BM25
from robustrank.task import Task


class Unprintable(Exception):
    def __str__(self):
        raise SystemExit(0)

    __repr__ = __str__


class Unpicklable(Exception):
    def __init__(self):
        super().__init__("holds a lock", threading.Lock())


def come_back_from_a_fork():
    if os.fork() == 0:
        return  # the child goes on, too
    os.wait()


def raises(error):
    def act():
        raise error

    return act


HOW = {
    "nothing": lambda: None,
    "sys.exit": lambda: sys.exit(0),
    "os._exit": lambda: os._exit(0),
    "kill": lambda: os.kill(os.getpid(), signal.SIGKILL),
    "segfault": lambda: ctypes.string_at(0),
    "hang": lambda: time.sleep(3600),
    "loop": lambda: [None for _ in iter(int, 1)],
    "fork": come_back_from_a_fork,
    "channel": lambda: os.closerange(3, 256),
    "group": lambda: os.killpg(0, signal.SIGTERM),
    "base": raises(BaseException("bare")),
    "generator": raises(GeneratorExit()),
    "interrupt": raises(KeyboardInterrupt()),
    "stop": raises(StopIteration("stopped")),
    "memory": raises(MemoryError()),
    "unprintable": raises(Unprintable()),
    "unpicklable": raises(Unpicklable()),
    "surrogate": raises(ValueError("half \ud800 of a pair")),
    "chdir": lambda: os.chdir("/") or raises(ValueError("from another folder"))(),
}


@dataclass
class BadAttack(Attack):
    how: str = "sys.exit"

    def perturb(self, target, victim, rng):
        HOW[self.how]()
        return Perturbation(target.document)


@dataclass
class BadPrepare(BadAttack):
    def prepare(self, interface, collection, rng):
        HOW[self.how]()


@dataclass
class BadConstructor(BadAttack):
    def __post_init__(self):
        HOW[self.how]()


@dataclass
class BadDefense(Defense):
    how: str = "sys.exit"

    def wrap(self, ranker, collection, rng):
        HOW[self.how]()
        return ranker


@dataclass
class BadRanker(BM25):
    how: str = "sys.exit"

    def score(self, pairs):
        HOW[self.how]()
        return np.zeros(len(pairs), dtype=np.float32)


@dataclass(frozen=True)
class BadTask(Task):
    how: str = "nothing"  # behaves

    axes = ("defense",)

    def run(self, context):
        HOW[self.how]()
        for query_id in context.query_ids():
            context.run(query_ids=[query_id])
            yield context.row("lists", 1.0, query_id)

    def calls(self, context):
        return 0


@dataclass(frozen=True)
class BadReader(CollectionReader):
    how: str = "sys.exit"

    def read(self):
        HOW[self.how]()
