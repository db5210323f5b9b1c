"""Prints what the archive logs while a command runs, such as failed attempts, on stderr above the progress bar."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from rich.console import Console

from .rendering import sanitized

EVERY = 1.0
"""Seconds in which a notice of the same kind and number of attempts is not repeated: many requests fail together."""
_LOGGER = logging.getLogger(__name__.partition(".")[0])


@contextmanager
def notices(
    console: Console, hide: Callable[[str], str], monotonic: Callable[[], float] = time.monotonic
) -> Iterator[None]:
    """Print the package's log lines of level INFO and above until the block ends; none if the console is quiet.

    `hide` removes secrets from a line.
    """
    handler = logging.NullHandler() if console.quiet else _Notices(console, hide, monotonic)
    level = _LOGGER.level
    _LOGGER.addHandler(handler)
    if not console.quiet and not 0 < level <= logging.INFO:
        _LOGGER.setLevel(logging.INFO)
    try:
        yield
    finally:
        _LOGGER.removeHandler(handler)
        _LOGGER.setLevel(level)


class _Notices(logging.Handler):
    def __init__(self, console: Console, hide: Callable[[str], str], monotonic: Callable[[], float]) -> None:
        super().__init__(logging.INFO)
        self._console, self._hide, self._monotonic = console, hide, monotonic
        self._next: dict[tuple[object, ...], float] = {}

    def emit(self, record: logging.LogRecord) -> None:
        kind = (record.msg, *(record.args[:1] if isinstance(record.args, tuple) else ()))
        now = self._monotonic()
        if now < self._next.get(kind, now):
            return
        self._next[kind] = now + EVERY
        begin = f"{record.levelname.lower()}: " if record.levelno >= logging.WARNING else ""
        # A full disk or a closed pipe is no reason to stop copying.
        with suppress(OSError, ValueError):
            self._console.print(sanitized(begin + self._hide(record.getMessage())), soft_wrap=True)
