"""A time limit on plug-in code that may never call back: its thread is interrupted, or given up.

Python code is interrupted by an exception. Code that waits or computes outside Python is given up: its thread stays
behind, without a way back into the run, and the process of a worker ends after the cell. A thread that keeps the
interpreter to itself cannot be interrupted at all: whoever watches this process is told when an answer is due.
"""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Generic, TypeVar

from robustrank.victim import BudgetExhausted

Result = TypeVar("Result")
GRACE_SECONDS = 1.0  # between the interruptions of a thread that goes on
INTERRUPTIONS = 3
OVERTIME_SECONDS = 15.0  # after the limit, until which the interpreter has to have been free

given_up: list[threading.Thread] = []  # threads of this process that may still run


def _nobody(seconds: float | None) -> None:
    """Tell nobody."""


announce: Callable[[float | None], None] = _nobody  # told within how many seconds a call is due; None: it is over


class TimeExpired(BudgetExhausted):
    """The time limit of a target is over."""

    def __init__(self, message: str = "the time limit is over") -> None:
        super().__init__(message)


class _Interrupted(BaseException):
    """Raised in plug-in code that goes on after TimeExpired: no ``except Exception`` stops it."""


class Gate:
    """Keeps an interruption out of the framework's own code; a context manager around each call of a plug-in into it.

    A call that begins or ends after the time is over raises TimeExpired.
    """

    def __init__(self) -> None:
        self._lock, self._thread = threading.Lock(), 0
        self._is_expired, self._depth = False, 0

    def __enter__(self) -> None:
        """Begin a call.

        Raises:
            TimeExpired: The time is over.
        """
        with self._lock:
            if self._is_expired and self._depth == 0:
                _raise_in(self._thread, None)  # the interruption that may be on its way
                raise TimeExpired
            self._depth += 1

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """End a call, with an exception if the time is over by now."""
        with self._lock:
            self._depth -= 1
            is_over = self._is_expired and self._depth == 0
        if is_over and error is None:
            raise TimeExpired

    def watch(self, thread: threading.Thread) -> None:
        """Say which thread is to be interrupted."""
        self._thread = thread.ident or 0

    def interrupt(self, kind: type[BaseException]) -> bool:
        """Raise ``kind`` in the thread; return False, and do nothing, while it is in the framework's code."""
        with self._lock:
            self._is_expired = True
            if self._depth == 0:
                _raise_in(self._thread, kind)
            return self._depth == 0

    def close(self) -> None:
        """Let nothing be raised in the thread any more."""
        with self._lock:
            self._depth += 1
            _raise_in(self._thread, None)


class LimitedCall(Generic[Result]):
    """Runs a function in a thread of its own, for so many seconds.

    Args:
        function: What is run.
        seconds: The limit.
        gate: Closed around each call of the function into the framework.
    """

    def __init__(self, function: Callable[[], Result], seconds: float, gate: Gate) -> None:
        self._function, self._seconds, self._gate = function, seconds, gate
        self.is_over = False  # whether the limit was reached
        self._done = threading.Event()
        self._result: list[Result] = []
        self._error: BaseException | None = None

    def run(self) -> Result:
        """Return the function's result; one that it returns when it is interrupted counts.

        Raises:
            TimeExpired: The time is over, and the function has no result.
            BaseException: What the function raised.
        """
        announce(self._seconds + OVERTIME_SECONDS)
        thread = threading.Thread(target=self._run, daemon=True)
        thread.start()
        self._gate.watch(thread)
        self.is_over = not self._done.wait(self._seconds)
        if self.is_over:
            self._interrupt(thread)
        announce(None)
        if self._result:
            return self._result[0]
        if self._error is None or isinstance(self._error, TimeExpired | _Interrupted):
            raise TimeExpired(f"the limit of {self._seconds:g} s a target is over")
        raise self._error

    def _interrupt(self, thread: threading.Thread) -> None:
        """Interrupt the thread: first by an exception that it may handle, then by one that it may not."""
        kind: type[BaseException] = TimeExpired
        interruptions = 0
        while interruptions < INTERRUPTIONS:
            interruptions += self._gate.interrupt(kind)
            if self._done.wait(GRACE_SECONDS) or not thread.is_alive():
                return
            kind = _Interrupted
        given_up.append(thread)

    def _run(self) -> None:
        try:
            self._result.append(self._function())
        except BaseException as error:  # handed to the thread that waits
            self._error = error
        while True:
            try:
                self._gate.close()
                break
            except BaseException:  # an interruption that came late
                continue
        self._done.set()


def _raise_in(thread: int, kind: type[BaseException] | None) -> None:
    """Raise an exception in a thread when it next runs Python code; None takes back one that was not raised yet."""
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), ctypes.py_object(kind) if kind else None)
