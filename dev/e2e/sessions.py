"""Runs programs whose children create their own process groups: they are found and stopped by session."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import psutil

from ..local.children import KILL_SECONDS, started


@contextlib.contextmanager
def session(command: Sequence[str], log: Path, environ: Mapping[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    """As `started`, but at the end no process of the session is left, whatever its process group."""
    child: subprocess.Popen[bytes] | None = None
    try:
        with started(command, log, environ) as child:
            yield child
    finally:
        if child:
            kill_session(child.pid)


def members(leader: int) -> list[psutil.Process]:
    """Return the processes in the session of `leader`, even if it has ended. Zombies are left out."""
    found = []
    for each in psutil.process_iter():
        with contextlib.suppress(psutil.Error, ProcessLookupError):
            if os.getsid(each.pid) == leader and each.status() != psutil.STATUS_ZOMBIE:
                found.append(each)
    return found


def kill_session(leader: int) -> None:
    """Kill every process of the session of `leader`."""
    deadline = time.monotonic() + KILL_SECONDS
    while (left := members(leader)) and time.monotonic() < deadline:
        for each in left:
            with contextlib.suppress(psutil.Error, ProcessLookupError):
                each.send_signal(signal.SIGKILL)
        time.sleep(0.02)
