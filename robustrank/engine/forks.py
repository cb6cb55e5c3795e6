"""Plug-in code may fork; the child must not go on with the run, or its cell would be measured twice.

A child that only works and ends, as those of process pools, may do so. A child that comes back from the plug-in into
the framework is ended there, and the process it was forked from is told.
"""

from __future__ import annotations

import os
import selectors
import threading
import time
from collections.abc import Callable

_EXIT_STATUS = 70  # of a child that was ended


class ForkWatch:
    """Watches the forks of this process while a cell runs; use it as a context manager."""

    def __init__(self) -> None:
        self._pid = os.getpid()
        self._readers: list[int] = []  # a pipe to each child
        self._writer = -1
        self._lock = threading.Lock()

    def __enter__(self) -> ForkWatch:
        """Begin to watch."""
        global _active
        _register_hooks()
        _active = self
        return self

    def __exit__(self, *_: object) -> None:
        """Watch no longer; in a child that came back, end it."""
        global _active
        self.end_if_child()
        _active = None
        for reader in self._readers:
            os.close(reader)

    def end_if_child(self) -> None:
        """End this process if it was forked from the one that is watched: it has come back from plug-in code."""
        if os.getpid() != self._pid:
            try:
                os.write(self._writer, b"!")
            finally:
                os._exit(_EXIT_STATUS)

    def child_came_back(self, patience: float = 1.0) -> bool:
        """Return whether a forked child has come back from plug-in code.

        Args:
            patience: Seconds to wait for children that still run; those that outlive it are taken for helpers.
        """
        came_back, deadline = False, time.monotonic() + patience
        with selectors.DefaultSelector() as selector:
            for reader in self._readers:
                selector.register(reader, selectors.EVENT_READ)
            while selector.get_map() and (left := deadline - time.monotonic()) > 0:
                for key, _ in selector.select(left):
                    came_back |= bool(os.read(key.fd, 1))  # nothing once the child has ended
                    selector.unregister(key.fd)
        return came_back

    def before_fork(self) -> None:
        """Make the pipe to the child; a child's own children share its pipe."""
        self._lock.acquire()
        if os.getpid() == self._pid:
            reader, self._writer = os.pipe()
            self._readers.append(reader)

    def after_in_parent(self) -> None:
        """Leave the writing end to the child."""
        if os.getpid() == self._pid:
            os.close(self._writer)
        self._lock.release()

    def after_in_child(self) -> None:
        """Leave the reading ends to the parent."""
        for reader in self._readers:
            os.close(reader)
        self._readers = []
        self._lock.release()


_active: ForkWatch | None = None
_has_hooks = False


def end_forked_child() -> None:
    """End this process if it was forked by plug-in code while a cell runs; called where plug-ins call back."""
    if _active is not None:
        _active.end_if_child()


def _register_hooks() -> None:
    global _has_hooks
    if not _has_hooks:  # they cannot be taken back
        _has_hooks = True
        os.register_at_fork(
            before=lambda: _hook(ForkWatch.before_fork),
            after_in_parent=lambda: _hook(ForkWatch.after_in_parent),
            after_in_child=lambda: _hook(ForkWatch.after_in_child),
        )


def _hook(call: Callable[[ForkWatch], None]) -> None:
    if _active is not None:
        call(_active)
