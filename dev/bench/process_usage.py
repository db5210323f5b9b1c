"""What a whole process costs: from its start to its end, start-up and children included."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..local.children import die_with_parent

LONGEST, STOP_SECONDS = 300.0, 2.0


class RunFailed(Exception):
    """A process did not end well; the text is its exit code or the end of its log."""


@dataclass(frozen=True, slots=True)
class Cost:
    """`wall` and `cpu` (user and system, of the process and all children it waited for) in seconds, `peak` in bytes.

    `peak` is of the largest process alone: what the kernel keeps (getrusage(2), ru_maxrss). It also counts what stood in
    memory between fork and exec, our own size: about 20 MB, less than any contender's.
    """

    wall: float
    cpu: float
    peak: int


def run_whole(
    command: Sequence[str], environ: Mapping[str, str], log: Path, *, told: Path | None = None, longest: float = LONGEST
) -> Cost:
    """Run a program to its end, its output to `log`, that on stdout to `told` where that is named. Raises RunFailed, also
    after `longest` seconds; whatever happens, nothing of it stays running.
    """
    with contextlib.ExitStack() as files:
        output = files.enter_context(log.open("wb"))
        beside = files.enter_context(told.open("wb")) if told else output
        began = time.perf_counter()
        child = subprocess.Popen(  # noqa: S603 - our own programs
            command,
            stdin=subprocess.DEVNULL,
            stdout=beside,
            stderr=output,
            env=dict(environ),
            start_new_session=True,
            preexec_fn=die_with_parent,
        )
        try:
            _wait(child.pid, longest)
            _, status, used = os.wait4(child.pid, 0)
            wall = time.perf_counter() - began
            child.returncode = os.waitstatus_to_exitcode(status)
        finally:
            _stop(child)
    if child.returncode:
        raise RunFailed(f"exit code {child.returncode}: {_tail(log, told)}")
    return Cost(wall, used.ru_utime + used.ru_stime, used.ru_maxrss * 1024)


def _wait(pid: int, longest: float) -> None:
    """Until the process has ended, without waking up before: we share its cores. Leaves the reaping to `wait4`."""
    ended = os.pidfd_open(pid)
    try:
        if not select.select([ended], [], [], longest)[0]:
            raise RunFailed(f"not done after {longest:.0f} s")
    finally:
        os.close(ended)


def _stop(child: subprocess.Popen[bytes]) -> None:
    """What is left of its group; it may have children that it did not wait for, and they something in memory to take away."""
    deadline = time.monotonic() + STOP_SECONDS
    for number in (signal.SIGTERM, 0, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(child.pid, number)
            while number == 0 and time.monotonic() < deadline:
                time.sleep(0.02)
                child.poll()
                os.killpg(child.pid, number)
    if child.returncode is None:
        child.wait()


def _tail(log: Path, told: Path | None) -> str:
    """The last line of the log, and all that was told beside it: with `--json` our command tells an error there."""
    lines = [line.strip() for line in log.read_text(errors="replace").splitlines() if line.strip()]
    beside = " ".join(told.read_text(errors="replace").split()) if told else ""
    return f"{(lines[-1] if lines else 'no output')[:160]} {beside[-500:]}".strip()
