"""obstore's threads do not survive a fork: without this check, a child would wait for them for ever.

obstore has one set of threads per process (pyo3-async-runtimes), so that opening another store in the child does not help.
"""

from __future__ import annotations

import os

from ..errors import ConfigurationError

_used_by: int | None = None


def check_not_forked(*, uses: bool = True) -> None:
    """Raise ConfigurationError if this process was forked from one that has used the store. `uses`: this process uses it now."""
    global _used_by
    process = os.getpid()
    if _used_by is not None and _used_by != process:
        raise ConfigurationError(
            f"this process ({process}) was forked from process {_used_by}, which has used the store: its threads are not here",
            hint="start processes with multiprocessing's method `spawn` or `forkserver`, or use the archive in one of them only",
        )
    if uses:
        _used_by = process
