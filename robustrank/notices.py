"""What a run has to say that is no error: a damaged file was set aside, a training starts again.

Notices go through the logger ``robustrank``. A run listens and passes them on to its observer, from workers as well; a
program that uses the package as a library sees them as it sees any warning of a logger.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_LOGGER = logging.getLogger("robustrank")


class _Listener(logging.Handler):
    def __init__(self, tell: Callable[[str], None]) -> None:
        super().__init__(logging.WARNING)
        self._tell = tell

    def emit(self, record: logging.LogRecord) -> None:
        self._tell(record.getMessage())


def notice(text: str) -> None:
    """Say something to whoever listens."""
    _LOGGER.warning("%s", text)


@contextmanager
def listening(tell: Callable[[str], None]) -> Iterator[None]:
    """Call ``tell`` with each notice of this process, for a while."""
    listener = _Listener(tell)
    _LOGGER.addHandler(listener)
    try:
        yield
    finally:
        _LOGGER.removeHandler(listener)
