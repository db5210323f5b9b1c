"""Measures a whole process from start to end, including start-up and children."""

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
    """A process failed. The text is its exit code and the end of its output."""


@dataclass(frozen=True, slots=True)
class Cost:
    """`wall` and `cpu` in seconds, `peak` in bytes.

    `cpu` is user and system time of the process and of all children that it waited for. `peak` is that of the largest single
    process, as the kernel records it (getrusage(2), ru_maxrss). It includes our own size between fork and exec, about 20 MB,
    which is less than any contender uses.
    """

    wall: float
    cpu: float
    peak: int


def run_whole(
    command: Sequence[str],
    environ: Mapping[str, str],
    log: Path,
    *,
    stdout: Path | None = None,
    longest: float = LONGEST,
) -> Cost:
    """Run a program to its end, with output to `log`, or stdout to the file `stdout` if given, and return its costs.

    Raises RunFailed if it fails or takes longer than `longest` seconds. In any case no process of it stays running.
    """
    with contextlib.ExitStack() as files:
        output = files.enter_context(log.open("wb"))
        standard = files.enter_context(stdout.open("wb")) if stdout else output
        began = time.perf_counter()
        child = subprocess.Popen(  # noqa: S603 - our own programs
            command,
            stdin=subprocess.DEVNULL,
            stdout=standard,
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
        raise RunFailed(f"exit code {child.returncode}: {_tail(log, stdout)}")
    return Cost(wall, used.ru_utime + used.ru_stime, used.ru_maxrss * 1024)


def _wait(pid: int, longest: float) -> None:
    """Wait until the process has ended, without polling, because we share its cores. `wait4` reaps it later."""
    ended = os.pidfd_open(pid)
    try:
        if not select.select([ended], [], [], longest)[0]:
            raise RunFailed(f"not done after {longest:.0f} s")
    finally:
        os.close(ended)


def _stop(child: subprocess.Popen[bytes]) -> None:
    """Stop the rest of its process group: children that it did not wait for, and that may have temporary files to remove."""
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


def _tail(log: Path, stdout: Path | None) -> str:
    """Return the last line of the log and the end of stdout, where our command prints errors with `--json`."""
    lines = [line.strip() for line in log.read_text(errors="replace").splitlines() if line.strip()]
    printed = " ".join(stdout.read_text(errors="replace").split()) if stdout else ""
    return f"{(lines[-1] if lines else 'no output')[:160]} {printed[-500:]}".strip()
