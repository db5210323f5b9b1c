"""Recognises limits of this machine (open files, disk, memory) in errors that look like those of a server."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator, Mapping

_DESCRIPTORS = (
    "this machine has no file descriptor left",
    "raise the limit of open files (ulimit -n), or lower --concurrency; nothing is lost: run again",
)
_DISK = ("this machine has no disk space left", "free disk space on this machine; nothing is lost: run again")
_MEMORY = (
    "this machine has no memory left",
    "free memory on this machine, or lower --concurrency; nothing is lost: run again",
)
_BY_NUMBER: Mapping[int, tuple[str, str]] = {
    errno.EMFILE: _DESCRIPTORS,
    errno.ENFILE: _DESCRIPTORS,
    errno.ENOSPC: _DISK,
    errno.EDQUOT: _DISK,
    errno.ENOMEM: _MEMORY,
    errno.ENOBUFS: _MEMORY,
}
_BY_WORDS: Mapping[str, tuple[str, str]] = {
    "Too many open files": _DESCRIPTORS,
    "No space left on device": _DISK,
    "Disk quota exceeded": _DISK,
    "Cannot allocate memory": _MEMORY,
    "No buffer space available": _MEMORY,
}
"""How an operating system words the same, for libraries that pass on nothing but the text."""


_MARGIN = 4
"""Descriptors that one more connection takes: its socket, and files to resolve a name and to read certificates."""


def exhausted() -> int:
    """Return the system's error number if this process cannot open a few descriptors more, else 0."""
    opened: list[int] = []
    try:
        while len(opened) < _MARGIN:
            opened.append(os.open(os.devnull, os.O_RDONLY))
    except OSError as error:
        return error.errno or 0
    finally:
        for descriptor in opened:
            os.close(descriptor)
    return 0


def local_limit(text: str) -> tuple[str, str] | None:
    """Return message and hint if the text of an error is about a limit of this machine, not about a server."""
    return next((told for words, told in _BY_WORDS.items() if words in text), None)


def local_limit_numbered(number: int) -> tuple[str, str] | None:
    """As `local_limit`, for an error number of the system."""
    return _BY_NUMBER.get(number)


def local_limit_of(error: BaseException) -> tuple[str, str] | None:
    """As `local_limit`, for an error and all that it was raised from."""
    for each in _causes(error):
        if isinstance(each, OSError) and each.errno is not None and each.errno in _BY_NUMBER:
            return _BY_NUMBER[each.errno]
        if isinstance(each, MemoryError):
            return _MEMORY
    return local_limit(str(error))


def _causes(error: BaseException) -> Iterator[BaseException]:
    seen, left = set[int](), [error]
    while left:
        each = left.pop()
        if id(each) in seen:
            continue
        seen.add(id(each))
        yield each
        left += [linked for linked in (each.__cause__, each.__context__) if linked]
        if isinstance(each, BaseExceptionGroup):
            left += each.exceptions
